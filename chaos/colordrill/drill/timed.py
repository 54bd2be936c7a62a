"""The timed part of a drill: steady state, fault, recovery, stability, read-back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from colordrill.clock import Clock, seconds_between
from colordrill.drill.provision import await_ready
from colordrill.drill.recovering import Recovering, steady_limit_s
from colordrill.drill.replica import note_replica
from colordrill.drill.steady import SteadyWatch
from colordrill.drill.strategies import scheduled
from colordrill.errors import EnvironmentProblem, ServiceProblem, WaitExpired
from colordrill.fault.injection import Injection
from colordrill.fault.ledger import Ledger
from colordrill.fault.planned import Planned
from colordrill.fault.sabotage import Sabotage
from colordrill.history import Event, History
from colordrill.interrupts import shielded
from colordrill.recover.detector import OutageDetector
from colordrill.recover.notices import SILENT, Notifier
from colordrill.recover.steps import Operator
from colordrill.scenario.model import Scenario
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.target import Target
from colordrill.verify.observe import observe
from colordrill.verify.rpo import rpo_bound_s
from colordrill.workload.arrivals import Arrivals, Stream
from colordrill.workload.canary import Canary, CanaryRunner, rotation
from colordrill.workload.jobs import Users
from colordrill.workload.photos import Photo
from colordrill.workload.readback import Acknowledged, read_back
from colordrill.workload.scoring import ScoringWorker
from colordrill.workload.workflows import PERSON, Workflow

SCORING_LIMIT_S = 60.0
ANSWER_LIMIT_S = 5.0


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
        ledger: where open faults are written down for a later start.
        notifier: tells administrators how the runbook goes.
    """

    scenario: Scenario
    faults: Sequence[Planned]
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
    ledger: Ledger | None = None
    notifier: Notifier = SILENT
    _injection: Injection = field(init=False)
    _given_up: threading.Event = field(init=False, default_factory=threading.Event)

    def run(self) -> None:
        """Go through all phases; what happened is in the history."""
        pace = self.scenario.pace
        watch = SteadyWatch(pace, rpo_bound_s(self.scenario))
        detector = OutageDetector(pace.confirm_count)
        self.history.listen(watch.observe)
        backups = scheduled(self.scenario, self.target, self.history, self.clock)
        arrivals = Arrivals(self._streams(), self.clock, self.history, pace.in_flight_max)
        self._injection = Injection(self.faults, self.target, self.history, self.clock, self.ledger)
        with ExitStack() as stack:
            # from the last to the first: faults are healed before anything is waited for
            stack.callback(arrivals.finish)
            stack.push(self._give_up_on_error)
            stack.callback(backups.stop)
            stack.enter_context(self._sabotaged())
            stack.enter_context(self._injection)
            self._plant()
            arrivals.start()
            backups.start()
            self._phase("steady")
            if not self._await_steady(watch):
                return
            self.history.listen(detector.observe)
            self._strike(watch)
            self._recovering(detector).run()
            arrivals.finish()
            backups.stop()
            self.scoring.drain(SCORING_LIMIT_S)
            self._read_back()
            if self.scenario.replica:
                note_replica(self.target, self.events, self.history, self.clock, self.say)
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
            given_up=self._given_up,
        )
        turns = itertools.cycle(rotation(self.canaries))

        def send_canary() -> None:
            # the clients' threads share the rotation; next() on a cycle is atomic
            self.runner.send(
                next(turns), self.client, limit_s=pace.canary_limit_s, given_up=self._given_up
            )

        return (
            Stream("canary", pace.canary_interval_s, send_canary),
            Stream("job", pace.job_interval_s, users.colour_a_photo),
            Stream("edit", pace.edit_interval_s, users.save_a_workflow),
        )

    def _give_up_on_error(self, kind: type[BaseException] | None, *_: object) -> None:
        """Who interrupts a drill does not wait for pictures."""
        if kind is not None:
            self._given_up.set()

    def _phase(self, name: str) -> None:
        self.history.note("phase", phase=name)

    @contextmanager
    def _sabotaged(self) -> Iterator[None]:
        """What a red twin breaks is undone too; where that fails the stack is not used again."""
        try:
            yield
        finally:
            if self.sabotage is not None and self.sabotage.undo is not None:
                with shielded(), suppress(EnvironmentProblem):
                    self.sabotage.undo(self.target)

    def _plant(self) -> None:
        """Latent defects, and what a red twin breaks before: there long before the disaster."""
        if self.sabotage is not None and self.sabotage.before is not None:
            self.sabotage.before(self.target)
            await_ready(self.target, self.client, self.clock, self.workflows)
        latent = [each.spec.name for each in self.faults if each.spec.latent]
        if latent:
            self._phase("plant")
            self.say(f"planting {', '.join(latent)}")
            self._injection.plant()

    def _await_steady(self, watch: SteadyWatch) -> bool:
        started_ns = self.clock.now_ns()
        limit_s = steady_limit_s(self.scenario)
        self.say("steady state: users work, canaries are checked, backups are taken")
        while not self.clock.wait(watch.ready, 5.0):
            if seconds_between(started_ns, self.clock.now_ns()) > limit_s:
                self.say(f"never steady, no fault is injected: {watch.progress()}")
                self.history.note("never_steady", detail=watch.progress())
                return False
            self.say(f"steady state: {watch.progress()}")
        return True

    def _strike(self, watch: SteadyWatch) -> None:
        def gate() -> None:
            # a backup published meanwhile may have undone the precondition
            if not self.clock.wait(watch.ready, steady_limit_s(self.scenario)):
                raise WaitExpired(f"the steady state was lost: {watch.progress()}")

        self._injection.strike(gate)
        self._phase("fault")
        struck = [each.spec.name for each in self.faults if not each.spec.latent]
        self.say(f"fault injected: {', '.join(struck)}")
        if self.sabotage is not None:
            if self.sabotage.after_fault is not None:
                self.sabotage.after_fault(self.target)
            self.history.note("sabotage", name=self.sabotage.name)

    def _recovering(self, detector: OutageDetector) -> Recovering:
        operator = Operator(
            target=self.target,
            history=self.history,
            clock=self.clock,
            public=self.client,
            runner=self.runner,
            canaries=self.canaries,
            say=self.say,
            service_port=self.service_port,
            notifier=self.notifier,
        )
        return Recovering(
            scenario=self.scenario,
            operator=operator,
            injection=self._injection,
            detector=detector,
            events=self.events,
            given_up=self._given_up,
        )

    def _read_back(self) -> None:
        self._phase("readback")
        items = observe(tuple(self.events)).items
        acknowledged = [Acknowledged(item.name, item.sha256) for item in items]
        try:
            self.client.system_stats(timeout_s=ANSWER_LIMIT_S)
        except ServiceProblem as error:
            # each of them would only say the same, after its own limit: not read is unknown
            self.say(f"nothing can be read back, the service does not answer: {error.cause}")
            return
        self.say(f"reading back {len(acknowledged)} acknowledged items")
        read_back(acknowledged, self.client, self.history, self.scenario.expected_site)
