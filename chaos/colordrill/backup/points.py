"""Recovery points: how they are named, listed and restored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

LIST_LIMIT_S = 30.0
RESTORE_LIMIT_S = 600.0


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


class DamagedPoint(EnvironmentProblem):
    """A recovery point is not what its manifest says; the site was left empty."""


def repair_from(target: Target, agent: Part, point: str, paths: Sequence[str]) -> int:
    """Bring the named folders or files of *point* back into a site that holds data."""
    raise EnvironmentProblem("interim")


def restore_point(target: Target, agent: Part, point: str) -> int:
    """Restore *point* into the empty volumes of *agent*'s site; every file is verified.

    Returns:
        The number of files restored.

    Raises:
        EnvironmentProblem: the site holds data, the link failed, or a file differs.
    """
    restored = target.execute(agent, ["colordrill-restore", point], timeout_s=RESTORE_LIMIT_S)
    if restored.exit_code != 0:
        raise EnvironmentProblem(
            f"recovery point {point} could not be restored: "
            f"{restored.stderr.strip() or f'exit code {restored.exit_code}'}"
        )
    try:
        return int(json.loads(restored.stdout)["files"])
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(
            f"recovery point {point}: colordrill-restore printed {restored.stdout[:200]!r}, "
            "which is not its summary"
        ) from error


def scrub(target, agent, point):
    raise EnvironmentProblem("interim")
