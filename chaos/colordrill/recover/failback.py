"""The runbook back to the repaired primary, with the writes that the DR site took meanwhile.

1. ``start``   the primary's parts, kept from users by the gateway
2. ``mount``   the DR site's files are merged into the primary's in two passes: the first while
   users work at the DR site, and canaries show that the primary is right; the second, small one
   while nobody can work
3. ``verify``  interface and function of the primary: one canary of every kind
4. ``switch``  the gateway to the primary alone
5. ``record``  only now the DR site is stopped and emptied: everything that it held is in a
   published point, which is read again first

Where it fails before users are at the primary, they are sent back to the DR site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from colordrill.backup.merging import Merged, merge_point
from colordrill.backup.rsync import RsyncStrategy
from colordrill.clock import poll, seconds_between
from colordrill.errors import ColordrillError, EnvironmentProblem
from colordrill.interrupts import shielded
from colordrill.recover.emptying import empty_dr_site
from colordrill.recover.failback_course import FailbackCourse
from colordrill.recover.failback_point import take_point
from colordrill.recover.gateway import active_sites, end_requests, fence, switch_gateway, unfence
from colordrill.recover.in_place import start_parts
from colordrill.recover.incident import CANARIES
from colordrill.recover.incidents import Journal
from colordrill.recover.primary import fence_primary
from colordrill.recover.steps import Operator, RunbookEnd, Step, StepDone
from colordrill.stack.parts import Part, Site, SiteFolder, parts_of

IDLE_LIMIT_S = 120.0
DR = Part.DR_COLORIZATION


@dataclass(slots=True)
class FailbackRunbook:
    """Brings users back to the primary, also from where another process was killed.

    Attributes:
        operator: who carries it out.
        journal: where what cannot be seen of the world is announced.
        course: what is to be done.
        error: what ended it early.
        passes: what each merge did, in order.
        point: what the DR site held when users left it.
        waited_s: how long users were served by nobody, as far as this start knows.
    """

    operator: Operator
    journal: Journal
    course: FailbackCourse
    error: ColordrillError | None = field(init=False, default=None)
    passes: list[Merged] = field(init=False, default_factory=list)
    point: str = field(init=False, default="")
    waited_s: float | None = field(init=False, default=None)
    _fenced_ns: int | None = field(init=False, default=None)
    _switching: bool = field(init=False, default=False)
    _returned: bool = field(init=False, default=False)

    def run(self) -> RunbookEnd:
        """Take the steps in order; the first that does not succeed ends the runbook."""
        steps = (
            ("start", self._start),
            ("mount", self._mount),
            ("verify", self._verify),
            ("switch", self._switch),
            ("record", self._record),
        )
        try:
            return self.operator.carry_out([self._remembered(*each) for each in steps])
        finally:
            if not (self._returned or self.course.switched):
                with shielded():
                    self._back_to_dr()

    def _remembered(self, name: str, act: Callable[[], StepDone]) -> Step:
        def remembered() -> StepDone:
            try:
                return act()
            except ColordrillError as error:
                self.error = error
                raise

        return name, remembered

    def _start(self) -> StepDone:
        target = self.operator.target
        if not self.course.switched:
            _fence_seen(self.operator, Site.PRIMARY)
            # a start that was killed may have left nobody active
            unfence(target, Site.DR)
        for part in parts_of(Site.PRIMARY):
            if target.state(part).frozen:
                target.thaw(part)
        told = start_parts(target, Site.PRIMARY)
        self.operator.await_answer(Site.PRIMARY)
        return StepDone("; ".join([*told, "the primary's service answers"]))

    def _mount(self) -> StepDone:
        back = self.course.incident.failback
        if self.course.switched:
            self.point = back.synced or "" if back is not None else ""
            return StepDone(f"{self.point} was merged by an earlier start", self.point or None)
        if back is None:
            self.journal.failback("begin")
        first = self._merge()
        # what is wrong with the primary is found before users wait, and models are loaded by then
        self.operator.forget_models(Site.PRIMARY)
        self.operator.say(f"{first}; {self.operator.judge_site(Site.PRIMARY)}: now users wait")
        cut = self._end_work_at_dr()
        final = self._merge()
        if any(
            name.startswith(f"{SiteFolder.MODELS}/") for name in (*final.brought, *final.deleted)
        ):
            self.operator.forget_models(Site.PRIMARY)
        self.point = final.point
        told = f"{first.point}: {first}; then {final.point}: {final}; every file verified"
        return StepDone(f"{told}; {cut}" if cut else told, final.point)

    def _merge(self) -> Merged:
        """Take a point of the DR site, and merge it into the primary."""
        operator = self.operator
        point = take_point(operator, Part.DR_AGENT)
        self.journal.failback("merge", point)
        earlier = tuple(each.point for each in self.passes)
        past = replace(self.course.past, merged=(*self.course.past.merged, *earlier))
        merged = merge_point(operator.target, Part.PRIMARY_AGENT, point, past, CANARIES)
        self.passes.append(merged)
        return merged

    def _end_work_at_dr(self) -> str:
        """Let nobody reach the DR site, and wait until it has done what was asked of it."""
        operator = self.operator
        self._fenced_ns = operator.clock.now_ns()
        _fence_seen(operator, Site.DR)
        cut = end_requests(operator.target, Site.DR, operator.clock)
        poll(
            operator.clock,
            lambda: self._jobs_at_dr() == 0 or None,
            awaited="the jobs of the DR site to end",
            timeout_s=IDLE_LIMIT_S,
            explain=lambda: operator.explain(Site.DR),
        )
        return cut

    def _jobs_at_dr(self) -> int | None:
        """How many jobs it has left; None where it does not say. One that is down has none."""
        if not self.operator.target.state(DR).running:
            return 0
        try:
            with self.operator.client(Site.DR) as client:
                return client.jobs_left(timeout_s=2.0)
        except EnvironmentProblem:
            return None

    def _verify(self) -> StepDone:
        return StepDone(self.operator.judge_site(Site.PRIMARY))

    def _switch(self) -> StepDone:
        operator = self.operator
        if not self.course.switched:
            self._switching = True
            self.journal.failback("switch")
        seen = switch_gateway(operator.target, operator.public, Site.PRIMARY, operator.clock)
        active = active_sites(operator.target)
        if active != {Site.PRIMARY}:
            raise EnvironmentProblem(
                f"after the switch the gateway has {', '.join(sorted(active)) or 'no site'} active",
                "see the gateway's log; exactly one site may be active",
            )
        self._returned = True
        if self._fenced_ns is None:
            return StepDone(f"{seen}, the only active one")
        self.waited_s = seconds_between(self._fenced_ns, operator.clock.now_ns())
        return StepDone(f"{seen}, the only active one; users waited {self.waited_s:.1f} s")

    def _record(self) -> StepDone:
        target = self.operator.target
        target.stop(DR)
        self._keep_point()
        self.journal.failback("empty")
        empty_dr_site(target)
        self.journal.failback("done")
        return StepDone(
            f"the primary is active; the DR site stands by empty, what it held is in {self.point}, "
            "verified"
        )

    def _keep_point(self) -> None:
        """See that a published point holds what the DR site does; take one where none does."""
        back = self.course.incident.failback
        if back is not None and back.emptying:
            # that was seen before the first file went
            return
        near = RsyncStrategy(self.operator.target)
        try:
            near.verify(self.point)
        except EnvironmentProblem as problem:
            self.operator.say(f"{problem.cause}: another point is taken before the DR site goes")
            self.point = take_point(self.operator, Part.DR_AGENT)
            self.journal.failback("merge", self.point)
            near.verify(self.point)

    def _back_to_dr(self) -> None:
        """Users are served by the DR site again, alone; then the half merged primary is stopped."""
        operator, target = self.operator, self.operator.target
        try:
            _fence_seen(operator, Site.PRIMARY)
            if self._switching:
                # before anybody can write there again
                self.journal.failback("back")
            unfence(target, Site.DR)
            if active_sites(target) != {Site.DR}:
                raise EnvironmentProblem("the gateway does not send to the DR site again")
            operator.say("users are at the DR site, the only active one")
            operator.say(fence_primary(operator).detail)
        except ColordrillError as problem:
            operator.say(f"{problem}\nsee where users are with `colordrill recover --dry-run`")


def _fence_seen(operator: Operator, site: Site) -> None:
    fence(operator.target, site)
    if site in active_sites(operator.target):
        raise EnvironmentProblem(
            f"the gateway was told to leave the {site} site alone and still has it as active",
            "see the gateway's log; nothing is merged while users may write to both",
        )
