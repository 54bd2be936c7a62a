"""From the fault to the proven recovery: detection, the runbook if anybody acts, stability."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field

from colordrill.backup.points import newest_until, scrub
from colordrill.clock import poll, seconds_between
from colordrill.drill.strategies import restores_alone, restores_off_site
from colordrill.errors import WaitExpired
from colordrill.fault.injection import Injection
from colordrill.fault.power import restore_power
from colordrill.history import Event
from colordrill.outcome import Verdict
from colordrill.recover.detector import OutageDetector
from colordrill.recover.in_place import InPlaceRunbook
from colordrill.recover.runbook import FailoverRunbook
from colordrill.recover.steps import Operator, RunbookEnd
from colordrill.scenario.fault_spec import Detection, Recovery, StackKind
from colordrill.scenario.model import Pace, Scenario
from colordrill.stack.parts import Part
from colordrill.verify.backups_resume import judge_backups_resume
from colordrill.verify.judged import Judged
from colordrill.verify.observe import observe
from colordrill.verify.rpo import rpo_bound_s
from colordrill.verify.rto import judge_rto
from colordrill.verify.steady_after import judge_steady_after
from colordrill.verify.user_work import judge_user_work

STEADY_LIMIT_MIN_S = 180.0
DETECT_LIMIT_MIN_S = 60.0
SCRUB_LIMIT_S = 30.0
WATCH_EVERY_S = 0.5

AWAITED = (judge_rto, judge_steady_after, judge_user_work, judge_backups_resume)
"""Checks that need more to be seen after the recovery; the first says whether it came in time."""


def steady_limit_s(scenario: Scenario) -> float:
    """How long the steady state is awaited: on a slow host canaries are far apart."""
    pace = scenario.pace
    canaries_s = pace.steady_canaries * pace.canary_interval_s
    points_s = pace.points_before_fault * (pace.backup_interval_s + pace.backup_duration_max_s)
    return max(STEADY_LIMIT_MIN_S, 2 * max(canaries_s, points_s, rpo_bound_s(scenario)))


def detect_limit_s(pace: Pace) -> float:
    """How long the outage is awaited: until enough canaries must have been sent and refused."""
    return max(DETECT_LIMIT_MIN_S, (pace.confirm_count + 1) * pace.canary_interval_s)


@dataclass(slots=True)
class Recovering:
    """Brings the service back in the scenario's way, and watches until that is proven or missed.

    Attributes:
        scenario: with settings applied.
        operator: who acts.
        injection: the faults; some are undone by schedule.
        detector: confirms an outage from the canaries.
        events: the history so far, appended as it is written.
        given_up: gets set once the recovery has been missed or refused: what is still under way
            cannot change that, and nobody waits for it.
    """

    scenario: Scenario
    operator: Operator
    injection: Injection
    detector: OutageDetector
    events: list[Event]
    given_up: threading.Event = field(default_factory=threading.Event)
    _noted: bool = field(init=False, default=False)
    _before: str = field(init=False, default="")

    def run(self) -> None:
        """Go from the fault to the end of the observation."""
        self._before = self._newest_point_id()
        if self.scenario.recovery is Recovery.UNAIDED:
            self._ride_out()
            return
        if not self._detected():
            return
        self._phase("recover")
        if self._run_runbook() is RunbookEnd.REFUSED:
            # the colour check has failed; waiting for a site that must not be used adds nothing
            self._phase("refused")
            self.given_up.set()
            return
        self._await_stability()

    def _ride_out(self) -> None:
        """Nobody acts: the faults pass by schedule, or the engine restarts what ended."""
        ends = [each.ends_s for each in self.scenario.faults if each.ends_s is not None]
        limit_s = max(ends, default=0.0) + DETECT_LIMIT_MIN_S
        clock, began_ns = self.operator.clock, self.operator.clock.now_ns()
        while self.injection.scheduled and seconds_between(began_ns, clock.now_ns()) < limit_s:
            self._note_detection()
            clock.pause(WATCH_EVERY_S)
        # it has ended, or has had all its time: this only says which
        self.injection.await_schedule(0.0)
        self._await_stability()

    def _detected(self) -> bool:
        say, clock = self.operator.say, self.operator.clock
        if self.scenario.detection is Detection.SCRUB:
            return self._scrubbed()
        limit_s = detect_limit_s(self.scenario.pace)
        if not clock.wait(self.detector.confirmed, limit_s):
            say(f"no outage was detected within {limit_s:g} s")
            return False
        self._note_detection()
        say("outage confirmed by canaries: the runbook starts")
        return True

    def _scrubbed(self) -> bool:
        """Compare the site's files with the newest point before the fault until some differ."""
        target = self.operator.target
        point = newest_until(target, self._before)

        def damaged() -> list[str] | None:
            found = scrub(target, Part.PRIMARY_AGENT, point)
            return list(found.damaged) or None

        try:
            found = poll(
                self.operator.clock,
                damaged,
                awaited=f"a scrub against {point} to find damage",
                timeout_s=SCRUB_LIMIT_S,
                every_s=WATCH_EVERY_S,
            )
        except WaitExpired as error:
            self.operator.say(str(error))
            return False
        self.operator.history.note("detect", canaries=[], scrub=found[:20])
        self._noted = True
        self.operator.say(f"a scrub found {len(found)} damaged files: the runbook starts")
        return True

    def _run_runbook(self) -> RunbookEnd:
        if self.scenario.recovery is Recovery.FAILOVER:
            target = self.operator.target
            return FailoverRunbook(
                self.operator,
                restores_off_site(self.scenario, target),
                restores_alone(self.scenario, target),
            ).run()
        on_disk = self.scenario.stack is StackKind.DISK
        return InPlaceRunbook(
            operator=self.operator,
            point=self._before,
            repair=self.scenario.repair,
            restarts=self.scenario.restarts,
            power_on=restore_power if on_disk else None,
        ).run()

    def _await_stability(self) -> None:
        """Watch until recovery is proven, or until it cannot come in time any more."""
        self._phase("stability")
        pace = self.scenario.pace
        # the last canary that may still fail, and then as long as must pass without a failure
        settle_s = pace.canary_limit_s + pace.stability_s + 2 * pace.canary_interval_s
        began_ns = self.operator.clock.now_ns()
        shown: set[int] = set()
        while True:
            self._note_detection()
            observations = observe(tuple(self.events))
            verdicts = [_verdict(judge(observations, self.scenario)) for judge in AWAITED]
            # once each is enough: what is under way now is waited for afterwards, and judged again
            shown |= {n for n, verdict in enumerate(verdicts) if verdict is Verdict.PASS}
            if len(shown) == len(AWAITED):
                return
            now_ns = self.operator.clock.now_ns()
            fault_ns = observations.t_fault_ns
            past_objective = (
                fault_ns is None
                or seconds_between(fault_ns, now_ns) > self.scenario.objectives.rto_s
            )
            settled = seconds_between(began_ns, now_ns) > settle_s
            missed = verdicts[0] is Verdict.FAIL
            # a missed recovery stays missed; anything else may still come right while it settles
            if past_objective and (missed or settled):
                self.operator.say("the service was not recovered within the objective")
                if missed:
                    self.given_up.set()
                return
            self.operator.clock.pause(WATCH_EVERY_S)

    def _note_detection(self) -> None:
        if self.detector.confirmed.is_set() and not self._noted:
            self._noted = True
            self.operator.history.note("detect", canaries=list(self.detector.canaries))

    def _newest_point_id(self) -> str:
        """The newest point that was published before the first disaster, as the history says."""
        fault = next(
            (
                number
                for number, event in enumerate(self.events)
                if event.kind == "fault" and event.data.get("starts_clock") is True
            ),
            len(self.events),
        )
        before = itertools.islice(self.events, fault)
        points = [
            str(event.data["point"])
            for event in before
            if event.kind == "snapshot" and event.type == "ok"
        ]
        return points[-1] if points else ""

    def _phase(self, name: str) -> None:
        self.operator.history.note("phase", phase=name)


def _verdict(judged: Judged | None) -> Verdict:
    """A check that does not apply keeps nobody waiting."""
    return Verdict.PASS if judged is None else judged.check.verdict
