"""Recovery points of a standing stack: taken, verified, and kept by the plan's rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from colordrill.backup.keeping import Forgotten, forget, sweep_failed, verify_point
from colordrill.backup.offsite import KINDS as OFFSITE_KINDS
from colordrill.backup.offsite import copying_off_site
from colordrill.backup.point_ids import point_id
from colordrill.backup.points import COPY_LIMIT_S, RecoveryPoint, Verification, catalogue
from colordrill.backup.restic import ResticStrategy
from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import Clock
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, EventType, History
from colordrill.scenario.backup_plan import BackupPlan
from colordrill.stack.target import Target

HISTORIES = "backups"
"""Folder of the run's directory with the history of each command that took points."""

TURN = "points.lock"
"""File of the run's directory that is locked by whoever takes a point."""

CLOCK_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A point that was taken, and what was done afterwards.

    Attributes:
        point: its id.
        verified: what its verification found; None: it was not asked for.
        forgotten: which points stay and which are gone.
    """

    point: str
    verified: Verification | None
    forgotten: Forgotten


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest point is that can be relied on.

    Attributes:
        age_s: since its copy began, by this machine's wall clock; None: there is no such point.
        max_age_s: how old it may be; None: nobody said.
        late: whether it is older, from the future (the clock was set back) or not there at all;
            None where nobody said how old it may be.
    """

    age_s: float | None
    max_age_s: float | None
    late: bool | None


def freshness(
    points: tuple[RecoveryPoint, ...],
    now: datetime,
    max_age_s: float | None,
    *,
    verified: bool = False,
) -> Freshness:
    """How old the newest of *points* is that is not known to be damaged.

    Args:
        points: oldest first.
        now: wall time (UTC): ids of points are wall times, and other processes made them.
        max_age_s: how old it may be.
        verified: only points that were verified count.
    """
    wanted = {"whole"} if verified else {"whole", "unknown"}
    ages_s = [(now - each.begun).total_seconds() for each in points if each.condition in wanted]
    age_s = ages_s[-1] if ages_s else None
    if max_age_s is None:
        return Freshness(age_s, None, None)
    fresh = age_s is not None and -CLOCK_TOLERANCE_S <= age_s <= max_age_s
    return Freshness(age_s, max_age_s, not fresh)


def take_now(
    target: Target, directory: Path, plan: BackupPlan, clock: Clock, say: Callable[[str], None]
) -> Taken:
    """Take a point, verify it if the plan wants that, and remove what no rule keeps.

    Args:
        target: the standing stack.
        directory: the run's private directory; gets the history of what was done.
        plan: of which the interval means nothing here.
        clock: times it.
        say: tells people how it goes.

    Raises:
        EnvironmentProblem: the point could not be published, not be copied off site where that was
            asked for, or not be looked at afterwards.
    """
    failures: list[str] = []

    away: list[str] = []

    def remember(event: Event) -> None:
        if event.type is EventType.FAIL and event.kind in {"snapshot", *OFFSITE_KINDS}:
            found = away if event.kind in OFFSITE_KINDS else failures
            found.append(str(event.data["error"]))

    def clear(point: str) -> None:
        try:
            swept = sweep_failed(target, point)
        except EnvironmentProblem as problem:
            say(f"what the failed copy left stays for now: {problem.cause}")
            return
        if swept:
            say(f"what failed copies left is removed: {', '.join(swept)}")

    with backing_up(target, directory, plan, clock) as schedule:
        schedule.history.listen(remember)
        schedule.failed = clear
        linked = schedule.linked_to is not None
        point = schedule.take()
        if point is None and linked and schedule.linked_to is None:
            say(f"{failures[-1]}\nonce more, without sharing files with an earlier point")
            point = schedule.take()
    if point is None:
        raise EnvironmentProblem(
            f"no recovery point was taken: {failures[-1]}",
            "see `colordrill backup list` for the points that there are",
        )
    if away:
        raise EnvironmentProblem(
            f"recovery point {point} is published, and something off site failed: {away[0]}",
            "see docs/how-to/keep-copies-off-site.md",
        )
    verified = verify_point(target, point) if plan.verify else None
    return Taken(point, verified, forget(target, plan.retention))


@contextmanager
def backing_up(
    target: Target, directory: Path, plan: BackupPlan, clock: Clock
) -> Iterator[BackupSchedule]:
    """A schedule that goes on after the points that there are; its history lies in *directory*.

    Raises:
        EnvironmentProblem: the points cannot be listed, or copies are to be made off site and the
            store refuses.
        RecordProblem: the history cannot be written.
    """
    points = catalogue(target)
    sound = [each.id for each in points if each.condition != "damaged"]
    folder = directory / HISTORIES
    folder.mkdir(exist_ok=True)
    with History(folder / f"{point_id(clock.wall())}-{os.getpid()}.jsonl", clock) as history:
        copied = copying_off_site(ResticStrategy(target), history, plan.offsite_every)
        yield BackupSchedule(
            target,
            history,
            clock,
            plan.interval_s,
            command_limit_s=COPY_LIMIT_S,
            newest=points[-1].id if points else None,
            linked_to=sound[-1] if sound else None,
            published=copied,
            shared=directory / TURN,
        )
