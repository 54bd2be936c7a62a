"""Faults that begin later, pass by themselves, come again, or fail to."""

from __future__ import annotations

import pytest

from colordrill.clock import SystemClock
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.fault.injection import Injection
from colordrill.fault.planned import Planned
from colordrill.history import EventType, History
from colordrill.scenario.fault_spec import FaultSpec
from fakes.clock import ManualClock
from fakes.faults import HORIZON_S, Bench, ScriptedFault, raising
from fakes.target import FakeTarget


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(horizon_s=HORIZON_S)


def test_a_fault_with_a_duration_is_undone_by_schedule_and_not_again(bench: Bench) -> None:
    bench.a = {"duration_s": 5.0}

    bench.run(scheduled=True)

    assert bench.times("heal", "a") == [pytest.approx(5.0)]
    assert bench.log.count("heal a") == 1
    assert bench.log.index("healed a") < bench.log.index("block") < bench.log.index("heal b")
    assert {e.data["name"]: e.data["scheduled"] for e in bench.told("heal")} == {
        "a": True,
        "b": False,
    }


def test_a_staggered_fault_begins_at_its_time_and_is_proven_by_one_look(bench: Bench) -> None:
    bench.b = {"at_s": 3.0}

    bench.run(scheduled=True)

    assert bench.times("fault", "b") == [pytest.approx(3.0)]
    assert bench.log[:6] == [
        *("healthy a", "healthy b", "inject a", "evidence a"),
        *("inject b", "evidence b"),
    ]
    assert [event.data["name"] for event in bench.told("evidence")] == ["a", "b"]


def test_faults_overlap_and_pass_in_turn(bench: Bench) -> None:
    bench.a, bench.b = {"duration_s": 10.0}, {"at_s": 3.0, "duration_s": 5.0}

    bench.run(scheduled=True)

    assert bench.times("heal", "a") == [pytest.approx(10.0)]
    assert bench.times("heal", "b") == [pytest.approx(8.0)]
    acts = [entry for entry in bench.log if entry.startswith(("inject", "heal "))]
    assert acts == ["inject a", "inject b", "heal b", "heal a"]


def test_a_cure_that_another_fault_still_hides_does_not_hold_that_ones_cure_up(
    target: FakeTarget, bench: Bench
) -> None:
    first, second = (ScriptedFault(name, bench.log) for name in "ab")
    first.curable = False
    second.acts["heal"] = lambda: setattr(first, "curable", True)
    planned = [
        Planned(FaultSpec("a", "primary", duration_s=0.1), first),
        Planned(FaultSpec("b", "primary", at_s=0.05, duration_s=0.2), second),
    ]

    with Injection(planned, target, bench.history, SystemClock()) as injection:
        injection.strike()
        injection.await_schedule(20.0)

    assert bench.log.index("heal a") < bench.log.index("heal b")
    assert {e.data["name"]: e.data["scheduled"] for e in bench.told("heal", EventType.OK)} == {
        "a": True,
        "b": True,
    }


def test_a_fault_comes_again_only_after_its_cure_was_read_back(bench: Bench) -> None:
    looks = iter([False, False, True])
    bench.a = {"duration_s": 2.0, "times": 2}
    bench.first.acts["healed"] = lambda: setattr(bench.first, "curable", next(looks, True))

    bench.run(scheduled=True)

    acts = [entry for entry in bench.log if entry in {"inject a", "heal a", "healed a"}]
    assert acts == ["inject a", "heal a", "healed a", "inject a", "heal a", "healed a"]


def test_faults_follow_one_another(bench: Bench) -> None:
    bench.a, bench.b = {"duration_s": 2.0}, {"at_s": 4.0, "duration_s": 2.0}

    bench.run(scheduled=True)

    acts = [entry for entry in bench.log if entry.startswith(("inject", "heal "))]
    assert acts == ["inject a", "heal a", "inject b", "heal b"]


def test_a_flapping_fault_comes_and_goes_and_is_proven_each_time(bench: Bench) -> None:
    bench.a = {"duration_s": 2.0, "times": 3, "pause_s": 1.0}

    bench.run(scheduled=True)

    assert bench.times("fault", "a") == [pytest.approx(each) for each in (0.0, 3.0, 6.0)]
    assert bench.times("heal", "a") == [pytest.approx(each) for each in (2.0, 5.0, 8.0)]
    seen = [event.data["seen"] for event in bench.told("evidence") if event.data["name"] == "a"]
    assert seen == [True, True, True]


def test_flaps_without_a_pause_are_undone_before_they_come_again(bench: Bench) -> None:
    bench.a = {"duration_s": 2.0, "times": 2}

    bench.run(scheduled=True)

    acts = [entry for entry in bench.log if entry in {"inject a", "heal a"}]
    assert acts == ["inject a", "heal a", "inject a", "heal a"]


def test_a_flap_without_effect_is_missing_evidence_of_its_own(bench: Bench) -> None:
    bench.a = {"duration_s": 2.0, "times": 2, "pause_s": 1.0}
    bench.first.acts["heal"] = lambda: setattr(bench.first, "effective", False)

    bench.run(scheduled=True)

    notes = [event.data for event in bench.told("evidence") if event.data["name"] == "a"]
    assert [note["seen"] for note in notes] == [True, False]
    assert "a peer saw a: False" in notes[1]["detail"]


def test_the_peers_look_before_the_first_injection_at_later_faults_too(bench: Bench) -> None:
    bench.b = {"at_s": 3.0}
    bench.second.healthy_before = False

    with pytest.raises(EnvironmentProblem, match="not healthy before b"):
        bench.run(scheduled=True)

    assert bench.log == ["healthy a", "healthy b"]


def test_what_the_schedule_failed_to_undo_is_undone_at_the_end(bench: Bench) -> None:
    bench.a = {"duration_s": 2.0}
    bench.first.acts["heal"] = raising(EnvironmentProblem("the proxy hangs"))

    def mend() -> None:
        bench.first.acts.clear()

    with bench.injection() as injection:
        injection.strike()
        with pytest.raises(EnvironmentProblem, match=r"scheduled cure failed: a on primary.*hangs"):
            injection.await_schedule(1000.0)
        mend()

    ends = [(e.type.value, e.data["scheduled"]) for e in bench.told("heal") if e.type != "invoke"]
    assert ends == [("fail", True), ("ok", False), ("ok", False)]


def test_an_injection_that_fails_by_schedule_is_told_and_undone(bench: Bench) -> None:
    bench.b = {"at_s": 2.0}
    bench.second.acts["inject"] = raising(EnvironmentProblem("half done"))

    with pytest.raises(EnvironmentProblem, match="schedule broke off: half done"):
        bench.run(scheduled=True)

    assert [event.data["name"] for event in bench.told("fault", EventType.FAIL)] == ["b"]
    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]


def test_a_crash_in_the_schedules_thread_is_told_to_who_awaits_it(bench: Bench) -> None:
    bench.b = {"at_s": 2.0}
    bench.second.acts["inject"] = raising(ZeroDivisionError("a bug"))

    with pytest.raises(EnvironmentProblem, match="a bug"):
        bench.run(scheduled=True)

    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]


def test_what_is_still_due_when_the_drill_ends_is_not_begun(
    target: FakeTarget, history: History
) -> None:
    log: list[str] = []
    specs = (FaultSpec("a", "primary", duration_s=1800.0), FaultSpec("b", "x", at_s=1800.0))
    planned = [Planned(spec, ScriptedFault(spec.name, log)) for spec in specs]

    with Injection(planned, target, history, SystemClock()) as injection:
        injection.strike()
        assert injection.scheduled
        with pytest.raises(WaitExpired):
            injection.await_schedule(0.01)

    assert not injection.scheduled
    assert log == ["healthy a", "healthy b", "inject a", "evidence a", "heal a", "healed a"]


def test_a_fault_that_passes_before_a_peer_saw_it_is_missing_evidence_at_once(
    target: FakeTarget, bench: Bench
) -> None:
    """Nobody looks ten seconds long for what is over."""
    fault = ScriptedFault("a", [], effective=False)
    planned = Planned(FaultSpec("a", "primary", duration_s=0.1), fault)
    clock = SystemClock()
    began_ns = clock.now_ns()

    with Injection([planned], target, bench.history, clock) as injection:
        injection.strike()

    assert (clock.now_ns() - began_ns) / 1e9 < 5.0
    (note,) = bench.told("evidence")
    assert note.data["seen"] is False


def test_ctrl_c_while_a_schedule_runs_heals_everything_once(
    target: FakeTarget, bench: Bench
) -> None:
    log: list[str] = []
    specs = (FaultSpec("a", "primary"), FaultSpec("b", "x", duration_s=0.05))
    planned = [Planned(spec, ScriptedFault(spec.name, log)) for spec in specs]

    def drill() -> None:
        with Injection(planned, target, bench.history, SystemClock()) as injection:
            injection.strike()
            injection.await_schedule(20.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drill()

    assert (log.count("heal a"), log.count("heal b")) == (1, 1)


def test_ctrl_c_during_a_strike_with_a_schedule_heals_what_was_begun(bench: Bench) -> None:
    bench.b = {"duration_s": 2.0}
    bench.second.acts["inject"] = raising(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        bench.run(scheduled=True)

    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]
