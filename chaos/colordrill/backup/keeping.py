"""Keeping recovery points trustworthy: verifying them, and removing those that no rule keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colordrill.backup.points import COPY_LIMIT_S, DAMAGED, Verification
from colordrill.errors import EnvironmentProblem
from colordrill.scenario.backup_plan import Retention
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target

FORGET_LIMIT_S = 600.0
LOOK = "see what the stack's container `backup` printed"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a removal of points did, or would do.

    Attributes:
        kept: the id of each point that stays and the rules that want it.
        removed: ids of those that are gone.
        in_use: ids of those that would be, and are being restored, copied or verified.
        swept: ids of copies that were cut and never published, whose leftovers are gone.
        held_back: why no point is removed at all, whatever the rules; empty where they hold.
    """

    kept: Mapping[str, tuple[str, ...]]
    removed: tuple[str, ...]
    in_use: tuple[str, ...]
    swept: tuple[str, ...]
    held_back: str = ""


def verify_point(target: Target, point: str) -> Verification:
    """Read every byte of a published point on the backup server; the result is kept there.

    Raises:
        EnvironmentProblem: there is no such point, or it could not be looked at. What was found
            before still stands.
    """
    failed = f"recovery point {point} could not be verified"
    command = ["colordrill-verify", point]
    done = target.execute(Part.BACKUP, command, timeout_s=COPY_LIMIT_S)
    told = _told(done, failed, accepted=(0, DAMAGED))
    try:
        damaged = tuple(str(each["file"]) for each in told["damaged"])
        whole = done.exit_code == 0
        if (told["outcome"] == "whole", not damaged) != (whole, whole):
            raise ValueError("its exit code and its words differ")
        return Verification(datetime.fromisoformat(told["at"]), len(damaged), damaged)
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(f"{failed}: {error!r}", LOOK) from error


def forget(
    target: Target, retention: Retention, *, dry_run: bool = False, copies: Sequence[str] = ()
) -> Forgotten:
    """Remove the points that no rule keeps, and what cut copies left.

    The newest point and the newest verified one always stay; without a rule every point does, and
    so it does while the newest one lies in the server's future.

    Args:
        target: the stack.
        retention: the rules.
        dry_run: say what would go; change nothing.
        copies: points whose copy has failed; what it left is removed without waiting whether more
            of it comes.

    Raises:
        EnvironmentProblem: another removal is at work, or the server could not. A point is there
            as a whole or not at all, whenever this fails.
    """
    failed = "recovery points could not be removed"
    command = [
        "colordrill-forget",
        f"--keep-last={retention.last}",
        f"--keep-hourly={retention.hourly}",
        f"--keep-daily={retention.daily}",
        f"--keep-within={retention.within_s}",
        *(["--dry-run"] if dry_run else []),
        *(f"--failed={point}" for point in copies),
    ]
    done = target.execute(Part.BACKUP, command, timeout_s=FORGET_LIMIT_S)
    told = _told(done, failed, accepted=(0,))
    try:
        removed, in_use, swept = (
            tuple(map(str, told[name])) for name in ("removed", "in_use", "swept")
        )
        kept = {str(each["point"]): tuple(each["reasons"]) for each in told["kept"]}
        held_back = str(told.get("held_back", ""))
        return Forgotten(kept, removed, in_use, swept, held_back)
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(f"{failed}: {error!r}", LOOK) from error


def sweep_failed(target: Target, point: str) -> tuple[str, ...]:
    """Remove what the failed copy of *point* left, and what other cut copies did.

    A disk that a copy has filled would otherwise stay full: leftovers count as well.

    Returns:
        The ids of the copies of which something was removed.

    Raises:
        EnvironmentProblem: it could not be removed.
    """
    return forget(target, Retention(), copies=[point]).swept


def _told(done: Executed, failed: str, accepted: tuple[int, ...]) -> Any:
    """What a program of the backup server printed."""
    if done.exit_code not in accepted:
        why = done.stderr.strip() or f"exit code {done.exit_code}"
        raise EnvironmentProblem(f"{failed}: {why}", "see `colordrill backup list`")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise EnvironmentProblem(
            f"{failed}: {done.stdout[:200]!r} is not what was asked for", LOOK
        ) from error
