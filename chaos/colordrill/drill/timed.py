"""The timed part of a drill: steady state, fault, detection, runbook, stability, read-back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import Clock, seconds_between
from colordrill.drill.steady import SteadyWatch
from colordrill.errors import WaitExpired
from colordrill.fault.injection import injected
from colordrill.fault.protocol import Fault
from colordrill.fault.sabotage import Sabotage
from colordrill.history import Event, History
from colordrill.outcome import Verdict
from colordrill.recover.detector import OutageDetector
from colordrill.recover.runbook import Runbook, RunbookEnd
from colordrill.scenario.model import Pace, Scenario
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.target import Target
from colordrill.verify.observe import observe
from colordrill.verify.rto import judge_rto
from colordrill.workload.arrivals import Arrivals, Stream
from colordrill.workload.canary import Canary, CanaryRunner
from colordrill.workload.jobs import Users
from colordrill.workload.photos import Photo
from colordrill.workload.readback import Acknowledged, read_back
from colordrill.workload.scoring import ScoringWorker
from colordrill.workload.workflows import PERSON, Workflow

STEADY_LIMIT_MIN_S = 180.0
DETECT_LIMIT_MIN_S = 60.0
WATCH_EVERY_S = 0.5
SCORING_LIMIT_S = 60.0


def steady_limit_s(pace: Pace) -> float:
    """How long the steady state is awaited: on a slow host canaries are far apart."""
    canaries_s = pace.steady_canaries * pace.canary_interval_s
    points_s = pace.points_before_fault * (pace.backup_interval_s + pace.backup_duration_max_s)
    return max(STEADY_LIMIT_MIN_S, 2 * max(canaries_s, points_s))


def detect_limit_s(pace: Pace) -> float:
    """How long the outage is awaited: until enough canaries must have been sent and refused."""
    return max(DETECT_LIMIT_MIN_S, (pace.confirm_count + 1) * pace.canary_interval_s)


@dataclass(slots=True)
class TimedDrill:
    """Everything that the timed part needs, and the part itself.

    Attributes:
        scenario: with settings applied.
        faults: resolved, in order.
        sabotage: a red twin's, or None.
        target: the running stack.
        client: the public address.
        history: takes every event.
        events: the same events in memory, appended as they are written.
        clock: time and waiting.
        scoring: judges pictures.
        runner: sends canaries.
        canaries: one of every kind.
        photos: what users draw from.
        workflows: by object type.
        service_port: where the service listens inside its container.
        seed: draws what users do.
        say: tells people how it goes.
    """

    scenario: Scenario
    faults: Sequence[Fault]
    sabotage: Sabotage | None
    target: Target
    client: ComfyClient
    history: History
    events: list[Event]
    clock: Clock
    scoring: ScoringWorker
    runner: CanaryRunner
    canaries: Sequence[Canary]
    photos: dict[str, Photo]
    workflows: dict[str, Workflow]
    service_port: int
    seed: int
    say: Callable[[str], None]

    def run(self) -> None:
        """Go through all phases; what happened is in the history."""
        pace = self.scenario.pace
        watch = SteadyWatch(pace)
        detector = OutageDetector(pace.confirm_count)
        self.history.listen(watch.observe)
        backups = BackupSchedule(self.target, self.history, self.clock, pace.backup_interval_s)
        arrivals = Arrivals(self._streams(), self.clock, self.history, pace.in_flight_max)
        with arrivals, backups:
            self._phase("steady")
            if not self._await_steady(watch):
                return
            self.history.listen(detector.observe)

            def gate() -> None:
                # a backup published meanwhile may have undone the precondition
                if not self.clock.wait(watch.ready, steady_limit_s(pace)):
                    raise WaitExpired(f"the steady state was lost: {watch.progress()}")

            with injected(self.faults, self.target, self.history, self.clock, gate):
                self._strike_twin()
                self._recover(detector)
                arrivals.finish()
                backups.stop()
                self.scoring.drain(SCORING_LIMIT_S)
                self._read_back()
                self._phase("heal")

    def _streams(self) -> tuple[Stream, ...]:
        pace = self.scenario.pace
        users = Users(
            client=self.client,
            history=self.history,
            clock=self.clock,
            photos=self.photos,
            workflow=self.workflows[PERSON],
            limit_s=pace.canary_limit_s,
            seed=self.seed,
        )
        rotation = itertools.cycle(self.canaries)

        def send_canary() -> None:
            # the clients' threads share the rotation; next() on a cycle is atomic
            self.runner.send(next(rotation), self.client, limit_s=pace.canary_limit_s)

        return (
            Stream("canary", pace.canary_interval_s, send_canary),
            Stream("job", pace.job_interval_s, users.colour_a_photo),
            Stream("edit", pace.edit_interval_s, users.save_a_workflow),
        )

    def _phase(self, name: str) -> None:
        self.history.note("phase", phase=name)

    def _await_steady(self, watch: SteadyWatch) -> bool:
        started_ns = self.clock.now_ns()
        limit_s = steady_limit_s(self.scenario.pace)
        self.say("steady state: users work, canaries are checked, backups are taken")
        while not self.clock.wait(watch.ready, 5.0):
            if seconds_between(started_ns, self.clock.now_ns()) > limit_s:
                self.say(f"never steady, no fault is injected: {watch.progress()}")
                self.history.note("never_steady", detail=watch.progress())
                return False
            self.say(f"steady state: {watch.progress()}")
        return True

    def _strike_twin(self) -> None:
        self._phase("fault")
        self.say(f"fault injected: {', '.join(fault.name for fault in self.faults)}")
        if self.sabotage is not None:
            if self.sabotage.after_fault is not None:
                self.sabotage.after_fault(self.target)
            self.history.note("sabotage", name=self.sabotage.name)

    def _recover(self, detector: OutageDetector) -> None:
        limit_s = detect_limit_s(self.scenario.pace)
        if not self.clock.wait(detector.confirmed, limit_s):
            self.say(f"no outage was detected within {limit_s:g} s")
            return
        self.history.note("detect", canaries=list(detector.canaries))
        self._phase("recover")
        self.say("outage confirmed by canaries: the runbook starts")
        runbook = Runbook(
            target=self.target,
            history=self.history,
            clock=self.clock,
            public=self.client,
            runner=self.runner,
            canaries=self.canaries,
            say=self.say,
            service_port=self.service_port,
        )
        end = runbook.run()
        if end is RunbookEnd.REFUSED:
            # the colour check has failed; waiting for a site that must not be used adds nothing
            self._phase("refused")
            return
        self._phase("stability")
        self._await_stability()

    def _await_stability(self) -> None:
        """Watch until recovery is proven, or until it cannot come in time any more."""
        pace = self.scenario.pace
        settle_s = pace.stability_s + 2 * pace.canary_limit_s
        runbook_ended_ns = self.clock.now_ns()
        while True:
            observations = observe(tuple(self.events))
            if judge_rto(observations, self.scenario).check.verdict is Verdict.PASS:
                return
            fault_ns = observations.t_fault_ns
            now_ns = self.clock.now_ns()
            past_objective = (
                fault_ns is None
                or seconds_between(fault_ns, now_ns) > self.scenario.objectives.rto_s
            )
            if past_objective and seconds_between(runbook_ended_ns, now_ns) > settle_s:
                self.say("the service was not recovered within the objective")
                return
            self.clock.pause(WATCH_EVERY_S)

    def _read_back(self) -> None:
        self._phase("readback")
        items = observe(tuple(self.events)).items
        acknowledged = [Acknowledged(item.name, item.sha256) for item in items]
        self.say(f"reading back {len(acknowledged)} acknowledged items")
        read_back(acknowledged, self.client, self.history, self.scenario.expected_site)
