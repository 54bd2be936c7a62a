"""Which recovery point a recovery restores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from colordrill.backup.point_ids import begun_at
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.recover.course import Course, World
from colordrill.recover.sources import ASK_FOR_COPIES, NO_POINT

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


def candidates(world: World, wish: Wish, course: Course) -> tuple[str, ...]:
    """The points that may be restored, in the order in which they are tried.

    A recovery that goes on stays with the point that it began to restore, unless another one is
    wished for. None where the DR site's data are kept: that needs no backup server.

    Args:
        world: the points that there are.
        wish: what was asked for.
        course: what is to be done.

    Raises:
        UsageProblem: there is no such point, or the DR site's data are to be kept.
        EnvironmentProblem: there is no point at all, or they cannot be listed.
    """
    if course.keep_data and wish != Wish():
        raise UsageProblem(
            f"no recovery point is restored over the DR site: {course.why}",
            "start again without --point and --before",
        )
    if course.keep_data:
        return ()
    if world.unlisted is not None:
        raise world.unlisted
    points = world.points
    if not points:
        raise EnvironmentProblem(NO_POINT, ASK_FOR_COPIES)
    if wish.point is not None:
        if wish.point not in points:
            raise UnknownName("recovery point", wish.point, points[-NAMED_MAX:])
        return (wish.point,)
    begun = course.incident.restored if course.incident is not None else ()
    if wish.before is not None:
        until = [each for each in points if begun_at(each) <= wish.before]
        if not until:
            raise UsageProblem(
                f"no recovery point was begun by {wish.before.isoformat()}",
                f"the oldest one is {points[0]}",
            )
    else:
        # where the one begun with is gone, the newest are tried
        until = [each for each in points if begun and each <= begun[-1]] or list(points)
    return tuple(reversed(until))
