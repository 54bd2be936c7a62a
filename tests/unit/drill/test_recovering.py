"""From the fault to the proven recovery: who acts, on what point, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from colordrill.drill import recovering as module
from colordrill.drill.recovering import SCRUB_LIMIT_S, detect_limit_s
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, History
from colordrill.outcome import Verdict
from colordrill.recover.steps import RunbookEnd
from colordrill.scenario.fault_spec import Detection, FaultSpec, Recovery, StackKind
from fakes.clock import ManualClock
from fakes.recovery_field import NEWER, OLDER, Field


def restore_power(_target: object) -> str:
    """A disk comes back."""
    return "power is back"


@pytest.fixture
def drill(
    history: History, clock: ManualClock, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> Field:
    drill = Field(history, clock, events)

    def scrub(_target: object, _agent: object, point: str) -> Any:
        drill.scrubbed.append(point)
        return SimpleNamespace(damaged=drill.damaged)

    def book(name: str) -> Any:
        def make(*given: object, **more: object) -> Any:
            drill.runbooks.append((name, SimpleNamespace(given=given, **more)))
            return SimpleNamespace(run=lambda: drill.end)

        return make

    judged = SimpleNamespace(check=SimpleNamespace(verdict=None))
    monkeypatch.setattr(module, "scrub", scrub)
    monkeypatch.setattr(module, "newest_until", lambda _target, point: drill.until or point)
    monkeypatch.setattr(module, "FailoverRunbook", book("failover"))
    monkeypatch.setattr(module, "InPlaceRunbook", book("in_place"))

    def judge(*_: object) -> Any:
        judged.check.verdict = drill.verdict
        return judged

    monkeypatch.setattr(module, "AWAITED", (judge, lambda *_: drill.resumed))
    monkeypatch.setattr(module, "restore_power", restore_power)
    drill.strike()
    return drill


def in_place(drill: Field, **different: Any) -> None:
    drill.scenario = replace(drill.scenario, recovery=Recovery.IN_PLACE, **different)


def unaided(drill: Field, **different: Any) -> None:
    drill.scenario = replace(
        drill.scenario, recovery=Recovery.UNAIDED, detection=Detection.NONE, **different
    )


def test_a_detected_outage_starts_the_runbook_at_the_dr_site(drill: Field) -> None:
    drill.detect()

    drill.run()

    assert [name for name, _ in drill.runbooks] == ["failover"]
    assert drill.phases() == ["recover", "stability"]
    assert [each["canaries"] for each in drill.detections()] == [list(drill.detector.canaries)]


def test_an_outage_that_nobody_detects_starts_no_runbook(drill: Field) -> None:
    drill.run()

    assert drill.runbooks == []
    assert drill.clock.elapsed_s == pytest.approx(detect_limit_s(drill.scenario.pace))
    assert any("no outage was detected" in line for line in drill.said)


@pytest.mark.parametrize(("end", "phase"), [(RunbookEnd.REFUSED, "refused"),
                                            (RunbookEnd.FAILED, "stability")])  # fmt: skip
def test_only_a_site_that_is_refused_is_not_waited_for(
    drill: Field, end: RunbookEnd, phase: str
) -> None:
    drill.detect()
    drill.end = end

    drill.run()

    assert drill.phases() == ["recover", phase]


def test_what_is_under_way_when_a_site_is_refused_is_waited_for_by_nobody(drill: Field) -> None:
    drill.detect()
    drill.end = RunbookEnd.REFUSED

    drill.run()

    assert drill.given_up.is_set()


def test_the_primary_is_repaired_from_the_newest_point_before_the_disaster(drill: Field) -> None:
    in_place(drill, repair=("output",), restarts=False)
    drill.detect()

    drill.run()

    ((name, made),) = drill.runbooks
    assert (name, made.point, made.repair, made.restarts, made.power_on) == (
        *("in_place", NEWER, ("output",)),
        *(False, None),
    )


def test_a_site_on_a_disk_gets_its_power_back(drill: Field) -> None:
    in_place(drill, stack=StackKind.DISK)
    drill.detect()

    drill.run()

    assert drill.runbooks[0][1].power_on is restore_power


def test_damage_is_found_by_a_scrub_against_the_point_before_the_disaster(drill: Field) -> None:
    in_place(drill, detection=Detection.SCRUB, repair=("output",))

    drill.run()

    assert drill.scrubbed == [NEWER]
    assert [name for name, _ in drill.runbooks] == ["in_place"]
    assert drill.detections() == [{"canaries": [], "scrub": ["output/a.png"]}]


def test_a_scrub_that_finds_nothing_ends_in_no_runbook(drill: Field) -> None:
    in_place(drill, detection=Detection.SCRUB, repair=("output",))
    drill.damaged = ()

    drill.run()

    assert drill.runbooks == []
    assert drill.detections() == []
    assert drill.clock.elapsed_s == pytest.approx(SCRUB_LIMIT_S)


def test_what_passes_by_itself_is_waited_out_and_nobody_acts(drill: Field) -> None:
    unaided(drill, faults=(FaultSpec("network_down", "gateway-primary", duration_s=6.0),))
    drill.pending_s = 6.0

    drill.run()

    assert drill.runbooks == []
    assert drill.clock.elapsed_s >= 6.0
    assert drill.phases() == ["stability"]


def test_a_detection_while_it_is_waited_out_is_noted_once(drill: Field) -> None:
    unaided(drill)
    drill.pending_s = 6.0
    drill.clock.at(2.0, drill.detect)

    drill.run()

    (noted,) = drill.detections()
    assert noted["canaries"] == list(drill.detector.canaries)


def test_a_schedule_that_broke_off_ends_the_drill(drill: Field) -> None:
    unaided(drill)
    drill.schedule_fails = True

    with pytest.raises(EnvironmentProblem, match="broke off"):
        drill.run()


def test_a_schedule_that_never_ends_is_not_waited_for_without_end(drill: Field) -> None:
    unaided(drill)
    drill.pending_s = 1e9

    drill.run()

    assert drill.clock.elapsed_s < 200.0


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN])
def test_what_is_never_proven_is_given_up_after_the_objective(
    drill: Field, verdict: Verdict
) -> None:
    drill.detect()
    drill.verdict = verdict

    drill.run()

    assert drill.clock.elapsed_s > drill.scenario.objectives.rto_s
    assert "the service was not recovered within the objective" in drill.said
    # what is still under way may turn unknown into something, but never fail
    assert drill.given_up.is_set() is (verdict is Verdict.FAIL)


def test_a_recovery_that_is_proven_late_ends_the_watch_then(drill: Field) -> None:
    drill.detect()
    drill.verdict = Verdict.UNKNOWN
    drill.clock.at(20.0, lambda: setattr(drill, "verdict", Verdict.PASS))

    drill.run()

    assert 20.0 <= drill.clock.elapsed_s <= 21.0


@pytest.mark.parametrize("until", [Verdict.UNKNOWN, Verdict.FAIL])
def test_other_checks_that_need_more_to_be_seen_are_waited_for(
    drill: Field, until: Verdict
) -> None:
    """Backups that have not resumed, users whose work has not succeeded again."""
    resumed = SimpleNamespace(check=SimpleNamespace(verdict=until))
    drill.resumed = resumed
    drill.clock.at(5.0, lambda: setattr(resumed.check, "verdict", Verdict.PASS))
    unaided(drill)

    drill.run()

    assert 5.0 <= drill.clock.elapsed_s <= 6.0


def test_what_has_been_shown_once_need_not_be_shown_again(drill: Field) -> None:
    """A canary that is under way makes the recovery a doubt again; it is judged at the end."""
    resumed = SimpleNamespace(check=SimpleNamespace(verdict=Verdict.UNKNOWN))
    drill.resumed = resumed
    drill.clock.at(3.0, lambda: setattr(drill, "verdict", Verdict.UNKNOWN))
    drill.clock.at(5.0, lambda: setattr(resumed.check, "verdict", Verdict.PASS))
    unaided(drill)

    drill.run()

    assert 5.0 <= drill.clock.elapsed_s <= 6.0


def test_a_scrub_takes_an_older_point_where_the_newest_one_is_gone(drill: Field) -> None:
    in_place(drill, detection=Detection.SCRUB)
    drill.until = OLDER

    drill.run()

    assert drill.scrubbed == [OLDER]
