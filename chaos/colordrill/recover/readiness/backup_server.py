"""The backup server: is the newest point young and whole, and is there room for it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from colordrill.backup.point_ids import begun_at
from colordrill.look import Look
from colordrill.recover.readiness.examined import READ_LIMIT_S, Examined
from colordrill.stack.parts import Part, SiteFolder

VERIFY_LIMIT_S = 600.0
BYTES_PER_MB = 1_000_000
ROOM_FACTOR = 1.2
"""A restored site must be able to go on working."""

ROOM_MIN_MB = 100
SHOWN = 3

# every byte of the newest point, and the manifests of all
_VERIFY = r"""
import hashlib, json, os, sys
root, point = "/backup/points", sys.argv[1]
unreadable = []
for name in sorted(os.listdir(root)):
    try:
        with open(os.path.join(root, name, "MANIFEST.json")) as file:
            json.load(file)["files"]
    except (OSError, ValueError, LookupError, TypeError):
        unreadable.append(name)
with open(os.path.join(root, point, "MANIFEST.json")) as file:
    files = json.load(file)["files"]
damaged = []
for name, entry in sorted(files.items()):
    try:
        with open(os.path.join(root, point, name), "rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == entry["sha256"]
    except OSError:
        whole = False
    if not whole:
        damaged.append(name)
print(json.dumps({"unreadable": unreadable, "damaged": damaged, "files": len(files)}))
"""
_ROOM = r"""
import json, os, sys
found = []
for path in sys.argv[1:]:
    room = os.statvfs(path)
    found.append([os.stat(path).st_dev, room.f_bavail * room.f_frsize])
print(json.dumps(found))
"""


def newest_point(examined: Examined) -> Iterator[Look]:
    """How old the newest published point is, from the beginning of its copy."""
    points = examined.points()
    age_s = None
    if points:
        age_s = (examined.clock.wall() - begun_at(points[-1].id)).total_seconds()
    note = f"newest of {len(points)}: {points[-1].id}" if points else ""
    yield Look("newest_point", "seconds since the newest point was begun", seen=age_s, note=note)


def points_whole(examined: Examined) -> Iterator[Look]:
    """Every byte of the newest point is what its manifest says, and every manifest can be read."""
    # by its id alone: a point whose configuration is damaged is the one to be found
    point = examined.newest()
    doing = f"verify recovery point {point}"
    told = examined.ask(Part.BACKUP, _VERIFY, (point,), doing, VERIFY_LIMIT_S)
    note = f"{told['files']} files"
    yield Look("points_whole", point, "whole", _listed(told["damaged"], "damaged"), note=note)
    seen = _listed(told["unreadable"], "damaged")
    yield Look("points_whole", "the manifests of all points", "whole", seen)


def _listed(names: list[str], what: str) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what}: {', '.join(map(str, names[:SHOWN]))}{more}" if names else "whole"


def room_at_dr(examined: Examined) -> Iterator[Look]:
    """The DR site's volumes can take the newest point, and a fifth more."""
    sizes = examined.point().sizes
    paths = [f"/site/{folder}" for folder in SiteFolder]
    told = examined.ask(Part.DR_AGENT, _ROOM, paths, "see how much room there is", READ_LIMIT_S)
    # folders may share a file system: then together they must fit into it
    shared: dict[Any, tuple[list[str], float]] = {}
    for folder, (device, free) in zip(SiteFolder, told, strict=True):
        names, _ = shared.get(device, ([], 0.0))
        shared[device] = ([*names, str(folder)], free)
    for names, free in shared.values():
        needed = sum(sizes.get(name, 0) for name in names)
        yield _room(f"MB free for the DR site's {', '.join(names)}", free, needed)


def room_on_server(examined: Examined) -> Iterator[Look]:
    """The backup server can take another point that shares nothing with the ones before."""
    told = examined.ask(Part.BACKUP, _ROOM, ["/backup"], "see how much room there is", READ_LIMIT_S)
    yield _room("MB free on the backup server", told[0][1], sum(examined.point().sizes.values()))


def _room(subject: str, free: float, needed: float) -> Look:
    wanted = max(float(ROOM_MIN_MB), needed / BYTES_PER_MB * ROOM_FACTOR)
    return Look("free_space", subject, round(wanted, 1), round(free / BYTES_PER_MB, 1))
