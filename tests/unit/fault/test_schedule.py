from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from colordrill.clock import SystemClock
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.fault.schedule import Schedule
from fakes.clock import ManualClock
from fakes.faults import BEYOND_S, HORIZON_S, raising


class Done:
    """What was done, and at which second."""

    def __init__(self, clock: ManualClock) -> None:
        self.told: list[tuple[object, float]] = []
        self._clock = clock

    def by(self, name: object) -> Callable[[], None]:
        return lambda: self.told.append((name, self._clock.elapsed_s))


def nothing() -> None:
    """Nothing is done."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(horizon_s=HORIZON_S)


def test_what_is_due_is_done_in_the_order_of_time_at_its_time(clock: ManualClock) -> None:
    schedule, done = Schedule(clock), Done(clock)
    for due_s in (3.0, 1.0, 2.0):
        schedule.at(clock.now_ns(), due_s, done.by(due_s))

    schedule.start()
    schedule.join(BEYOND_S)

    assert done.told == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_of_two_things_at_one_moment_the_one_asked_for_first_is_done_first(
    clock: ManualClock,
) -> None:
    schedule, done = Schedule(clock), Done(clock)
    for name in ("undo", "do"):
        schedule.at(clock.now_ns(), 1.0, done.by(name))

    schedule.start()
    schedule.join(BEYOND_S)

    assert [name for name, _ in done.told] == ["undo", "do"]


def test_what_is_due_already_is_done_at_once(clock: ManualClock) -> None:
    schedule, done = Schedule(clock), []
    started_ns = clock.now_ns()
    clock.advance(10.0)
    schedule.at(started_ns, 1.0, lambda: done.append(clock.elapsed_s))

    schedule.start()
    schedule.join(BEYOND_S)

    assert done == [10.0]


def test_without_anything_to_do_nothing_is_begun_or_awaited(clock: ManualClock) -> None:
    schedule = Schedule(clock)

    schedule.start()
    assert not schedule.pending
    schedule.join(0.0)
    schedule.stop()


def test_it_is_pending_until_everything_is_done() -> None:
    schedule, go = Schedule(SystemClock()), threading.Event()

    def wait() -> None:
        go.wait(20.0)

    schedule.at(SystemClock().now_ns(), 0.0, wait)

    schedule.start()
    assert schedule.pending
    go.set()
    schedule.join(20.0)

    assert not schedule.pending


def test_a_schedule_that_does_not_end_within_the_limit_is_said() -> None:
    schedule = Schedule(SystemClock())
    schedule.at(SystemClock().now_ns(), 3600.0, nothing)
    schedule.start()

    with pytest.raises(WaitExpired, match=r"waited 0\.05 s for the faults' schedule"):
        schedule.join(0.05)

    schedule.stop()


def test_a_stopped_schedule_begins_nothing_more() -> None:
    schedule, done = Schedule(SystemClock()), []
    schedule.at(SystemClock().now_ns(), 3600.0, lambda: done.append("late"))
    schedule.start()

    schedule.stop()

    assert done == []
    assert not schedule.pending


def test_stopping_waits_for_what_is_under_way() -> None:
    schedule, done, begun = Schedule(SystemClock()), [], threading.Event()

    def act() -> None:
        begun.set()
        threading.Event().wait(0.1)
        done.append("whole")

    schedule.at(SystemClock().now_ns(), 0.0, act)
    schedule.start()
    begun.wait(20.0)

    schedule.stop()

    assert done == ["whole"]


@pytest.mark.parametrize("error", [EnvironmentProblem("no such link"), ZeroDivisionError("a bug")])
def test_what_fails_ends_the_schedule_and_is_told_to_who_joins(
    clock: ManualClock, error: Exception
) -> None:
    schedule, done = Schedule(clock), []
    schedule.at(clock.now_ns(), 1.0, raising(error))
    schedule.at(clock.now_ns(), 2.0, lambda: done.append("after"))
    schedule.start()

    with pytest.raises(EnvironmentProblem, match="schedule broke off") as caught:
        schedule.join(BEYOND_S)

    assert str(error.args[0]) in str(caught.value)
    assert caught.value.__cause__ is error
    assert done == []


def test_a_schedule_is_begun_once(clock: ManualClock) -> None:
    schedule, done = Schedule(clock), []
    schedule.at(clock.now_ns(), 1.0, lambda: done.append("once"))

    schedule.start()
    schedule.start()
    schedule.join(BEYOND_S)

    assert done == ["once"]
