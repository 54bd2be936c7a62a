"""Whatever a receiver does, a recovery goes on, and nothing secret is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from colordrill.clock import SystemClock, seconds_between
from colordrill.recover.notices import SILENT, NoticeEvent, Notifier
from colordrill.recover.steps import Operator, RunbookEnd, StepDone
from colordrill.recover.webhook import Limits, notifying
from colordrill.scenario.notify import NotifySpec
from contract.webhook.conftest import SHORT, Recovery
from contract.webhook.receiver import SECRET, Receiver

STEPS = ("start", "mount", "verify", "switch", "record")


def carry_out(recovery: Recovery, notifier: Notifier) -> float:
    """Seconds that a runbook takes whose steps take none."""
    clock = SystemClock()
    nothing = cast("Any", None)
    operator = Operator(
        nothing, recovery.history, clock, nothing, nothing, (), lambda _: None, notifier=notifier
    )
    began_ns = clock.now_ns()
    end = operator.carry_out([(name, lambda: StepDone("done")) for name in STEPS])
    assert end is RunbookEnd.DONE
    return seconds_between(began_ns, clock.now_ns())


@pytest.mark.parametrize("behaviour", ["hang", "drip", "close", 500, 200])
def test_a_runbook_is_not_delayed_by_its_receiver(
    listening: Receiver, recovery: Recovery, behaviour: int | str
) -> None:
    listening.behave = lambda _number: behaviour
    silent_s = carry_out(recovery, SILENT)
    sender = recovery.sender(listening.url, Limits(attempt_s=0.5, close_s=0.5))

    assert carry_out(recovery, sender) < silent_s + 0.1

    sender.close()
    assert sender.made == 7


def test_closing_waits_no_longer_than_its_limit_and_says_what_is_missing(
    listening: Receiver, recovery: Recovery
) -> None:
    listening.behave = lambda _number: "hang"
    limits = Limits(silence_s=9.0, attempt_s=9.0, close_s=0.5)
    sender, clock = recovery.sender(listening.url, limits), SystemClock()
    for event in NoticeEvent:
        sender.notify(event)

    began_ns = clock.now_ns()
    missing = sender.close()
    took_s = seconds_between(began_ns, clock.now_ns())

    assert missing == 3
    # what is still under way then gets its grace and no more
    assert took_s < limits.close_s + 2.5


def test_a_silent_receiver_is_left_in_time_by_attempts_that_begin_after_the_end(
    listening: Receiver, recovery: Recovery
) -> None:
    listening.behave = lambda _number: "hang"
    limits = Limits(silence_s=0.3, attempt_s=0.3, pauses_s=(0.1,) * 50, close_s=0.8)
    sender = recovery.sender(listening.url, limits)
    for event in NoticeEvent:
        sender.notify(event)

    assert sender.close() == 3
    assert [data["error"] for _, data in recovery.ends()][1:] == [
        "there was no time left to send it"
    ] * 2


def test_a_history_that_cannot_be_written_keeps_no_notice_back(
    listening: Receiver, recovery: Recovery
) -> None:
    sender = recovery.sender(listening.url)
    recovery.history.close()

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 0
    assert len(listening.arrived) == 1


def test_neither_secret_nor_password_nor_token_is_written_or_logged(
    listening: Receiver,
    recovery: Recovery,
    first: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    first(500, "hang", "close", 404, 404)
    url = listening.url.replace("http://", "http://ops:opensesame@") + "/T0KEN?key=qu3ry"
    sender = recovery.sender(url)

    sender.notify(NoticeEvent.STARTED)
    sender.notify(NoticeEvent.ENDED, outcome="done")
    sender.close()

    assert listening.arrived[0].headers["authorization"].startswith("Basic ")
    written = (tmp_path / "history.jsonl").read_text("utf-8")
    printed = "".join(capfd.readouterr())
    assert listening.url in written
    for secret in ("ops", "opensesame", "T0KEN", "qu3ry", SECRET.decode()):
        for text in (written, caplog.text, printed, repr(NotifySpec(url, SECRET))):
            assert secret not in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTP_PROXY", "gopher://u:opensesame@x"), ("SSL_CERT_FILE", "/nowhere/opensesame.pem")],
)
def test_a_proxy_or_a_certificate_that_cannot_be_used_is_the_notices_problem_alone(
    recovery: Recovery, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, value)
    sender = recovery.sender("http://127.0.0.1:9")

    carry_out(recovery, sender)

    assert sender.close() == 7
    assert {data["error"].partition(":")[0] for _, data in recovery.ends()} == {
        "the proxy or SSL_CERT_FILE cannot be used"
    }
    assert "opensesame" not in str(recovery.events)


def test_what_was_not_delivered_is_said_without_the_address(
    listening: Receiver, recovery: Recovery
) -> None:
    listening.behave = lambda _number: 403
    said: list[str] = []
    spec = NotifySpec(f"{listening.url}/T0KEN", SECRET)

    with notifying(spec, "run-1", recovery.history, SystemClock(), said.append) as notifier:
        notifier.notify(NoticeEvent.STARTED)

    assert said == [f"1 of 1 notices to {listening.url} were not delivered"]


def test_without_an_address_nobody_is_told(recovery: Recovery) -> None:
    said: list[str] = []

    with notifying(None, "run-1", recovery.history, SystemClock(), said.append) as notifier:
        notifier.notify(NoticeEvent.STARTED)

    assert notifier is SILENT
    assert not recovery.events
    assert not said


def test_many_at_once_are_numbered_without_a_gap(listening: Receiver, recovery: Recovery) -> None:
    sender = recovery.sender(listening.url, SHORT)
    threads = [threading.Thread(target=sender.notify, args=(NoticeEvent.STEP,)) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sender.close() == 0
    assert [each.notice["sequence"] for each in listening.arrived] == list(range(1, 16))
