"""A stack of which files are brought back: its programs work on sites and points in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.incident import FakeGateway
from fakes.points_on_disk import PointsOnDisk
from fakes.target import FakePart, FakeTarget

Files = dict[str, bytes]
RUNNING = (
    Part.PRIMARY_AGENT,
    Part.DR_AGENT,
    Part.BACKUP,
    Part.GATEWAY,
    Part.PRIMARY_COLORIZATION,
)


@dataclass
class RestoringStack:
    """Sites and points by their files.

    Attributes:
        root: the directory of this machine that is the backup server's disk.
        points: id to files.
        sites: files of each site, by its agent.
        known_damaged: points whose verification found damage.
        rotten: points that turn out damaged when something is brought from them.
        commands: what was run.
    """

    root: Path
    points: dict[str, Files]
    sites: dict[Part, Files] = field(
        default_factory=lambda: {Part.PRIMARY_AGENT: {}, Part.DR_AGENT: {}}
    )
    known_damaged: set[str] = field(default_factory=set)
    rotten: set[str] = field(default_factory=set)
    commands: list[list[str]] = field(default_factory=list)
    target: FakeTarget = field(init=False)
    gateway: FakeGateway = field(init=False)

    def __post_init__(self) -> None:
        programs = dict.fromkeys(("colordrill-repair", "colordrill-versions"), self.run)
        self.target = FakeTarget({part: FakePart() for part in RUNNING}, dict(programs))
        self.gateway = FakeGateway(self.target)
        self.target.programs["haproxy-command"] = self.gateway.run
        self.target.programs["colordrill-points"] = self._list
        disk = PointsOnDisk(self.root / "backup")
        disk.prepare()
        for point, files in self.points.items():
            disk.put(point, files)
        self.target.disks = {Part.BACKUP: self.root}

    @property
    def primary(self) -> Files:
        """What the primary has."""
        return self.sites[Part.PRIMARY_AGENT]

    def run(self, part: Part, command: Sequence[str]) -> Executed:
        self.commands.append(list(command))
        options, paths = command[1 : command.index("--")], command[command.index("--") + 1 :]
        if command[0] == "colordrill-repair":
            return self._repair(part, options, paths)
        if options[0] == "site":
            told = {path: _digest(self.sites[part].get(path)) for path in paths}
            return Executed(0, json.dumps(told), "")
        told_points = [
            {"point": point, "files": {path: _digest(files.get(path)) for path in paths}}
            for point, files in self.points.items()
        ]
        return Executed(0, json.dumps(told_points), "")

    def _repair(self, part: Part, options: Sequence[str], paths: Sequence[str]) -> Executed:
        point, site = options[-1], self.sites[part]
        if point in self.rotten:
            return Executed(5, "", "1 restored file is not what the manifest says\n")
        files = self.points[point]
        brought = [
            name
            for name in sorted(files)
            if any(name == path or name.startswith(f"{path}/") for path in paths)
            and site.get(name) != files[name]
        ]
        for path in paths:
            if not any(name == path or name.startswith(f"{path}/") for name in files):
                return Executed(2, "", f"{path!r} is not in the recovery point {point}\n")
        overwrites = [name for name in brought if site.get(name, b"").startswith(b"newer")]
        if "--dry-run" not in options:
            site.update({name: files[name] for name in brought})
        told = {"point": point, "brought": brought, "overwrites": overwrites, "newer": []}
        return Executed(0, json.dumps(told), "")

    def _list(self, _part: Part, _command: Sequence[str]) -> Executed:
        listed = []
        for point in self.points:
            damaged = {
                "at": "2026-11-22T20:16:00+00:00",
                "outcome": "damaged",
                "damaged_files": 1,
                "damaged": ["output/a.png"],
            }
            verified = damaged if point in self.known_damaged else None
            known = {"strategy": "rsync", "files": 3, "bytes": 42, "verified": verified}
            listed.append({"point": point, **known})
        return Executed(0, json.dumps(listed), "")


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()
