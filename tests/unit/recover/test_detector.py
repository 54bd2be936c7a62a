from __future__ import annotations

import threading

import pytest

from colordrill.history import Event, EventType
from colordrill.recover.detector import OutageDetector


def ended(number: int, type_: EventType = EventType.FAIL, kind: str = "canary") -> Event:
    return Event(number, "", type_, kind, f"{kind}-{number}", {})


def judged(number: int, correct: object, kind: str = "canary") -> Event:
    data = {"op": f"{kind}-{number}", "correct": correct}
    return Event(number, "", EventType.NOTE, "score", f"score-{number}", data)


def after(detector: OutageDetector, *events: Event) -> bool:
    for event in events:
        detector.observe(event)
    return detector.confirmed.is_set()


@pytest.fixture
def detector() -> OutageDetector:
    return OutageDetector(confirm_count=2)


def test_nothing_seen_is_no_outage(detector: OutageDetector) -> None:
    assert not after(detector)
    assert detector.canaries == ()


@pytest.mark.parametrize("type_", [EventType.FAIL, EventType.UNKNOWN])
def test_unanswered_canaries_in_a_row_confirm(detector: OutageDetector, type_: EventType) -> None:
    assert not after(detector, ended(1, type_))
    assert after(detector, ended(2, type_))
    assert detector.canaries == ("canary-1", "canary-2")


def test_a_wrong_picture_counts_like_no_picture(detector: OutageDetector) -> None:
    assert after(detector, judged(1, correct=False), ended(2))


def test_a_correct_picture_ends_the_row(detector: OutageDetector) -> None:
    assert not after(detector, ended(1), judged(2, correct=True), ended(3))
    assert after(detector, ended(4))
    assert detector.canaries == ("canary-3", "canary-4")


@pytest.mark.parametrize(
    "event",
    [
        judged(9, correct=None),
        ended(9, EventType.OK),
        ended(9, EventType.INVOKE),
        ended(9, kind="upload"),
        ended(9, kind="verifycan"),
        judged(9, correct=True, kind="verifycan"),
        judged(9, correct=False, kind="verifycan"),
        Event(9, "", EventType.NOTE, "turned_away", "turned_away-9", {"stream": "canary"}),
    ],
)
def test_what_says_nothing_of_the_public_address_neither_confirms_nor_clears(
    detector: OutageDetector, event: Event
) -> None:
    assert not after(detector, event, event, event, ended(1), event)
    assert after(detector, ended(2))
    assert detector.canaries == ("canary-1", "canary-2")


def test_a_confirmed_outage_stays_confirmed_by_the_canaries_that_did_it(
    detector: OutageDetector,
) -> None:
    after(detector, ended(1), ended(2))

    assert after(detector, judged(3, correct=True), ended(4))
    assert detector.canaries == ("canary-1", "canary-2")


def test_one_failure_can_be_enough() -> None:
    assert after(OutageDetector(confirm_count=1), ended(1))


def test_who_waits_for_the_confirmation_is_woken(detector: OutageDetector) -> None:
    woken: list[bool] = []
    waiter = threading.Thread(target=lambda: woken.append(detector.confirmed.wait(20.0)))
    waiter.start()

    after(detector, ended(1), ended(2))
    waiter.join()

    assert woken == [True]


def test_a_kind_of_its_own_confirms_whatever_the_others_say_in_between(
    detector: OutageDetector,
) -> None:
    """Only buildings are wrong: correct people in between say nothing of them."""
    for number, kind in enumerate(("building", "person", "building"), start=1):
        sent = Event(number, "", EventType.INVOKE, "canary", f"canary-{number}", {"canary": kind})
        assert not after(detector, sent)

    assert not after(detector, judged(1, correct=False), judged(2, correct=True))
    assert after(detector, judged(3, correct=False))
    assert detector.canaries == ("canary-1", "canary-3")


def injected(number: int, *, starts_clock: object = True) -> Event:
    data = {"name": "bit_flip", "target": "primary", "starts_clock": starts_clock}
    return Event(number, "", EventType.INVOKE, "fault", f"fault-{number}", data)


def test_an_outage_before_the_disaster_is_not_the_disasters(detector: OutageDetector) -> None:
    assert after(detector, ended(1), ended(2))
    assert not after(detector, injected(3), ended(4))
    assert after(detector, ended(5))
    assert detector.canaries == ("canary-4", "canary-5")


def test_a_picture_that_came_before_the_disaster_and_is_judged_after_it_confirms_nothing() -> None:
    detector = OutageDetector(confirm_count=1)

    assert not after(detector, ended(1, EventType.OK), injected(2), judged(1, correct=False))
    assert after(detector, ended(3, EventType.OK), judged(3, correct=False))


def test_a_canary_that_was_under_way_when_the_disaster_began_counts(
    detector: OutageDetector,
) -> None:
    sent = [ended(number, EventType.INVOKE) for number in (1, 2)]

    assert after(detector, *sent, injected(3), ended(1), ended(2))


@pytest.mark.parametrize("starts_clock", [False, None])
def test_a_latent_defect_begins_no_rows_anew(
    detector: OutageDetector, starts_clock: object
) -> None:
    assert after(detector, ended(1), injected(2, starts_clock=starts_clock), ended(3))


def test_of_several_injections_the_first_alone_begins_the_rows(detector: OutageDetector) -> None:
    assert after(detector, injected(1), ended(2), injected(3), ended(4))
