from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from colordrill.recover.notices import NoticeEvent
from colordrill.recover.webhook import Limits
from contract.webhook.conftest import SHORT, Recovery
from contract.webhook.receiver import Receiver


def test_notices_arrive_in_order_whole_and_signed(listening: Receiver, recovery: Recovery) -> None:
    sender = recovery.sender(f"{listening.url}/hook?channel=dr")

    sender.notify(NoticeEvent.STARTED, detail="steps: start, mount")
    sender.notify(NoticeEvent.STEP, step="start", outcome="fail", detail="no Antwort: \ud800 „so“")
    sender.notify(NoticeEvent.ENDED, outcome="failed")

    assert sender.close() == 0
    assert all(each.verifies() for each in listening.arrived)
    assert [each.path for each in listening.arrived] == ["/hook?channel=dr"] * 3
    notices = [each.notice for each in listening.arrived]
    assert [(each["sequence"], each["event"]) for each in notices] == [
        (1, "started"),
        (2, "step"),
        (3, "ended"),
    ]
    second = notices[1]
    assert second["recovery"] == "run-1"
    assert (second["step"], second["outcome"]) == ("start", "fail")
    assert second["detail"] == "no Antwort: \ud800 „so“"
    age = datetime.now(UTC) - datetime.fromisoformat(second["at"])
    assert timedelta(0) <= age < timedelta(seconds=20)
    assert [end for end, _ in recovery.ends()] == ["ok"] * 3


@pytest.mark.parametrize("behaviour", [500, 503, 429, 408, "close", "garbage", "hang", "drip"])
def test_what_fails_twice_is_sent_a_third_time_under_the_same_name(
    listening: Receiver, recovery: Recovery, first: Callable[..., None], behaviour: int | str
) -> None:
    first(behaviour, behaviour)
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 0
    assert len(listening.arrived) == 3
    assert all(each.verifies() for each in listening.arrived)
    names = {each.headers["x-colordrill-delivery"] for each in listening.arrived}
    assert names == {listening.arrived[0].notice["delivery"]}
    assert recovery.ends() == [("ok", {"attempts": 3})]


@pytest.mark.parametrize(
    ("behaviour", "end", "cause"),
    [
        (500, "fail", "answered 500"),
        (429, "fail", "answered 429"),
        ("close", "unknown", "broke the connection off"),
        ("garbage", "unknown", "does not speak HTTP"),
        ("hang", "unknown", "no answer within"),
        ("drip", "unknown", "no whole answer within 0.4 s"),
    ],
)
def test_what_always_fails_is_given_up_with_its_cause_and_the_next_one_is_sent(
    listening: Receiver, recovery: Recovery, behaviour: int | str, end: str, cause: str
) -> None:
    listening.behave = lambda _number: behaviour
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)
    sender.notify(NoticeEvent.ENDED, outcome="done")

    assert sender.close() == 2
    assert [each.notice["sequence"] for each in listening.arrived] == [1, 1, 1, 2, 2, 2]
    assert [(type_, data["attempts"]) for type_, data in recovery.ends()] == [(end, 3)] * 2
    assert all(cause in data["error"] for _, data in recovery.ends())


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410])
def test_a_refusal_is_final_and_a_redirect_is_one(
    listening: Receiver, recovery: Recovery, status: int
) -> None:
    listening.behave = lambda _number: status
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 1
    assert [each.path for each in listening.arrived] == ["/"]
    ((end, data),) = recovery.ends()
    assert (end, data["attempts"]) == ("fail", 1)
    assert f"answered {status}" in data["error"]


def test_a_refusal_after_a_silence_leaves_open_whether_it_arrived(
    listening: Receiver, recovery: Recovery, first: Callable[..., None]
) -> None:
    first("hang", 403)
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 1
    assert recovery.ends() == [("unknown", {"attempts": 2, "error": "answered 403"})]


def test_a_late_answer_makes_a_duplicate_that_the_receiver_can_tell(
    listening: Receiver, recovery: Recovery, first: Callable[..., None]
) -> None:
    first("late")
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)
    sender.notify(NoticeEvent.ENDED, outcome="done")

    assert sender.close() == 0
    assert [each.notice["sequence"] for each in listening.arrived] == [1, 1, 2]
    assert [each["sequence"] for each in listening.acted.values()] == [1, 2]


def test_an_answer_without_end_is_not_waited_for(listening: Receiver, recovery: Recovery) -> None:
    listening.behave = lambda _number: "flood"
    sender = recovery.sender(listening.url)

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 0
    assert recovery.ends() == [("ok", {"attempts": 1})]


def test_where_nobody_listens_the_cause_is_the_system_s_own(recovery: Recovery) -> None:
    sender = recovery.sender("http://127.0.0.1:9")

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 1
    ((end, data),) = recovery.ends()
    assert (end, data["attempts"]) == ("fail", 3)
    assert data["error"] == "no connection: Connection refused"


def test_an_altered_body_and_another_secret_do_not_verify(
    listening: Receiver, recovery: Recovery
) -> None:
    right, wrong = recovery.sender(listening.url), recovery.sender(listening.url, secret=b"other")

    right.notify(NoticeEvent.ENDED, outcome="failed")
    right.close()
    wrong.notify(NoticeEvent.ENDED, outcome="failed")
    wrong.close()

    honest, forged = listening.arrived
    altered = type(honest)("/", honest.headers, honest.body.replace(b"failed", b"done"))
    later = {**honest.headers, "x-colordrill-timestamp": "1"}
    assert honest.verifies()
    assert not altered.verifies()
    assert not type(honest)("/", later, honest.body).verifies()
    assert not forged.verifies()
    assert len(listening.acted) == 1


def test_at_the_end_a_pause_is_cut_short_and_what_is_left_is_still_sent(
    listening: Receiver, recovery: Recovery, first: Callable[..., None]
) -> None:
    first(500)
    sender = recovery.sender(listening.url, Limits(pauses_s=(60.0,), close_s=5.0))
    sender.notify(NoticeEvent.STARTED)
    sender.notify(NoticeEvent.ENDED, outcome="done")

    assert sender.close() == 0
    assert [each.notice["sequence"] for each in listening.arrived] == [1, 1, 2]


def test_one_notice_more_than_may_wait_is_given_up_at_once(
    listening: Receiver, recovery: Recovery
) -> None:
    listening.behave = lambda _number: "hang"
    limits = Limits(attempt_s=0.2, pauses_s=(), waiting_max=2, close_s=2.0)
    sender = recovery.sender(listening.url, limits)

    for _ in range(4):
        sender.notify(NoticeEvent.STEP)

    given_up = [data for _, data in recovery.ends() if data["attempts"] == 0]
    assert given_up
    assert given_up[0]["error"] == "2 notices were waiting already"
    assert sender.close() == 4
    assert len(recovery.ends()) == 4


def test_a_notice_after_the_end_is_not_sent_and_is_written_down(
    listening: Receiver, recovery: Recovery
) -> None:
    sender = recovery.sender(listening.url, SHORT)
    sender.close()

    sender.notify(NoticeEvent.STARTED)

    assert sender.close() == 1
    assert not listening.arrived
    assert recovery.ends() == [("fail", {"attempts": 0, "error": "it came after the end"})]
