from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from colordrill.history import Event, EventType
from colordrill.outcome import Verdict
from colordrill.record.schema import validate
from colordrill.record.undelivered import find_undelivered

Build = Callable[..., dict[str, Any]]


def begun(number: int) -> Event:
    data = {"receiver": "https://hooks.example.org", "sequence": number, "event": "step"}
    return Event(number, "", EventType.INVOKE, "notice", f"notice-{number}", data)


def ended(number: int, type_: EventType = EventType.OK, **data: Any) -> Event:
    return Event(10 + number, "", type_, "notice", f"notice-{number}", data)


def test_notices_that_arrived_and_no_notices_at_all_are_no_problem() -> None:
    assert not list(find_undelivered([]))
    assert not list(find_undelivered([begun(1), begun(2), ended(1), ended(2)]))


@pytest.mark.parametrize("type_", [EventType.FAIL, EventType.UNKNOWN])
def test_what_did_not_or_may_not_have_arrived_is_one_problem(type_: EventType) -> None:
    lost = [ended(number, type_, error="answered 500") for number in (2, 3)]

    (finding,) = find_undelivered([begun(1), begun(2), begun(3), ended(1), *lost])

    assert finding.problem == (
        "2 of 3 notices to https://hooks.example.org are not known to have arrived; "
        "the first: answered 500."
    )
    assert "2xx" in finding.improvement


def test_a_notice_that_never_ended_is_not_known_to_have_arrived() -> None:
    (finding,) = find_undelivered([begun(1)])

    assert "1 of 1" in finding.problem
    assert "never ended" in finding.problem


def test_a_record_names_the_problem_and_keeps_its_verdict(
    build_drill: Build, events: list[Event]
) -> None:
    plain = build_drill(events=events)
    down = ended(1, EventType.FAIL, error="no connection: Connection refused")

    record = build_drill(events=iter([*events, begun(1), down]))

    validate(record)
    assert record["verdict"] == plain["verdict"] == Verdict.PASS
    assert record["checks"] == plain["checks"]
    assert record["steps"] == plain["steps"]
    (problem,) = record["problems"]
    assert "Connection refused" in problem
    assert len(record["improvements"]) == 1
