from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault.injection import (
    EVIDENCE_LIMIT_S,
    HEALED_LIMIT_S,
    injected,
    refuse_unsupported,
)
from colordrill.fault.protocol import Evidence, Fault
from colordrill.history import Event, EventType, History
from colordrill.stack.target import Capability, Target
from fakes.clock import ManualClock
from fakes.target import FakeTarget

Act = Callable[[], object]


@dataclass
class ScriptedFault:
    """A fault that does what a test wants, and tells a shared log."""

    name: str
    log: list[str]
    starts_clock: bool = True
    target_name: str = "primary"
    requires: frozenset[Capability] = frozenset({Capability.KILL})
    healthy_before: bool = True
    effective: bool = True
    curable: bool = True
    acts: dict[str, Act] = field(default_factory=dict)

    def healthy(self, _target: Target) -> Evidence:
        return self._look("healthy", seen=self.healthy_before)

    def inject(self, _target: Target) -> None:
        self._do("inject")

    def evidence(self, _target: Target) -> Evidence:
        return self._look("evidence", seen=self.effective)

    def heal(self, _target: Target) -> None:
        self._do("heal")

    def healed(self, _target: Target) -> Evidence:
        return self._look("healed", seen=self.curable)

    def _look(self, what: str, *, seen: bool) -> Evidence:
        self._do(what)
        return Evidence(seen=seen, detail=f"a peer saw {self.name}: {seen}")

    def _do(self, what: str) -> None:
        entry = f"{what} {self.name}"
        if not self.log or self.log[-1] != entry:
            self.log.append(entry)
        self.acts.get(what, bool)()


def raising(error: BaseException) -> Act:
    def act() -> None:
        raise error

    return act


@dataclass
class Bench:
    """Two faults, and what is needed to inject them."""

    target: FakeTarget
    history: History
    clock: ManualClock
    events: list[Event]
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first, self.second = ScriptedFault("a", self.log), ScriptedFault("b", self.log)

    def run(self, act: Act = bool) -> None:
        faults: tuple[Fault, ...] = (self.first, self.second)
        with injected(faults, self.target, self.history, self.clock):
            self.log.append("block")
            act()

    def told(self, kind: str, type_: EventType | None = None) -> list[Event]:
        return [e for e in self.events if e.kind == kind and type_ in {None, e.type}]


@pytest.fixture
def bench(target: FakeTarget, history: History, clock: ManualClock, events: list[Event]) -> Bench:
    return Bench(target, history, clock, events)


def test_faults_are_injected_proven_and_healed_in_reverse_order(bench: Bench) -> None:
    bench.run()

    assert bench.log == [
        *("healthy a", "healthy b", "inject a", "inject b", "evidence a", "evidence b"),
        "block",
        *("heal b", "healed b", "heal a", "healed a"),
    ]
    told = [(event.kind, event.type.value) for event in bench.events]
    assert told == [
        *[("fault", "invoke"), ("fault", "ok")] * 2,
        *[("evidence", "note")] * 2,
        *[("heal", "invoke"), ("heal", "ok")] * 2,
    ]


def test_what_is_written_names_fault_target_and_whether_it_starts_the_clock(bench: Bench) -> None:
    bench.second.starts_clock = False

    bench.run()

    began = [event.data for event in bench.told("fault", EventType.INVOKE)]
    assert [(data["name"], data["target"], data["starts_clock"]) for data in began] == [
        ("a", "primary", True),
        ("b", "primary", False),
    ]


def test_the_history_knows_of_an_injection_before_it_happens(bench: Bench) -> None:
    """`t_fault` is just before the injection's call."""
    seen: list[int] = []
    bench.first.acts["inject"] = lambda: seen.append(len(bench.told("fault", EventType.INVOKE)))

    bench.run()

    assert seen == [1]


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), EnvironmentProblem("no"), KeyboardInterrupt(), SystemExit(1)]
)
def test_everything_is_healed_when_the_block_raises(bench: Bench, error: BaseException) -> None:
    with pytest.raises(type(error)):
        bench.run(raising(error))

    assert bench.log[-4:] == ["heal b", "healed b", "heal a", "healed a"]
    assert len(bench.told("heal", EventType.OK)) == 2


@pytest.mark.parametrize("error", [EnvironmentProblem("half done"), KeyboardInterrupt()])
def test_everything_is_healed_when_an_injection_fails_half_way(
    bench: Bench, error: BaseException
) -> None:
    bench.second.acts["inject"] = raising(error)

    with pytest.raises(type(error)):
        bench.run()

    assert "block" not in bench.log
    assert bench.log[-4:] == ["heal b", "healed b", "heal a", "healed a"]


def test_an_injection_that_failed_is_written_down_as_failed(bench: Bench) -> None:
    bench.first.acts["inject"] = raising(EnvironmentProblem("no such container"))

    with pytest.raises(EnvironmentProblem, match="no such container"):
        bench.run()

    (failed,) = bench.told("fault", EventType.FAIL)
    assert "no such container" in failed.data["error"]
    assert "inject b" not in bench.log


def test_a_cure_that_fails_does_not_keep_the_others_from_running(bench: Bench) -> None:
    bench.second.acts["heal"] = raising(RuntimeError("the engine went away"))

    with pytest.raises(EnvironmentProblem, match=r"b on primary.*the engine went away"):
        bench.run()

    assert bench.log[-2:] == ["heal a", "healed a"]
    assert [event.data["name"] for event in bench.told("heal", EventType.FAIL)] == ["b"]
    assert [event.data["name"] for event in bench.told("heal", EventType.OK)] == ["a"]


def test_every_cure_that_failed_is_named(bench: Bench) -> None:
    for fault in (bench.first, bench.second):
        fault.acts["heal"] = raising(EnvironmentProblem(f"stuck {fault.name}"))

    with pytest.raises(EnvironmentProblem) as caught:
        bench.run()

    assert "stuck a" in str(caught.value)
    assert "stuck b" in str(caught.value)
    assert caught.value.next_step


def test_a_cure_without_effect_is_reported_within_its_limit(
    bench: Bench, clock: ManualClock
) -> None:
    bench.first.curable = False

    with pytest.raises(EnvironmentProblem, match="not healed within 60 s"):
        bench.run()

    assert clock.elapsed_s == pytest.approx(HEALED_LIMIT_S, abs=0.2)
    (failed,) = bench.told("heal", EventType.FAIL)
    assert "a peer saw a: False" in failed.data["detail"]


def test_a_cure_that_takes_effect_late_is_healed(bench: Bench, clock: ManualClock) -> None:
    bench.first.curable = False
    clock.at(5.0, lambda: setattr(bench.first, "curable", True))

    bench.run()

    assert len(bench.told("heal", EventType.OK)) == 2


def test_missing_evidence_is_written_down_and_the_drill_goes_on(
    bench: Bench, clock: ManualClock
) -> None:
    bench.first.effective = False

    bench.run()

    assert "block" in bench.log
    notes = {event.data["name"]: event.data for event in bench.told("evidence")}
    assert notes["a"]["seen"] is False
    assert "a peer saw a: False" in notes["a"]["detail"]
    assert notes["b"]["seen"] is True
    assert clock.elapsed_s == pytest.approx(EVIDENCE_LIMIT_S, abs=0.2)


def test_a_peer_that_cannot_look_is_missing_evidence(bench: Bench) -> None:
    bench.first.acts["evidence"] = raising(EnvironmentProblem("the gateway is gone"))

    bench.run()

    (note, _) = bench.told("evidence")
    assert note.data["seen"] is False
    assert "the gateway is gone" in note.data["detail"]


def test_evidence_that_comes_late_counts(bench: Bench, clock: ManualClock) -> None:
    bench.first.effective = False
    clock.at(3.0, lambda: setattr(bench.first, "effective", True))

    bench.run()

    assert all(event.data["seen"] for event in bench.told("evidence"))


def test_nothing_is_injected_where_a_peer_finds_the_site_sick_before(bench: Bench) -> None:
    bench.second.healthy_before = False

    with pytest.raises(EnvironmentProblem, match="not healthy before b"):
        bench.run()

    assert bench.log == ["healthy a", "healthy b"]
    assert bench.events == []


def test_an_error_of_the_block_is_kept_beside_one_of_the_cure(bench: Bench) -> None:
    bench.first.acts["heal"] = raising(EnvironmentProblem("stuck"))

    with pytest.raises(EnvironmentProblem, match="not everything could be healed") as caught:
        bench.run(raising(ValueError("a bug")))

    assert isinstance(caught.value.__context__, ValueError)


def test_without_faults_the_block_simply_runs(
    target: FakeTarget, history: History, clock: ManualClock, events: list[Event]
) -> None:
    with injected((), target, history, clock):
        ran = True

    assert ran
    assert events == []


def test_a_target_that_lacks_a_capability_is_refused_by_its_name(bench: Bench) -> None:
    bench.target.can = frozenset({Capability.EXECUTE})
    bench.first.requires = frozenset({Capability.NETWORK_CUT, Capability.KILL})

    with pytest.raises(EnvironmentProblem, match="needs kill, network_cut"):
        refuse_unsupported([bench.first], bench.target)


def test_a_target_that_can_is_not_refused(bench: Bench) -> None:
    refuse_unsupported([bench.first, bench.second], bench.target)
    refuse_unsupported([], bench.target)
