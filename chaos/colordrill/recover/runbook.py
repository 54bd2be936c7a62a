"""The runbook for a site that is lost: five steps that bring the service back at the DR site.

1. ``start``   see that the DR container is what the primary was, and start it; its volumes are
   bound and still empty, no model is loaded
2. ``mount``   mount the newest recovery point that is whole into those volumes, every file
   verified; where the backup server has none or cannot be reached, one from off site; where
   another strategy keeps the points, from there alone
3. ``verify``  interface and function: one canary of every kind, judged by its picture
4. ``switch``  switch the gateway to the DR site and see the public address answer from it
5. ``record``  write down what was restored and how long it took
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from colordrill.backup.rsync import RsyncStrategy
from colordrill.backup.strategy import Strategy
from colordrill.clock import seconds_between
from colordrill.recover.gateway import switch_gateway
from colordrill.recover.probes import make_as_primary, make_writable
from colordrill.recover.sources import newest_configuration, restore_newest_whole
from colordrill.recover.steps import Operator, RunbookEnd, StepDone
from colordrill.stack.parts import Part, Site


@dataclass(slots=True)
class FailoverRunbook:
    """Recovers the service at the DR site.

    Attributes:
        operator: who carries it out.
        offsite: keeps copies off site; None where none are made.
        alone: keeps all recovery points; None: the backup server does, and *offsite* copies.
    """

    operator: Operator
    offsite: Strategy | None = None
    alone: Strategy | None = None
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
        configuration = newest_configuration(self._sources(), self.operator.say)
        return StepDone(start_dr(self.operator, configuration))

    def _mount(self) -> StepDone:
        mended = make_writable(self.operator)
        restored = restore_newest_whole(self._sources(), Part.DR_AGENT, self.operator.say)
        self._point = restored.point
        return restored.step(mended)

    def _verify(self) -> StepDone:
        return StepDone(self.operator.judge_site(Site.DR))

    def _switch(self) -> StepDone:
        operator = self.operator
        return StepDone(switch_gateway(operator.target, operator.public, Site.DR, operator.clock))

    def _record(self) -> StepDone:
        spent_s = seconds_between(self._started_ns, self.operator.clock.now_ns())
        return StepDone(f"restored {self._point} and switched in {spent_s:.1f} s of runbook time")

    def _sources(self) -> tuple[Strategy, ...]:
        """Who keeps recovery points, the one that is tried first at the front."""
        if self.alone is not None:
            return (self.alone,)
        near = RsyncStrategy(self.operator.target)
        return (near,) if self.offsite is None else (near, self.offsite)


def start_dr(operator: Operator, configuration: Mapping[str, str]) -> str:
    """Start the DR container, created anew where it is not what *configuration* says.

    Returns:
        What was done, for the record.

    Raises:
        EnvironmentProblem: it cannot be made so, or does not answer.
    """
    mended = make_as_primary(operator, configuration)
    told = f"{start_as_it_is(operator)}; no model is loaded yet"
    return f"{mended}; {told}" if mended else told


def start_as_it_is(operator: Operator) -> str:
    """Start the DR container, whatever it was created with.

    Returns:
        What was done, for the record.

    Raises:
        EnvironmentProblem: it does not answer.
    """
    operator.target.start(Part.DR_COLORIZATION)
    operator.await_answer(Site.DR)
    return "the DR container answers"
