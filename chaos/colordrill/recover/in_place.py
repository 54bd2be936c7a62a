"""The runbook for a site that can be repaired: the same five steps, at the primary.

1. ``start``   fence the site where its service has to be restarted, bring back whatever does not
   run (its disk, its containers), and start the service anew
2. ``mount``   bring the named folders or files back from the newest recovery point before the
   fault, every file verified; have the service forget what it holds in memory
3. ``verify``  interface and function: one canary of every kind, judged by its picture
4. ``switch``  the gateway to the primary again, and see the public address answer from it
5. ``record``  write down what was brought back and how long it took
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from colordrill.backup.bringing_back import bring_back
from colordrill.backup.points import newest_until
from colordrill.clock import seconds_between
from colordrill.recover.gateway import fence, switch_gateway
from colordrill.recover.steps import Operator, RunbookEnd, StepDone
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Target


@dataclass(slots=True)
class InPlaceRunbook:
    """Repairs the primary.

    Attributes:
        operator: who carries it out.
        point: the newest recovery point from before the fault: bad data is backed up as
            faithfully as good.
        repair: folders or files of the site to bring back; empty: its data are left as they are.
        restarts: whether the service has to be started anew.
        power_on: brings the site's disk back where it has one that can be lost.
    """

    operator: Operator
    point: str
    repair: tuple[str, ...]
    restarts: bool
    power_on: Callable[[Target], str] | None = None
    _started_ns: int = field(init=False, default=0)

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
        target, service = self.operator.target, Part.PRIMARY_COLORIZATION
        told = []
        if self.restarts:
            # nobody shall be answered by a site that is being repaired
            fence(target, Site.PRIMARY)
            if target.state(service).running:
                target.kill([service])
        if self.power_on is not None:
            told.append(self.power_on(target))
        told += start_parts(target, Site.PRIMARY)
        self.operator.await_answer(Site.PRIMARY)
        return StepDone("; ".join(each for each in told if each) or "every part of the site runs")

    def _mount(self) -> StepDone:
        if not self.repair:
            return StepDone("the site's own data are used as they are")
        target = self.operator.target
        point = newest_until(target, self.point)
        repaired = bring_back(target, Part.PRIMARY_AGENT, point, self.repair)
        self.operator.forget_models(Site.PRIMARY)
        told = (
            f"{', '.join(self.repair)} from recovery point {point}: {len(repaired.brought)} files "
            f"brought back and verified, {len(repaired.newer)} newer ones left"
        )
        return StepDone(told, point)

    def _verify(self) -> StepDone:
        return StepDone(self.operator.judge_site(Site.PRIMARY))

    def _switch(self) -> StepDone:
        operator = self.operator
        return StepDone(
            switch_gateway(operator.target, operator.public, Site.PRIMARY, operator.clock)
        )

    def _record(self) -> StepDone:
        spent_s = seconds_between(self._started_ns, self.operator.clock.now_ns())
        return StepDone(f"repaired the primary in {spent_s:.1f} s of runbook time")


def start_parts(target: Target, site: Site) -> list[str]:
    """Bring back every part of *site* that does not run; what was done, for the record."""
    told = []
    for part in parts_of(site):
        state = target.state(part)
        if not state.exists:
            target.recreate(part)
            told.append(f"{part} was created anew")
        elif not state.running:
            target.start(part)
            told.append(f"{part} was started")
    return told
