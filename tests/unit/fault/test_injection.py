from __future__ import annotations

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault.cures import HEALED_LIMIT_S
from colordrill.fault.injection import (
    EVIDENCE_LIMIT_S,
    Injection,
    refuse_unsupported,
)
from colordrill.fault.planned import Planned
from colordrill.history import Event, EventType, History
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.target import Capability
from fakes.clock import ManualClock
from fakes.faults import Bench, ScriptedFault, raising
from fakes.target import FakeTarget


def test_faults_are_injected_proven_and_healed_in_reverse_order(bench: Bench) -> None:
    bench.run()

    assert bench.log == [
        *("healthy a", "healthy b", "inject a", "inject b", "evidence a", "evidence b"),
        "block",
        *("heal b", "heal a", "healed b", "healed a"),
    ]
    told = [(event.kind, event.type.value) for event in bench.events]
    assert told == [
        *[("fault", "invoke"), ("fault", "ok")] * 2,
        *[("evidence", "note")] * 2,
        *[("heal", "invoke")] * 2,
        *[("heal", "ok")] * 2,
    ]


def test_what_is_written_names_fault_target_and_whether_it_starts_the_clock(bench: Bench) -> None:
    bench.b = {"latent": True}

    bench.run()

    began = [event.data for event in bench.told("fault", EventType.INVOKE)]
    assert [(data["name"], data["target"], data["starts_clock"]) for data in began] == [
        ("b", "primary", False),
        ("a", "primary", True),
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

    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]
    assert len(bench.told("heal", EventType.OK)) == 2


@pytest.mark.parametrize("error", [EnvironmentProblem("half done"), KeyboardInterrupt()])
def test_everything_is_healed_when_an_injection_fails_half_way(
    bench: Bench, error: BaseException
) -> None:
    bench.second.acts["inject"] = raising(error)

    with pytest.raises(type(error)):
        bench.run()

    assert "block" not in bench.log
    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]


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

    assert bench.log[-4:] == ["heal b", "heal a", "heal b", "healed a"]
    assert [event.data["name"] for event in bench.told("heal", EventType.FAIL)] == ["b", "b"]
    assert [event.data["name"] for event in bench.told("heal", EventType.OK)] == ["a"]


def test_what_one_fault_hides_from_the_peer_of_another_is_cured_before_anybody_looks(
    bench: Bench,
) -> None:
    """Each fault's peer sees it healed only once both are."""
    bench.first.curable = bench.second.curable = False
    bench.first.acts["heal"] = lambda: setattr(bench.second, "curable", True)
    bench.second.acts["heal"] = lambda: setattr(bench.first, "curable", True)

    bench.run()

    assert len(bench.told("heal", EventType.OK)) == 2


def test_every_cure_that_failed_is_named(bench: Bench) -> None:
    for fault in (bench.first, bench.second):
        fault.acts["heal"] = raising(EnvironmentProblem(f"stuck {fault.label}"))

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
    with Injection((), target, history, clock) as injection:
        injection.plant()
        injection.strike()
        injection.await_schedule(1.0)
        ran = True

    assert ran
    assert events == []


class Needy(ScriptedFault):
    """One that needs more than any target of these tests can do."""

    requires = frozenset({Capability.NETWORK_CUT, Capability.KILL})


def test_a_target_that_lacks_a_capability_is_refused_by_its_name(bench: Bench) -> None:
    bench.target.can = frozenset({Capability.EXECUTE})
    needy = Planned(FaultSpec("a", "primary"), Needy("a", []))

    with pytest.raises(EnvironmentProblem, match="fault a needs kill, network_cut"):
        refuse_unsupported([needy], bench.target)


def test_a_target_that_can_is_not_refused(bench: Bench) -> None:
    refuse_unsupported([Planned(FaultSpec("a", "primary"), bench.first)], bench.target)
    refuse_unsupported([], bench.target)


def test_latent_defects_are_planted_and_proven_before_disasters_strike(bench: Bench) -> None:
    bench.b = {"latent": True}

    bench.run()

    assert bench.log == [
        *("healthy b", "inject b", "evidence b"),
        *("healthy a", "inject a", "evidence a"),
        "block",
        *("heal a", "heal b", "healed a", "healed b"),
    ]


def test_without_a_latent_defect_nothing_is_planted(bench: Bench) -> None:
    with bench.injection() as injection:
        injection.plant()

    assert bench.log == []
    assert bench.events == []


def test_the_gate_is_passed_after_every_look_and_before_the_first_injection(bench: Bench) -> None:
    with bench.injection() as injection:
        injection.strike(lambda: bench.log.append("gate"))

    assert bench.log[:4] == ["healthy a", "healthy b", "gate", "inject a"]


def test_a_gate_that_calls_it_off_leaves_everything_untouched(bench: Bench) -> None:
    with pytest.raises(EnvironmentProblem, match="steady state was lost"):  # noqa: SIM117 (order)
        with bench.injection() as injection:
            injection.strike(raising(EnvironmentProblem("steady state was lost")))

    assert bench.log == ["healthy a", "healthy b"]
    assert bench.events == []


def test_a_fault_that_is_not_injected_is_not_healed(bench: Bench) -> None:
    with bench.injection():
        pass

    assert bench.log == []
    assert bench.told("heal") == []


def test_a_cure_at_the_end_is_not_called_scheduled(bench: Bench) -> None:
    bench.run()

    assert {event.data["scheduled"] for event in bench.told("heal")} == {False}
