from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.history import EventType
from colordrill.recover.attempt import judged
from colordrill.recover.notices import DETAIL_LENGTH_MAX, Notice, NoticeEvent, signature
from colordrill.recover.steps import Operator, RunbookEnd, SiteRefused, StepDone
from fakes.notifier import FakeNotifier, Told

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

NOTICE = Notice(
    delivery="6f1c",
    recovery="20261122T201530Z-host_power_loss-1",
    sequence=2,
    event=NoticeEvent.STEP,
    step="mount",
    outcome="ok",
    detail="12 files",
    at=datetime(2026, 11, 23, 4, 15, 30, 123_456, tzinfo=timezone(timedelta(hours=8))),
)


def test_the_body_says_everything_and_its_time_in_utc() -> None:
    assert json.loads(NOTICE.body()) == {
        "delivery": "6f1c",
        "recovery": "20261122T201530Z-host_power_loss-1",
        "sequence": 2,
        "event": "step",
        "step": "mount",
        "outcome": "ok",
        "detail": "12 files",
        "at": "2026-11-22T20:15:30.123+00:00",
    }


@pytest.mark.parametrize(
    "detail", ["", '"},{"', "\0\x1b[31m\n", "人物黑白修复", "\udcff", "x" * 10**6, "🎨" * 10**6]
)
def test_a_hostile_detail_leaves_the_body_ascii_and_bounded(detail: str) -> None:
    body = replace(NOTICE, detail=detail).body()

    assert body.isascii()
    assert len(body) < 32 * 1024
    said = json.loads(body)["detail"]
    assert said == detail or (len(said) == DETAIL_LENGTH_MAX and said.endswith("…"))


def test_a_signature_is_what_other_programs_compute() -> None:
    # printf '1764000000.{"a":1}' | openssl dgst -sha256 -hmac key
    assert signature(b"key", "1764000000", b'{"a":1}') == (
        "sha256=66ff00156971bc93c586dacc7bf22d6f5f4d9fcaede23c166be2b3ec3215f68a"
    )


@pytest.mark.parametrize(
    ("secret", "timestamp", "body"),
    [(b"Key", "1764000000", b"{}"), (b"key", "1764000001", b"{}"), (b"key", "1764000000", b"{ }")],
)
def test_a_signature_depends_on_secret_time_and_body(
    secret: bytes, timestamp: str, body: bytes
) -> None:
    assert signature(secret, timestamp, body) != signature(b"key", "1764000000", b"{}")


@pytest.mark.parametrize(
    ("status", "end", "again"),
    [
        (200, EventType.OK, False),
        (204, EventType.OK, False),
        (101, EventType.FAIL, False),
        (304, EventType.FAIL, False),
        (400, EventType.FAIL, False),
        (408, EventType.FAIL, True),
        (422, EventType.FAIL, False),
        (429, EventType.FAIL, True),
        (500, EventType.FAIL, True),
        (599, EventType.FAIL, True),
    ],
)
def test_a_status_says_whether_it_arrived_and_whether_to_try_again(
    status: int, end: EventType, *, again: bool
) -> None:
    attempt = judged(status)

    assert (attempt.type, attempt.again) == (end, again)
    assert bool(attempt.error) == (end is not EventType.OK)


def heard(disaster: Disaster, *steps: Callable[[], StepDone]) -> tuple[RunbookEnd, list[Told]]:
    notifier = FakeNotifier()
    operator: Operator = replace(disaster.operator, notifier=notifier)
    end = operator.carry_out([(f"step {n}", act) for n, act in enumerate(steps, start=1)])
    return end, notifier.told


def test_administrators_hear_of_the_start_of_each_step_and_of_the_end(disaster: Disaster) -> None:
    _, told = heard(disaster, lambda: StepDone("did one"), lambda: StepDone("did two"))

    assert told == [
        ("started", None, None, "steps: step 1, step 2"),
        ("step", "step 1", "ok", "did one"),
        ("step", "step 2", "ok", "did two"),
        ("ended", None, "done", "did two"),
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(EnvironmentProblem("no disk"), "failed"), (SiteRefused("no disk"), "refused")],
)
def test_a_step_that_fails_is_told_with_its_cause_and_so_is_the_end(
    disaster: Disaster, error: EnvironmentProblem, outcome: str
) -> None:
    def fail() -> StepDone:
        raise error

    end, told = heard(disaster, fail, fail)

    assert end.value == outcome
    assert told[1:] == [
        ("step", "step 1", "fail", "no disk"),
        ("ended", None, outcome, "no disk"),
    ]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
def test_the_end_is_told_too_where_a_recovery_is_interrupted_or_crashes(
    disaster: Disaster, stop: type[BaseException]
) -> None:
    notifier = FakeNotifier()

    def interrupted() -> StepDone:
        raise stop

    with pytest.raises(stop):
        replace(disaster.operator, notifier=notifier).carry_out([("start", interrupted)])

    assert [(event, outcome) for event, _, outcome, _ in notifier.told] == [
        ("started", None),
        ("ended", "aborted"),
    ]


def test_the_runbook_itself_tells_of_its_five_steps(disaster: Disaster) -> None:
    notifier = FakeNotifier()
    disaster.runbook.operator = replace(disaster.operator, notifier=notifier)

    disaster.runbook.run()

    assert [step for event, step, _, _ in notifier.told if event == "step"] == [
        "start",
        "mount",
        "verify",
        "switch",
        "record",
    ]
