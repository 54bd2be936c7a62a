"""Recovery points: how they are listed, verified, removed and restored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colordrill.backup.point_ids import begun_at
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

LIST_LIMIT_S = 30.0
RESTORE_LIMIT_S = 600.0
COPY_LIMIT_S = 6 * 3600.0
"""Far beyond any copy that still moves: rsync itself ends one that stands still."""
NOT_EMPTY = 3
"""Exit code of a restore: the site holds what no restore is known to have put there."""

SITE_FAULT = 7
"""Exit code of a restore: the site's own disk or rights do not let it, whatever the point is."""

DAMAGED = 5
"""Exit code of the backup image's programs: the point is not what its manifest says."""


MEND_SITE = (
    "see whether the site's disk has room and inodes, lets its agent write and reads what it "
    "holds; then start again"
)

KEYS: Mapping[str, Mapping[str, type]] = {
    "colordrill-restore": {"files": int},
    "colordrill-scrub": {"files": int, "differs": list, "absent": list, "newer": list},
}
"""What the summary of each program holds."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What the last verification of a point found; every byte was read.

    Attributes:
        at: when, by the backup server's clock (UTC).
        damaged_files: how many files are not what the manifest says.
        damaged: some of them, by path relative to the site.
    """

    at: datetime
    damaged_files: int = 0
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A published, restorable state.

    Attributes:
        id: the UTC time at which its copy began; ids sort by time.
        strategy: how it was made.
        files: how many it holds.
        size_bytes: their size.
        verified: what was found when it was last verified; None: nobody has, or its manifest is
            another one since.
        problem: why its manifest cannot be used; then nothing else is known of it.
    """

    id: str
    strategy: str
    files: int
    size_bytes: int
    verified: Verification | None = None
    problem: str = ""

    @property
    def begun(self) -> datetime:
        """When its copy began."""
        return begun_at(self.id)

    @property
    def condition(self) -> str:
        """``whole``, ``damaged``, or ``unknown`` where nobody has verified it."""
        if self.problem or (self.verified and self.verified.damaged_files):
            return "damaged"
        return "whole" if self.verified else "unknown"


def list_points(target: Target) -> tuple[RecoveryPoint, ...]:
    """The published recovery points on the backup server, oldest first.

    Those whose manifest cannot be used are left out: nothing can be restored from them.

    Raises:
        EnvironmentProblem: the backup server does not answer or lists nonsense.
    """
    return _listed(target, ["colordrill-points"])


def catalogue(target: Target) -> tuple[RecoveryPoint, ...]:
    """As `list_points`, and with the points whose manifest cannot be used."""
    return _listed(target, ["colordrill-points", "--all"])


def _listed(target: Target, command: list[str]) -> tuple[RecoveryPoint, ...]:
    listed = target.execute(Part.BACKUP, command, timeout_s=LIST_LIMIT_S)
    try:
        if listed.exit_code != 0:
            raise ValueError(listed.stderr.strip() or f"exit code {listed.exit_code}")
        return tuple(_point(each) for each in json.loads(listed.stdout))
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentProblem(
            f"the recovery points cannot be listed: {error}", "see logs/backup.log"
        ) from error


def _point(listed: Any) -> RecoveryPoint:
    if "problem" in listed:
        return RecoveryPoint(listed["point"], "", 0, 0, problem=str(listed["problem"]))
    return RecoveryPoint(
        listed["point"],
        listed["strategy"],
        listed["files"],
        listed["bytes"],
        _verification(listed.get("verified")),
    )


def _verification(told: Any) -> Verification | None:
    if told is None:
        return None
    count = int(told["damaged_files"])
    if (told["outcome"] == "whole") != (count == 0):
        raise ValueError(f"a verification says {told['outcome']} of {count} damaged files")
    at = datetime.fromisoformat(told["at"])
    return Verification(at, count, tuple(map(str, told["damaged"])))


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


class SiteHoldsData(EnvironmentProblem):
    """A restore refused a site that holds somebody's data; nothing of the point was put there."""


class SiteFault(EnvironmentProblem):
    """A site cannot be written or read where it is restored; the point is not to blame.

    No other point may be tried for it: an older one that happens to fit is a loss of data.

    Args:
        cause: what could not be written or read.
        _: what else could be done; the site comes first.
    """

    def __init__(self, cause: str, _: str = "") -> None:
        super().__init__(cause, MEND_SITE)


_KINDS: Mapping[int, type[EnvironmentProblem]] = {
    DAMAGED: PointDamaged,
    NOT_EMPTY: SiteHoldsData,
    SITE_FAULT: SiteFault,
}


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


def restore_point(target: Target, agent: Part, point: str) -> int:
    """Restore *point* into the empty volumes of *agent*'s site; every file is verified.

    Where it fails, the site is empty as before, so that another point can be tried.

    Returns:
        The number of files restored.

    Raises:
        PointDamaged: the point is not what its manifest says.
        SiteFault: the site cannot be written or read.
        EnvironmentProblem: the site holds data, or the link failed.
    """
    told = _told(
        target,
        agent,
        ["colordrill-restore", point],
        f"recovery point {point} could not be restored",
    )
    return int(told["files"])


@dataclass(frozen=True, slots=True)
class Restored:
    """How many files of a point stand at a site now, and how many of them stood there already."""

    files: int
    kept: int


def restore_after(
    target: Target, agent: Part, point: str, earlier: Sequence[str], canaries: str
) -> Restored:
    """Restore *point* from the backup server, as `Strategy.restore_after` has it.

    Raises:
        PointDamaged: the point is not what its manifest says; the site is empty.
        SiteHoldsData: the site holds what no restore is known to have left.
        SiteFault: the site cannot be written or read; what an earlier restore left is still there.
        EnvironmentProblem: the link failed; the same.
    """
    command = ["colordrill-restore", point, *after_words(earlier, canaries)]
    failed = f"recovery point {point} could not be restored"
    # a site of real size takes its time, and a restore that is under way is waited for
    told = _told(target, agent, command, failed, COPY_LIMIT_S)
    return Restored(int(told["files"]), int(told.get("kept", 0)))


def after_words(earlier: Sequence[str], canaries: str) -> list[str]:
    """The options that say to a restore what earlier ones may have left at the site."""
    return ["--canaries", canaries, *(word for each in earlier for word in ("--after", each))]


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


def _told(
    target: Target,
    agent: Part,
    command: list[str],
    failed: str,
    limit_s: float = RESTORE_LIMIT_S,
) -> Any:
    """The summary that a program of the backup image printed; what it holds is as in `KEYS`."""
    done = target.execute(agent, command, timeout_s=limit_s)
    if done.exit_code != 0:
        kind = _KINDS.get(done.exit_code, EnvironmentProblem)
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
