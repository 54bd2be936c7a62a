"""A builder of histories: each test tells a drill in seconds since the fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from colordrill.history import Event, EventType
from colordrill.outcome import Check, Outcome, Verdict
from colordrill.record.model import DrillFacts, EnvironmentFacts
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.model import Scenario
from colordrill.verify.conclude import conclude

FAULT_NS = 1_000_000_000_000
GOOD = {"chroma_ssim": 0.9995, "chroma_tile": 0.999, "luma_ssim": 0.9999, "delta_e": 0.05}
BAD = {"chroma_ssim": 0.2, "chroma_tile": 0.01, "luma_ssim": 0.97, "delta_e": 11.0}


def at_ns(second: float) -> int:
    return FAULT_NS + round(second * 1e9)


BOUNDS: dict[str, Callable[[Scenario], float]] = {
    "steady_state": lambda scenario: scenario.pace.steady_canaries,
    "rto": lambda scenario: scenario.objectives.rto_s,
    "steady_after": lambda scenario: scenario.pace.stability_count,
    "rpo": lambda scenario: min(
        scenario.objectives.rpo_s,
        scenario.unflushed_max_s
        or scenario.pace.backup_interval_s * max(1, scenario.offsite_every)
        + scenario.pace.backup_duration_max_s,
    ),
    "backup_promise": lambda scenario: scenario.pace.backup_duration_max_s,
    "backups_resume": lambda _: 1,
    "integrity": lambda _: 0,
    "lost_after_fault": lambda scenario: scenario.objectives.lost_after_fault_max,
    "duplicates": lambda _: 0,
    "user_work": lambda _: 0,
    "colour": lambda scenario: scenario.objectives.chroma_ssim_min,
    "determinism": lambda scenario: scenario.objectives.chroma_ssim_min,
}
"""What a check is measured against follows from the scenario alone, whatever its verdict."""


STRICT = replace(
    HOST_POWER_LOSS, objectives=replace(HOST_POWER_LOSS.objectives, lost_after_fault_max=0)
)
"""The scenario with the default bound: nothing acknowledged after the fault may be gone."""


@dataclass
class Story:
    """Events in any order of telling; :meth:`events` puts them in the order of time."""

    scenario: Scenario = STRICT
    told: list[Event] = field(default_factory=list)
    may_crash: bool = False
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def say(self, second: float, type_: str, kind: str, id_: str = "", /, **data: Any) -> str:
        op = id_ or f"{kind}-{next(self._numbers):04d}"
        self.told.append(Event(at_ns(second), "", EventType(type_), kind, op, data))
        return op

    def operation(
        self, kind: str, began: float, ended: float | None, type_: str = "ok", **data: Any
    ) -> str:
        """An operation whose invoke line holds the same data as its end."""
        op = self.say(began, "invoke", kind, **data)
        if ended is not None:
            self.say(ended, type_, kind, op, **data)
        return op

    def canary(
        self,
        sent: float,
        *,
        correct: bool | None = True,
        scored: bool = True,
        site: str | None = "dr",
        took: float | None = 0.5,
        answered: bool = True,
        cached: bool = False,
        kind: str = "canary",
        figures: dict[str, float] | None = None,
        name: str = "person",
        pixels: str | None = "f0",
    ) -> str:
        op = self.say(sent, "invoke", kind, canary=name, photo="p.png")
        if took is None:
            return op
        if not answered:
            self.say(sent + took, "unknown", kind, op, canary=name, error="no answer")
            return op
        self.say(sent + took, "ok", kind, op, canary=name, site=site, colorize_cached=cached)
        if scored:
            reasons = [] if correct else ["chroma SSIM 0.2000 is below 0.985"]
            scores = figures or (BAD if correct is False else GOOD)
            hashed = {} if pixels is None else {"pixels_sha256": pixels}
            self.say(sent + took + 0.2, "note", "score", op=op, correct=correct, reasons=reasons,
                     scores=scores, **hashed)  # fmt: skip
        return op

    def canaries(self, first: float, last: float, *, every: float = 1.5, **how: Any) -> None:
        second = first
        while second <= last:
            self.canary(second, **how)
            second += every

    def snapshot(
        self, point: str, began: float, *, took: float | None = 1.0, type_: str = "ok"
    ) -> None:
        ended = None if took is None else began + took
        self.operation("snapshot", began, ended, type_, point=point, strategy="rsync")

    def item(self, name: str, acked: float, outcome: str | None = "present") -> None:
        self.operation("edit", acked - 0.1, acked, item=name, sha256="00")
        if outcome is not None:
            self.operation("readback", 100.0, 100.1, item=name, outcome=outcome, detail="as read")

    def job(
        self,
        name: str,
        accepted: float,
        completed: float | None,
        *,
        given_up: float | None = None,
        refused: bool = False,
        outcome: str | None = "present",
    ) -> None:
        """A job that completed, was *given_up* (refused: it certainly failed), or is awaited."""
        self.operation("submit", accepted - 0.1, accepted, job=name, workflow="person")
        item = f"output/{name}.png"
        op = self.say(accepted, "invoke", "complete", job=name)
        if completed is not None:
            self.say(completed, "ok", "complete", op, job=name, item=item, cached=[])
            self.operation("fetch", completed, completed + 0.1, job=name, item=item, sha256="00")
            if outcome is not None:
                self.operation("readback", 101.0, 101.1, item=item, outcome=outcome)
        elif given_up is not None:
            self.say(given_up, "fail" if refused else "unknown", "complete", op, error="gone")

    def fault(
        self, *, seen: float | None = 0.6, healed: str | None = "ok", starts_clock: bool = True
    ) -> None:
        for spec in self.scenario.faults:
            named = {"name": spec.name, "target": spec.target}
            op = self.say(0.0, "invoke", "fault", **named, starts_clock=starts_clock)
            self.say(0.5, "ok", "fault", op, **named)
            if seen is not None:
                self.say(seen, "note", "evidence", **named, seen=True, detail="refused")
            if healed is not None:
                self.operation("heal", 105.0, 106.0, healed, **named, detail="running again")

    def runbook(
        self,
        *,
        began: float = 4.0,
        start_s: float = 3.0,
        point: str = "p4",
        correct: bool = True,
        switched: bool = True,
    ) -> None:
        """The five steps, one second each but for the first; a wrong canary stops at the third."""
        second = began
        for step, took in (("start", start_s), ("mount", 1.0)):
            extra = {"point": point} if step == "mount" else {}
            self.operation("step", second, second + took, step=step, detail="done", **extra)
            second += took
        self.canary(second + 0.1, kind="verifycan", correct=correct)
        self.operation("step", second, second + 1.0, "ok" if correct else "fail", step="verify",
                       detail="canary judged")  # fmt: skip
        if correct:
            second += 1.0
            ended = "ok" if switched else "fail"
            self.operation("step", second, second + 1.0, ended, step="switch", detail="switched")

    def probe(
        self, second: float, probe: str, outcome: str = "as_primary", site: str = "dr"
    ) -> None:
        self.say(
            second, "note", "readiness", site=site, probe=probe, outcome=outcome, detail="seen"
        )

    def before(self) -> None:
        """Steady canaries, four recovery points, acknowledged work."""
        self.canaries(-20.0, -1.5, site="primary")
        for number, began in enumerate((-16.0, -12.0, -8.0, -4.0), start=1):
            self.snapshot(f"p{number}", began)
        for second in (-18.0, -14.0, -10.0, -6.0, -5.0):
            self.item(f"workflows/{-second:g}.json", second)
        self.job("early", -9.0, -7.0)

    def outage(self, until: float) -> None:
        """Canaries without an answer, and a user whom the gateway refuses: no site is left."""
        self.canaries(0.1, until, answered=False, took=2.0)
        self.operation("edit", 3.0, 3.1, "fail", item="workflows/refused.json")
        self.say(3.5, "note", "detect", canaries=[])

    def healthy(self) -> Story:
        """A drill that passes: 4 s to detect, switched at 10 s, correct from 11.5 s on."""
        self.before()
        self.item("workflows/last.json", -1.0, "lost")
        self.fault()
        self.outage(10.0)
        self.runbook()
        self.canaries(11.0, 26.0)
        self.item("workflows/later.json", 13.0)
        self.job("later", 14.0, 16.0)
        self.probe(8.5, "image")
        self.probe(8.6, "mounts")
        self.say(28.0, "note", "phase", phase="readback")
        self.say(120.0, "note", "phase", phase="done")
        return self

    def events(self) -> list[Event]:
        return sorted(self.told, key=lambda event: event.t_ns)

    def without(self, kind: str, *, type_: str | None = None) -> Story:
        """The same story without the lines of *kind*."""
        kept = [
            each
            for each in self.told
            if each.kind != kind or (type_ is not None and each.type.value != type_)
        ]
        return replace(self, told=kept)

    def outcome(self) -> Outcome:
        outcome = conclude(self.events(), self.scenario)
        # a check that crashes is unknown too: no test may take that for the reason that it means
        crashed = [each for each in outcome.checks if "could not be judged" in each.detail]
        assert self.may_crash or not crashed, crashed
        for check in outcome.checks:
            assert check.detail
            if check not in crashed and check.name in BOUNDS:
                assert check.bound == BOUNDS[check.name](self.scenario), check
        return outcome

    def check(self, name: str) -> Check:
        return next(check for check in self.outcome().checks if check.name == name)

    def verdicts(self) -> dict[str, Verdict]:
        return {check.name: check.verdict for check in self.outcome().checks}

    def failed(self) -> set[str]:
        return {name for name, verdict in self.verdicts().items() if verdict is Verdict.FAIL}


@pytest.fixture(scope="session")
def story_class() -> type[Story]:
    """For property tests, which need a fresh story per example."""
    return Story


@pytest.fixture
def story() -> Story:
    """An empty history."""
    return Story()


@pytest.fixture
def healthy() -> Story:
    """A drill in which everything holds."""
    return Story().healthy()


@pytest.fixture
def plain_record() -> dict[str, Any]:
    """The arguments of a record but for its events and its outcome."""
    started = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    command = "colordrill run host_power_loss"
    facts = DrillFacts("run", "host_power_loss", 1, "gate", started, started, command)
    return {
        "drill": facts,
        "environment": EnvironmentFacts(host={}, engine={}),
        "scenario": HOST_POWER_LOSS,
    }
