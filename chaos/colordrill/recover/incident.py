"""The runbook of a real incident: the five steps, each of which may be taken again.

It is the runbook for a site that is lost, with what a drill does not need: the primary is fenced
before the DR site may be written to, every step is announced in the journal, and a start after a
kill goes on from the world as it is. No step relies on the journal for what the world itself says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from colordrill.backup.points import SiteHoldsData
from colordrill.backup.strategy import ResumableStrategy
from colordrill.clock import seconds_between
from colordrill.errors import ColordrillError, EnvironmentProblem
from colordrill.recover.gateway import active_sites, fence, switch_gateway
from colordrill.recover.incidents import Journal
from colordrill.recover.keepers import Resumable
from colordrill.recover.primary import fence_primary
from colordrill.recover.probes import make_writable
from colordrill.recover.runbook import start_as_it_is, start_dr
from colordrill.recover.sources import first_configuration, restore_first_whole
from colordrill.recover.steps import Operator, RunbookEnd, Step, StepDone
from colordrill.stack.parts import Part, Site

CANARIES = "verifycan-"
"""What the names of the photos and pictures of step 3 begin with."""


@dataclass(slots=True)
class IncidentRunbook:
    """Recovers the service at the DR site, also from where another process was killed.

    Attributes:
        operator: who carries it out.
        journal: where each step is announced.
        candidates: what may be restored, of each keeper; none where data are kept.
        earlier: points whose restore into the DR site was begun by earlier starts.
        keep_data: users may have written to the DR site: it is used as it is.
        error: what ended it early.
        certain: whether the primary was seen not to run.
        point: what the DR site stands on.
        kept_by: who keeps that point; empty where nothing was restored.
    """

    operator: Operator
    journal: Journal
    candidates: Sequence[Resumable]
    earlier: Sequence[str] = ()
    keep_data: bool = False
    error: ColordrillError | None = field(init=False, default=None)
    certain: bool = field(init=False, default=True)
    point: str = field(init=False, default="")
    kept_by: str = field(init=False, default="")
    _started_ns: int = field(init=False, default=0)

    def run(self) -> RunbookEnd:
        """Take the steps in order; the first that does not succeed ends the runbook."""
        self._started_ns = self.operator.clock.now_ns()
        steps = (
            ("start", self._start),
            ("mount", self._mount),
            ("verify", self._verify),
            ("switch", self._switch),
            ("record", self._record),
        )
        return self.operator.carry_out([self._announced(*each) for each in steps])

    def _announced(self, name: str, act: Callable[[], StepDone]) -> Step:
        def announced() -> StepDone:
            try:
                self.journal.step(name)
                done = act()
            except ColordrillError as error:
                self.error = error
                raise
            self.journal.ended(name, done.detail)
            return done

        return name, announced

    def _start(self) -> StepDone:
        fenced = fence_primary(self.operator)
        self.certain = fenced.certain
        return StepDone(f"{fenced.detail}; {self._start_dr()}")

    def _start_dr(self) -> str:
        if self.keep_data:
            return start_as_it_is(self.operator)
        target = self.operator.target
        # nobody may write to a site that is about to be restored over
        fence(target, Site.DR)
        if Site.DR in active_sites(target):
            raise EnvironmentProblem(
                "the gateway was told to leave the DR site alone and still has it as active",
                "see the gateway's log; nothing is restored over a site that users write to",
            )
        configuration = first_configuration(self.candidates, self.operator.say)
        return start_dr(self.operator, configuration)

    def _mount(self) -> StepDone:
        if self.keep_data:
            self.point = self.earlier[-1] if self.earlier else ""
            return StepDone("users may have written to the DR site: it is used as it is")
        begun = list(self.earlier)

        def restore(source: ResumableStrategy, point: str) -> str:
            self.journal.restore(point, source.name)
            # without this point, unless it was begun before: what is there already is not its own
            before = tuple(dict.fromkeys(begun))
            try:
                restored = source.restore_after(Part.DR_AGENT, point, before, CANARIES)
            except SiteHoldsData:
                self.journal.refused(point)
                raise
            finally:
                begun.append(point)
            return f"{restored.files} files, {restored.kept} of them there already, all verified"

        mended = make_writable(self.operator)
        found = restore_first_whole(self.candidates, restore, self.operator.say)
        self.point, self.kept_by = found.point, found.kept_by
        # it may have loaded models and coloured from what was there before
        self.operator.forget_models(Site.DR)
        return found.step(mended)

    def _verify(self) -> StepDone:
        return StepDone(self.operator.judge_site(Site.DR))

    def _switch(self) -> StepDone:
        operator = self.operator
        seen = switch_gateway(operator.target, operator.public, Site.DR, operator.clock)
        active = active_sites(operator.target)
        if active != {Site.DR}:
            raise EnvironmentProblem(
                f"after the switch the gateway has {', '.join(sorted(active)) or 'no site'} active",
                "see the gateway's log; exactly one site may be active",
            )
        return StepDone(f"{seen}, the only active one")

    def _record(self) -> StepDone:
        if self.certain:
            self.journal.close()
        left = "" if self.certain else "; the incident stays open, start again to fence the primary"
        spent_s = seconds_between(self._started_ns, self.operator.clock.now_ns())
        stands = f"on recovery point {self.point}" if self.point else "on the data that it had"
        unsaved = "what users do there is in no recovery point until it is failed back"
        spent = f"{spent_s:.1f} s of runbook time"
        return StepDone(f"the DR site is active, {stands}; {spent}; {unsaved}{left}")
