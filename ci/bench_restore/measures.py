"""What is measured: each of ours beside the plain commands that do as much without its promises."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from lab import BUCKET, Lab
from rounds import in_turn

from colordrill.backup.point_ids import point_id
from colordrill.clock import SystemClock

SEED = 1
SMALL_BYTES = 4096
SETTLE_S = 2.5
"""A file that changed within two seconds is read again by the next copy."""

BACKUP_MAX = 1.3
RESTORE_MAX = 1.2
OFFSITE_MAX = 1.5
S3_MAX = 1.5
HASHING_MAX = 1.1
LINEAR_MAX = 1.5
BOUND_FROM_FILES, BOUND_FROM_MB = 100_000, 1_000
"""With less the start of the programs is what counts: there are no bounds then."""

MODULE = "rsync://agent@$BACKUP_SERVER/backup"
HASH_ALL = "find /site/output -type f -print0 | xargs -0 --no-run-if-empty"
Figures = Mapping[str, float]


@dataclass(slots=True)
class Points:
    """Takes points of the primary's site, one linked to the other.

    Attributes:
        lab: the containers.
        newest: the last that was published.
    """

    lab: Lab
    newest: str | None = None
    _numbers: Iterator[int] = field(init=False, default_factory=lambda: itertools.count(1))
    _began: datetime = field(init=False, default_factory=lambda: datetime.now(UTC))

    def take(self) -> None:
        """Copy and publish."""
        point = point_id(self._began + timedelta(seconds=next(self._numbers)))
        linked = ("--previous", self.newest) if self.newest else ()
        self.lab.primary.run("colordrill-snapshot", point, *linked)
        self.lab.server.run("colordrill-publish", point)
        self.newest = point

    def remove_others(self) -> None:
        """Leave the newest point and the plain copy that others are compared with."""
        older = f"find points -mindepth 1 -maxdepth 1 ! -name '{self.newest}' -exec rm -rf {{}} +"
        self.lab.server.run("sh", "-c", f"cd /backup && rm -rf incoming/plain && {older}")


def fill(lab: Lab, files: int, mean_bytes: int) -> Points:
    """A tree at the primary, and nothing else anywhere; returns who takes points of it."""
    for site in (lab.primary, lab.dr):
        site.empty_site()
    lab.server.run("sh", "-c", "rm -rf /backup/points/* /backup/incoming/*")
    lab.primary.script("tree.py", "/site/output", str(files), str(mean_bytes), str(SEED))
    SystemClock().pause(SETTLE_S)
    return Points(lab)


def bound_from(bound: float, size: int, least: int) -> float:
    """*bound*, or none where *size* is less than *least*."""
    return bound if size >= least else float("inf")


def unchanged(lab: Lab, sizes: tuple[int, ...], rounds: int) -> Iterator[tuple[str, Figures]]:
    """A further point of a tree that did not change, and its restore, for each size."""
    backups, restores = {}, {}
    for files in sizes:
        points = fill(lab, files, SMALL_BYTES)
        points.take()
        lab.primary.run("sh", "-c", f"rsync -a /site/ {MODULE}/incoming/plain-base/")
        plain = f"rsync -a --link-dest=/incoming/plain-base /site/ {MODULE}/incoming/plain/"
        figures = in_turn(
            lab,
            points.take,
            partial(lab.primary.run, "sh", "-c", plain),
            rounds,
            after=points.remove_others,
            bound=bound_from(BACKUP_MAX, files, BOUND_FROM_FILES),
        )
        backups[files] = figures
        yield f"backup of {files} unchanged files", figures
        _see_shared(lab, points, files)
        figures = _restored(lab, points, max(1, rounds // 2), float("inf"))
        restores[files] = figures
        yield f"restore of {files} small files", figures
    for what, taken in (("backed up", backups), ("restored", restores)):
        yield f"a further file {what}, many to few", _linear(taken)


def _see_shared(lab: Lab, points: Points, files: int) -> None:
    """A copy that is quick because it holds nothing would be no figure."""
    listed = json.loads(lab.server.run("colordrill-points"))
    found = {each["point"]: each["files"] for each in listed}
    if found != {points.newest: files}:
        raise SystemExit(f"{points.newest} should hold {files} files, and there is {found}")


def _linear(taken: Mapping[int, Figures]) -> Figures:
    """Time for each further file among many, to that among few; processor time is told besides."""
    few, more, many = sorted(taken)

    def further_us(figure: str) -> tuple[float, float]:
        first = (taken[more][figure] - taken[few][figure]) / (more - few)
        return first * 1e6, (taken[many][figure] - taken[more][figure]) / (many - more) * 1e6

    first_us, last_us = further_us("ours_s")
    first_cpu_us, last_cpu_us = further_us("ours_cpu_s")
    return {
        "ratio": last_us / first_us,
        "bound": bound_from(LINEAR_MAX, many, BOUND_FROM_FILES),
        "few_us": first_us,
        "many_us": last_us,
        "cpu_ratio": last_cpu_us / first_cpu_us,
    }


def _restored(lab: Lab, points: Points, rounds: int, bound: float) -> Figures:
    """Ours against the same files by rsync over the same network, hashed by sha256sum."""
    source = f"{MODULE}/points/{points.newest}/output/"
    plain = f"rsync -a {source} /site/output/ && {HASH_ALL} sha256sum > /dev/null"
    return in_turn(
        lab,
        lambda: lab.dr.run("colordrill-restore", str(points.newest)),
        lambda: lab.dr.run("sh", "-c", plain),
        rounds,
        after=lab.dr.empty_site,
        bound=bound,
    )


def _restored_from_s3(lab: Lab, point: str, rounds: int, bound: float) -> Figures:
    """Ours against rclone, which copies the newest versions and compares their MD5."""

    def emptied() -> None:
        for site in (lab.dr, lab.rclone):
            site.empty_site()

    return in_turn(
        lab,
        lambda: lab.dr.run("colordrill-s3", "restore", point),
        lambda: lab.rclone.run("rclone", "copy", f"{BUCKET}:{BUCKET}/files/output", "/site/output"),
        rounds,
        after=emptied,
        bound=bound,
    )


def large(lab: Lab, files: int, megabytes: int, rounds: int) -> Iterator[tuple[str, Figures]]:
    """Hashing and all ways of restoring a tree of larger files."""
    points = fill(lab, files, megabytes * 1_000_000 // files)
    size = f"{megabytes} MB, {files} files"
    yield (
        f"hashing {size}",
        in_turn(
            lab,
            lambda: lab.primary.script("hash_all.py", "/site/output"),
            lambda: lab.primary.run(
                "sh", "-c", f"{HASH_ALL} -n 64 -P $(nproc) sha256sum > /dev/null"
            ),
            rounds,
            after=lambda: None,
            bound=bound_from(HASHING_MAX, megabytes, BOUND_FROM_MB),
        ),
    )
    points.take()
    yield (
        f"restore of {size}",
        _restored(lab, points, rounds, bound_from(RESTORE_MAX, megabytes, BOUND_FROM_MB)),
    )
    lab.server.run("colordrill-offsite", "copy", str(points.newest))
    # no cache: a site in a disaster has none
    plain = ("restic", "--no-cache", "--quiet", "restore", "latest", "--no-lock")
    yield (
        f"off-site restore of {size}",
        in_turn(
            lab,
            lambda: lab.dr.run("colordrill-offsite", "restore", str(points.newest)),
            lambda: lab.dr.run(*plain, "--exclude=/MANIFEST.json", "--target=/site"),
            rounds,
            after=lab.dr.empty_site,
            bound=bound_from(OFFSITE_MAX, megabytes, BOUND_FROM_MB),
        ),
    )
    lab.primary.run("colordrill-s3", "take", str(points.newest))
    bound = bound_from(S3_MAX, megabytes, BOUND_FROM_MB)
    yield f"restore from S3 of {size}", _restored_from_s3(lab, str(points.newest), rounds, bound)
