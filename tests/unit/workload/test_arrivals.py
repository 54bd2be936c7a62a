from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from colordrill.clock import SystemClock
from colordrill.history import Event, History
from colordrill.workload.arrivals import Arrivals, GivenUp, Stream
from fakes.clock import SAFETY_S, ManualClock

HORIZON_S = 10.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(horizon_s=HORIZON_S)


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(event.kind for event in events)


def let_arrive(
    streams: tuple[Stream, ...], clock: ManualClock, history: History, in_flight_max: int = 64
) -> None:
    """Everything that arrives up to the clock's horizon."""
    with Arrivals(streams, clock, history, in_flight_max):
        assert clock.at_horizon.wait(SAFETY_S)


def test_each_stream_arrives_at_its_own_rate(clock: ManualClock, history: History) -> None:
    done: list[str] = []
    streams = (
        Stream("canary", 1.5, lambda: done.append("canary")),
        Stream("job", 2.0, lambda: done.append("job")),
        Stream("edit", 3.0, lambda: done.append("edit")),
    )

    let_arrive(streams, clock, history)

    # at 0, and then at every interval up to 10 s
    assert Counter(done) == {"canary": 7, "job": 6, "edit": 4}


def test_a_slow_service_does_not_slow_the_arrivals(
    clock: ManualClock, history: History, events: list[Event]
) -> None:
    release = threading.Event()
    fast: list[float] = []
    streams = (
        Stream("slow", 1.0, lambda: release.wait(SAFETY_S)),
        Stream("fast", 1.0, lambda: fast.append(clock.elapsed_s)),
    )

    with Arrivals(streams, clock, history, in_flight_max=64):
        assert clock.at_horizon.wait(SAFETY_S)
        # eleven slow ones hang, and the clock has reached its horizon all the same
        assert not release.is_set()
        release.set()

    assert len(fast) == 11
    assert kinds(events)["turned_away"] == 0


def test_an_arrival_beyond_the_bound_is_turned_away_in_writing(
    clock: ManualClock, history: History, events: list[Event]
) -> None:
    release = threading.Event()
    streams = (Stream("job", 1.0, lambda: release.wait(SAFETY_S)),)

    with Arrivals(streams, clock, history, in_flight_max=4):
        assert clock.at_horizon.wait(SAFETY_S)
        release.set()

    turned_away = [event for event in events if event.kind == "turned_away"]
    assert len(turned_away) == 11 - 4
    assert {event.data["stream"] for event in turned_away} == {"job"}


def test_a_place_is_free_again_once_a_client_has_ended_or_crashed(
    clock: ManualClock, history: History, events: list[Event]
) -> None:
    ended = threading.Event()

    def crash() -> None:
        ended.set()
        raise ValueError("a bug in a client")

    arrivals = Arrivals((Stream("job", 1.0, crash),), clock, history, in_flight_max=1)
    for _ in range(5):
        arrivals._slots.acquire()
        arrivals._run(arrivals._streams[0])

    assert arrivals._slots.acquire(blocking=False)
    assert kinds(events) == {"client_error": 5}
    assert "a bug in a client" in events[0].data["error"]


def test_nothing_arrives_after_the_stop_and_what_is_under_way_ends(
    clock: ManualClock, history: History
) -> None:
    release, done = threading.Event(), []

    def act() -> None:
        release.wait(SAFETY_S)
        done.append(clock.elapsed_s)

    with Arrivals((Stream("job", 4.0, act),), clock, history, 64) as arrivals:
        assert clock.at_horizon.wait(SAFETY_S)
        release.set()
        arrivals.finish()
        arrivals.finish()
        clock.advance(1000.0)

    assert len(done) == 3


def test_on_the_real_clock_a_stuck_client_does_not_stop_the_others(tmp_path: Path) -> None:
    stuck, enough = threading.Event(), threading.Event()
    arrived: Counter[str] = Counter()

    def count() -> None:
        arrived.update(["fast"])
        if arrived["fast"] >= 20:
            enough.set()

    streams = (
        Stream("stuck", 3600.0, lambda: stuck.wait(SAFETY_S)),
        Stream("fast", 0.001, count),
    )
    with (
        History(tmp_path / "real.jsonl", SystemClock()) as history,
        Arrivals(streams, SystemClock(), history, in_flight_max=8),
    ):
        reached = enough.wait(SAFETY_S)
        stuck.set()

    assert reached


def test_an_arrival_that_is_given_up_is_no_error_of_the_client(
    clock: ManualClock, history: History, events: list[Event]
) -> None:
    def give_up() -> None:
        raise GivenUp

    let_arrive((Stream("canary", 2.0, give_up),), clock, history)

    assert kinds(events) == Counter()
