"""The runbook for a site that is lost: five steps that bring the service back at the DR site.

1. ``start``   see that the DR container is what the primary was, and start it; its volumes are
   bound and still empty, no model is loaded
2. ``mount``   mount the newest recovery point that is whole into those volumes, every file verified
3. ``verify``  interface and function: one canary of every kind, judged by its picture
4. ``switch``  switch the gateway to the DR site and see the public address answer from it
5. ``record``  write down what was restored and how long it took
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from colordrill.backup.points import PointDamaged, list_points, restore_point
from colordrill.clock import seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.recover.gateway import switch_gateway
from colordrill.recover.probes import make_as_primary, make_writable
from colordrill.recover.steps import Operator, RunbookEnd, StepDone
from colordrill.stack.parts import Part, Site

POINTS_TRIED_MAX = 5


@dataclass(slots=True)
class FailoverRunbook:
    """Recovers the service at the DR site.

    Attributes:
        operator: who carries it out.
    """

    operator: Operator
    _started_ns: int = field(init=False, default=0)
    _point: str = field(init=False, default="")

    def run(self) -> RunbookEnd:
        """Take the steps in order; the first that does not succeed ends the runbook."""
        self._started_ns = self.operator.clock.now_ns()
        return self.operator.carry_out(
            (
                ("start", self._start),
                ("mount", self._mount),
                ("verify", self._verify),
                ("switch", self._switch),
                ("record", self._record),
            )
        )

    def _start(self) -> StepDone:
        return StepDone(start_dr(self.operator, self._points()[0]))

    def _mount(self) -> StepDone:
        target = self.operator.target

        def restore(point: str) -> str:
            files = restore_point(target, Part.DR_AGENT, point)
            return f"{files} files, every hash verified"

        done = mount_whole(self.operator, self._points(), restore)
        self._point = done.point or ""
        return done

    def _verify(self) -> StepDone:
        return StepDone(self.operator.judge_site(Site.DR))

    def _switch(self) -> StepDone:
        operator = self.operator
        return StepDone(switch_gateway(operator.target, operator.public, Site.DR, operator.clock))

    def _record(self) -> StepDone:
        spent_s = seconds_between(self._started_ns, self.operator.clock.now_ns())
        return StepDone(f"restored {self._point} and switched in {spent_s:.1f} s of runbook time")

    def _points(self) -> list[str]:
        """The recovery points, newest first."""
        points = [each.id for each in reversed(list_points(self.operator.target))]
        if not points:
            raise EnvironmentProblem("the backup server holds no recovery point")
        return points


def start_dr(operator: Operator, point: str) -> str:
    """Start the DR container, created anew where it is not what *point*'s configuration says.

    Returns:
        What was done, for the record.

    Raises:
        EnvironmentProblem: it cannot be made so, or does not answer.
    """
    mended = make_as_primary(operator, point)
    operator.target.start(Part.DR_COLORIZATION)
    operator.await_answer(Site.DR)
    told = "the DR container answers; no model is loaded yet"
    return f"{mended}; {told}" if mended else told


def mount_whole(
    operator: Operator, points: Sequence[str], restore: Callable[[str], str]
) -> StepDone:
    """Restore the first of *points* that is whole into the DR site.

    Args:
        operator: who does it.
        points: the candidates, in the order in which they are tried.
        restore: restores one and tells how; raises PointDamaged where it is not whole.

    Raises:
        EnvironmentProblem: none of the first few is whole, or restoring failed for another reason.
    """
    mended = make_writable(operator)
    damaged: list[str] = []
    for point in points[:POINTS_TRIED_MAX]:
        try:
            restored = restore(point)
        except PointDamaged as error:
            damaged.append(f"{point}: {error.cause}")
            operator.say(f"recovery point {point} is damaged, trying the one before")
            continue
        told = [mended] if mended else []
        told += [f"passed over {each}" for each in damaged]
        told.append(f"recovery point {point}, {restored}")
        return StepDone("; ".join(told), point)
    raise EnvironmentProblem(
        f"none of the {len(damaged)} newest recovery points is whole: {'; '.join(damaged)}",
        "restore the off-site copy",
    )
