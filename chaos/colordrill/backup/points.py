"""Recovery points: how they are named, listed and restored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

LIST_LIMIT_S = 30.0
RESTORE_LIMIT_S = 600.0
DAMAGED = 5
"""Exit code of the backup image's programs: the point is not what its manifest says."""

KEYS: Mapping[str, Mapping[str, type]] = {
    "colordrill-restore": {"files": int},
    "colordrill-scrub": {"files": int, "differs": list, "absent": list, "newer": list},
    "colordrill-repair": {"brought": list, "newer": list},
}
"""What the summary of each program holds."""


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A published, restorable state.

    Attributes:
        id: the UTC time at which its copy began; ids sort by time.
        strategy: how it was made.
        files: how many it holds.
        size_bytes: their size.
    """

    id: str
    strategy: str
    files: int
    size_bytes: int


def point_id(wall: datetime) -> str:
    """The id of a point whose copy begins at *wall* (UTC)."""
    return f"{wall:%Y%m%dT%H%M%S}.{wall.microsecond // 1000:03d}Z"


def begun_at(point: str) -> datetime:
    """When the copy of *point* began (UTC), as its id says.

    Raises:
        EnvironmentProblem: it is no id of a point.
    """
    try:
        return datetime.strptime(point, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise EnvironmentProblem(f"{point!r} is no recovery point's id") from error


def list_points(target: Target) -> tuple[RecoveryPoint, ...]:
    """The published recovery points on the backup server, oldest first.

    Raises:
        EnvironmentProblem: the backup server does not answer or lists nonsense.
    """
    listed = target.execute(Part.BACKUP, ["colordrill-points"], timeout_s=LIST_LIMIT_S)
    try:
        if listed.exit_code != 0:
            raise ValueError(listed.stderr.strip() or f"exit code {listed.exit_code}")
        return tuple(
            RecoveryPoint(each["point"], each["strategy"], each["files"], each["bytes"])
            for each in json.loads(listed.stdout)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentProblem(
            f"the recovery points cannot be listed: {error}", "see logs/backup.log"
        ) from error


def newest_until(target: Target, point: str) -> str:
    """The newest published recovery point that is no newer than *point*.

    Raises:
        EnvironmentProblem: there is none, or they cannot be listed.
    """
    until = [each.id for each in list_points(target) if each.id <= point]
    if not until:
        raise EnvironmentProblem(
            f"the backup server holds no recovery point from {point or 'before the fault'} or "
            "before",
            "restore the off-site copy",
        )
    return until[-1]


class PointDamaged(EnvironmentProblem):
    """A recovery point is not what its manifest says; an older one may be whole."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """How a site differs from a recovery point; paths are relative to the site.

    Attributes:
        point: the recovery point.
        files: how many it holds.
        differs: files whose bytes are not the point's.
        absent: files that the site lacks.
        newer: files that somebody has written since the point was begun, whole.
    """

    point: str
    files: int
    differs: tuple[str, ...]
    absent: tuple[str, ...]
    newer: tuple[str, ...]

    @property
    def damaged(self) -> tuple[str, ...]:
        """What a repair would bring back, sorted."""
        return tuple(sorted((*self.differs, *self.absent)))


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair brought back, verified, and what it left because it is newer."""

    brought: tuple[str, ...]
    newer: tuple[str, ...]


def restore_point(target: Target, agent: Part, point: str) -> int:
    """Restore *point* into the empty volumes of *agent*'s site; every file is verified.

    Where it fails, the site is empty as before, so that another point can be tried.

    Returns:
        The number of files restored.

    Raises:
        PointDamaged: the point is not what its manifest says.
        EnvironmentProblem: the site holds data, or the link failed.
    """
    told = _told(
        target,
        agent,
        ["colordrill-restore", point],
        f"recovery point {point} could not be restored",
    )
    return int(told["files"])


def scrub(target: Target, agent: Part, point: str) -> Scrubbed:
    """Compare *agent*'s site with the published *point*; changes nothing.

    Raises:
        PointDamaged: the point's manifest is damaged.
        EnvironmentProblem: the point cannot be reached.
    """
    failed = f"the site could not be compared with recovery point {point}"
    told = _told(target, agent, ["colordrill-scrub", point], failed)
    lists = (tuple(map(str, told[name])) for name in ("differs", "absent", "newer"))
    return Scrubbed(point, int(told["files"]), *lists)


def repair_from(target: Target, agent: Part, point: str, paths: Sequence[str]) -> Repaired:
    """Bring *paths* of *point* back into *agent*'s site, which may hold data; each is verified.

    A folder brings back what is absent or damaged in it, a named file is brought back whatever is
    there now. What is not in the point stays as it is.

    Raises:
        PointDamaged: the point is not what its manifest says; nothing was replaced.
        EnvironmentProblem: a path outside the site or not in the point, or the link failed.
    """
    command = ["colordrill-repair", point, "--", *paths]
    failed = f"the site could not be repaired from recovery point {point}"
    told = _told(target, agent, command, failed)
    return Repaired(tuple(map(str, told["brought"])), tuple(map(str, told["newer"])))


def _told(target: Target, agent: Part, command: list[str], failed: str) -> Any:
    """The summary that a program of the backup image printed; what it holds is as in `KEYS`."""
    done = target.execute(agent, command, timeout_s=RESTORE_LIMIT_S)
    if done.exit_code != 0:
        kind = PointDamaged if done.exit_code == DAMAGED else EnvironmentProblem
        raise kind(f"{failed}: {done.stderr.strip() or f'exit code {done.exit_code}'}")
    try:
        told = json.loads(done.stdout)
        for key, expected in KEYS[command[0]].items():
            if not isinstance(told[key], expected):
                raise TypeError(key)
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(
            f"{failed}: {command[0]} printed {done.stdout[:200]!r}, which is not its summary"
        ) from error
    return told
