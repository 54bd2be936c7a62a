from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from colordrill.history import Event, EventType
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.record.advice import ADVICE
from colordrill.record.model import DrillFacts
from colordrill.record.schema import validate
from colordrill.verify.conclude import JUDGES

Build = Callable[..., dict[str, Any]]


def outcome(*checks: Check, actuals: Actuals | None = None) -> Outcome:
    return Outcome(checks, actuals or Actuals(), Counts())


def test_faults_are_read_from_the_history(record: dict[str, Any]) -> None:
    (fault,) = record["faults"]
    assert fault["name"] == "host_power_loss"
    assert fault["target"] == "primary"
    assert fault["injected_s"] == 0.0
    assert fault["healed_s"] == 30.4
    (sighting,) = fault["evidence"]
    assert sighting["seen"] is True
    assert sighting["at_s"] == 0.61
    assert "exit 137" in sighting["detail"]


def test_steps_are_read_from_the_history_in_order(record: dict[str, Any]) -> None:
    names = [step["name"] for step in record["steps"]]
    assert names == ["start", "mount", "verify", "switch", "record"]
    assert record["steps"][0]["started_s"] == 2.15
    assert record["steps"][0]["ended_s"] == 5.32
    assert {step["outcome"] for step in record["steps"]} == {"ok"}


def test_times_before_the_fault_are_negative(build_drill: Build, events: list[Event]) -> None:
    early = [
        Event(events[0].t_ns, "", EventType.INVOKE, "step", "early", {"step": "rehearse"}),
        *events,
    ]
    assert build_drill(events=early)["steps"][0]["started_s"] == pytest.approx(-17.0)


def test_without_a_disaster_times_count_from_the_first_event(build_drill: Build) -> None:
    latent = [
        Event(10**9, "", EventType.NOTE, "phase", "p", {"phase": "steady"}),
        Event(3 * 10**9, "", EventType.INVOKE, "fault", "f", {"name": "stale", "target": "dr"}),
        Event(4 * 10**9, "", EventType.OK, "fault", "f", {"name": "stale", "target": "dr"}),
    ]
    (fault,) = build_drill(events=latent)["faults"]
    assert fault["injected_s"] == 2.0
    assert fault["healed_s"] is None
    assert fault["evidence"] == []


def test_each_injection_of_a_flapping_fault_has_its_own_evidence_and_cure(
    build_drill: Build,
) -> None:
    fault = {"name": "network_flapping", "target": "gateway-primary"}
    events = []
    for number, at_s in enumerate((0, 3, 6)):
        cured = EventType.FAIL if at_s == 6 else EventType.OK
        seen = {**fault, "seen": True, "detail": f"seen {number}"}
        for offset_s, type_, kind, data in (
            (0.0, EventType.INVOKE, "fault", {**fault, "starts_clock": number == 0}),
            (0.1, EventType.OK, "fault", fault),
            (1.0, EventType.NOTE, "evidence", seen),
            (2.0, EventType.INVOKE, "heal", fault),
            (2.1, cured, "heal", fault),
        ):
            t_ns = round((at_s + offset_s) * 10**9)
            events.append(Event(t_ns, "", type_, kind, f"{kind}-{number}", data))

    told = build_drill(events=events)["faults"]

    assert [each["injected_s"] for each in told] == [0.0, 3.0, 6.0]
    assert [each["healed_s"] for each in told] == [2.1, 5.1, None]
    details = [[sighting["detail"] for sighting in each["evidence"]] for each in told]
    assert details == [["seen 0"], ["seen 1"], ["seen 2"]]


def test_an_injection_that_failed_was_not_injected(build_drill: Build) -> None:
    data = {"name": "loss", "target": "primary", "starts_clock": True}
    events = [
        Event(0, "", EventType.INVOKE, "fault", "f", data),
        Event(10, "", EventType.FAIL, "fault", "f", data),
    ]
    assert build_drill(events=events)["faults"][0]["injected_s"] is None


def test_a_step_that_never_ended_is_unknown_and_a_problem(build_drill: Build) -> None:
    events = [Event(0, "", EventType.INVOKE, "step", "s", {"step": "mount"})]
    record = build_drill(events=events)
    (step,) = record["steps"]
    assert (step["ended_s"], step["outcome"]) == (None, "unknown")
    assert any("mount has no known end" in each for each in record["problems"])
    validate(record)


def test_a_drill_that_ended_at_once_still_has_a_valid_record(build_drill: Build) -> None:
    record = build_drill(events=[], outcome=outcome(), measurements=None)
    validate(record)
    assert record["verdict"] == "unknown"
    assert record["faults"] == record["steps"] == record["checks"] == []
    assert "measurements" not in record


def test_passing_drills_have_no_problems(record: dict[str, Any]) -> None:
    assert record["problems"] == record["improvements"] == []


def test_each_check_that_did_not_pass_is_a_problem_with_advice(failed: dict[str, Any]) -> None:
    late, unproven = failed["problems"]
    assert late == (
        "Check rto failed (measured 72.5, bound 60): The first correct picture came too late."
    )
    assert unproven.startswith("Check rpo is unknown (nothing measured, bound 8): ")
    assert unproven.endswith(".")
    assert failed["improvements"][0] == ADVICE["rto"]
    assert "unknown is not a pass" in failed["improvements"][1]


def test_the_caller_adds_problems_and_improvements(build_drill: Build) -> None:
    record = build_drill(problems=["It rained."], improvements=["A roof.", "A roof."])
    assert record["problems"] == ["It rained."]
    assert record["improvements"] == ["A roof."]


def test_there_is_advice_for_every_check_and_for_no_other() -> None:
    assert set(ADVICE) == set(JUDGES)


def test_the_objectives_of_record_stand_beside_the_drills_own(record: dict[str, Any]) -> None:
    wanted = record["objectives"]
    assert (wanted["rto_s"], wanted["rto_of_record_s"]) == (60.0, 1800.0)
    assert (wanted["rpo_s"], wanted["rpo_of_record_s"]) == (10.0, 3600.0)


def test_parts_that_were_not_measured_are_null(build_drill: Build) -> None:
    record = build_drill(outcome=outcome(actuals=Actuals(rta_breakdown={"detect_s": 2.0})))
    parts = record["actuals"]["rta_breakdown"]
    assert parts.pop("detect_s") == 2.0
    assert set(parts.values()) == {None}
    assert len(parts) == 5


def test_infinities_become_what_json_can_say(build_drill: Build) -> None:
    check = Check("colour", Verdict.FAIL, float("inf"), 1.0, "far off")
    record = build_drill(outcome=outcome(check, actuals=Actuals(delta_e_max=float("nan"))))
    validate(record)
    assert record["checks"][0]["value"] == "inf"
    assert record["actuals"]["delta_e_max"] is None
    json.dumps(record, allow_nan=False)


def test_local_times_are_recorded_in_utc(build_drill: Build) -> None:
    east = datetime(2026, 3, 14, 17, 26, tzinfo=timezone(timedelta(hours=8)))
    facts = DrillFacts("id", "host_power_loss", 1, "gate", east, east, "colordrill run")
    record = build_drill(drill=replace(facts, seed=2))
    assert record["drill"]["started_at"] == "2026-03-14T09:26:00.000+00:00"
    validate(record)
