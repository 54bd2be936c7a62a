"""A drill after its fault, told to the code that recovers it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from colordrill.drill.recovering import Recovering
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, History
from colordrill.outcome import Verdict
from colordrill.recover.detector import OutageDetector
from colordrill.recover.steps import RunbookEnd
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.model import Scenario
from fakes.clock import ManualClock

OLDER, NEWER, AFTER = "20261122T201530.123Z", "20261122T201534.123Z", "20261122T201538.123Z"


@dataclass
class Field:
    """A drill after its fault, and what becomes of it.

    Attributes:
        verdict: what the recovery is judged as.
        damaged: what a scrub finds.
        end: how the runbook ends.
        pending_s: the schedule is over after so many seconds.
    """

    history: History
    clock: ManualClock
    events: list[Event]
    scenario: Scenario = HOST_POWER_LOSS
    verdict: Verdict = Verdict.PASS
    damaged: tuple[str, ...] = ("output/a.png",)
    end: RunbookEnd = RunbookEnd.DONE
    pending_s: float = 0.0
    schedule_fails: bool = False
    resumed: Any = None
    until: str = ""
    runbooks: list[tuple[str, Any]] = field(default_factory=list)
    scrubbed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    given_up: threading.Event = field(default_factory=threading.Event)
    detector: OutageDetector = field(default_factory=lambda: OutageDetector(1))

    def snapshot(self, point: str, end: str = "ok") -> None:
        operation = self.history.invoke("snapshot", point=point)
        getattr(operation, end)(point=point)

    def strike(self) -> None:
        self.snapshot(OLDER)
        self.snapshot(NEWER)
        self.history.invoke("fault", name="latent", target="x", starts_clock=False)
        self.history.invoke("fault", name="loss", target="primary", starts_clock=True)
        self.snapshot(AFTER)

    @property
    def scheduled(self) -> bool:
        return self.clock.elapsed_s < self.pending_s

    def await_schedule(self, _limit_s: float) -> None:
        if self.schedule_fails:
            raise EnvironmentProblem("the faults' schedule broke off")

    def run(self) -> None:
        operator: Any = SimpleNamespace(
            target=None, history=self.history, clock=self.clock, say=self.said.append
        )
        Recovering(
            self.scenario, operator, cast("Any", self), self.detector, self.events, self.given_up
        ).run()

    def detect(self) -> None:
        self.history.listen(self.detector.observe)
        self.history.invoke("canary").fail()

    def phases(self) -> list[str]:
        return [event.data["phase"] for event in self.events if event.kind == "phase"]

    def detections(self) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.kind == "detect"]
