"""Which recovery points a recovery may restore, and who is asked for them first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from colordrill.backup.points import RecoveryPoint
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.recover.course import Course
from colordrill.recover.incidents import Incident
from colordrill.recover.keepers import Choice, Keepers, Resumable
from colordrill.recover.sources import none_left

NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; at most one of them.

    Attributes:
        point: this one and no other.
        before: the newest one whose copy had begun by then.
    """

    point: str | None = None
    before: datetime | None = None

    @property
    def given(self) -> bool:
        """Whether anything was asked for."""
        return self.point is not None or self.before is not None


def candidates(keepers: Keepers, wish: Wish, course: Course) -> tuple[Resumable, ...]:
    """The points that may be restored, the keeper that is asked first at the front.

    That is the backup server, unless a time was wished for and the newest point by then is off
    site, or a restore from there was begun. Who keeps copies off site is not asked for its list
    before that is needed. A recovery that goes on stays with the point that it began to restore,
    unless another one is wished for. None where the DR site's data are kept: that needs no point at
    all.

    Args:
        keepers: keep the points.
        wish: what was asked for.
        course: what is to be done.

    Raises:
        UsageProblem: there is no such point, or the DR site's data are to be kept.
        EnvironmentProblem: there is no point at all, or none can be listed.
    """
    if course.keep_data and wish.given:
        raise UsageProblem(
            f"no recovery point is restored over the DR site: {course.why}",
            "start again without --point and --before",
        )
    if course.keep_data:
        return ()
    if wish.point is not None:
        return _named(keepers, wish.point)
    if wish.before is not None:
        return _until(keepers, wish.before)
    if course.incident is not None and course.incident.restored:
        return _gone_on_with(keepers, course.incident)
    return _any_of(keepers.candidates())


def _gone_on_with(keepers: Keepers, begun: Incident) -> tuple[Resumable, ...]:
    """No newer points than the one begun with; where that is gone, the newest."""
    near, offsite = keepers.candidates(_no_newer(begun.restored[-1]))
    # what came from there already need not come again
    found = (offsite, near) if begun.kept_by == offsite.keeper.name else (near, offsite)
    return found if any(each.newest() for each in found) else _any_of(keepers.candidates())


def _any_of(found: tuple[Resumable, ...]) -> tuple[Resumable, ...]:
    if any(each.newest() for each in found):
        return found
    raise none_left(_problems(found))


def _named(keepers: Keepers, point: str) -> tuple[Resumable, ...]:
    def named(points: Sequence[RecoveryPoint]) -> Sequence[RecoveryPoint]:
        # whatever was found when it was verified: there is no other to take in its place
        return [replace(each, verified=None) for each in points if each.id == point]

    found = keepers.candidates(named)
    if any(each.newest() for each in found):
        return found
    known = _known(keepers)
    if keepers.near.unlisted is not None:
        raise EnvironmentProblem(
            f"recovery point {point} is not off site, and {keepers.near.unlisted.cause}",
            f"off site there are {', '.join(known[:NAMED_MAX])}",
        )
    raise UnknownName("recovery point", point, known[:NAMED_MAX])


def _until(keepers: Keepers, before: datetime) -> tuple[Resumable, ...]:
    near, offsite = keepers.candidates(_chosen(lambda each: each.begun <= before))
    newest, copied = near.newest() or "", offsite.newest() or ""
    if newest or copied:
        return (near, offsite) if newest >= copied else (offsite, near)
    known = _known(keepers)
    raise UsageProblem(
        f"no recovery point was begun by {before.isoformat()}", f"the oldest one is {known[-1]}"
    )


def _no_newer(point: str) -> Choice:
    return _chosen(lambda each: each.id <= point)


def _chosen(holds: Callable[[RecoveryPoint], bool]) -> Choice:
    return lambda points: [each for each in points if holds(each)]


def _known(keepers: Keepers) -> list[str]:
    """Ids of all points that could be listed, newest first; never none.

    Raises:
        EnvironmentProblem: there is no point, or none can be listed.
    """
    listed = [each.points() for each in keepers.candidates() if each.newest()]
    if not listed:
        raise none_left(_problems(keepers.candidates()))
    return sorted({each.id for points in listed for each in points}, reverse=True)


def _problems(found: Sequence[Resumable]) -> list[EnvironmentProblem]:
    """Why none of them has a point to restore."""
    problems = []
    for each in found:
        try:
            each.points()
        except EnvironmentProblem as problem:
            problems.append(problem)
    return problems
