from __future__ import annotations

import threading
from datetime import UTC

import pytest

from colordrill.clock import NS_PER_S, SystemClock, poll, seconds_between
from colordrill.errors import EnvironmentProblem, WaitExpired
from fakes.clock import ManualClock


def test_poll_returns_what_was_found_at_once_without_letting_time_pass() -> None:
    clock = ManualClock()

    found = poll(clock, lambda: "here", awaited="it", timeout_s=5.0)

    assert found == "here"
    assert clock.elapsed_s == 0.0


@pytest.mark.parametrize("falsy", [0, "", False, ()])
def test_poll_takes_every_value_but_none_as_found(falsy: object) -> None:
    assert poll(ManualClock(), lambda: falsy, awaited="it", timeout_s=1.0) == falsy


def test_poll_finds_what_comes_later() -> None:
    clock = ManualClock()

    found = poll(
        clock, lambda: True if clock.elapsed_s >= 3.0 else None, awaited="it", timeout_s=5.0
    )

    assert found is True
    assert clock.elapsed_s == pytest.approx(3.0, abs=0.11)


def test_poll_makes_a_last_probe_at_the_bound_and_never_passes_it() -> None:
    clock = ManualClock()
    probed_at_s: list[float] = []

    with pytest.raises(WaitExpired):
        poll(
            clock,
            lambda: probed_at_s.append(clock.elapsed_s),
            awaited="what never comes",
            timeout_s=1.0,
            every_s=0.3,
        )

    assert probed_at_s == pytest.approx([0.0, 0.3, 0.6, 0.9, 1.0])


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_poll_with_no_time_left_still_looks_once(timeout_s: float) -> None:
    clock = ManualClock()
    probes: list[int] = []

    with pytest.raises(WaitExpired):
        poll(clock, lambda: probes.append(1), awaited="it", timeout_s=timeout_s)

    assert len(probes) == 1
    assert clock.elapsed_s == 0.0


def test_an_expired_poll_says_what_was_awaited_how_long_and_the_state() -> None:
    with pytest.raises(WaitExpired) as caught:
        poll(
            ManualClock(),
            lambda: None,
            awaited="the DR service to answer",
            timeout_s=2.5,
            explain=lambda: "dr-colorization is down; its last lines:\nout of memory",
        )

    text = str(caught.value)
    assert "waited 2.5 s for the DR service to answer" in text
    assert "out of memory" in text
    assert "next step" in text
    assert isinstance(caught.value, EnvironmentProblem)


def test_poll_explains_only_on_expiry() -> None:
    def explain() -> str:
        raise AssertionError("nobody asked")

    assert poll(ManualClock(), lambda: 1, awaited="it", timeout_s=1.0, explain=explain) == 1


def test_what_a_probe_raises_is_not_swallowed() -> None:
    def probe() -> None:
        raise KeyError("broken probe")

    with pytest.raises(KeyError, match="broken probe"):
        poll(ManualClock(), probe, awaited="it", timeout_s=1.0)


def test_system_time_never_runs_backwards_and_wall_time_is_utc() -> None:
    clock = SystemClock()

    stamps = [clock.now_ns() for _ in range(1000)]

    assert stamps == sorted(stamps)
    assert clock.wall().tzinfo is UTC


def test_a_system_wait_ends_when_the_event_is_set() -> None:
    event = threading.Event()
    setter = threading.Thread(target=event.set)

    setter.start()

    assert SystemClock().wait(event, 10.0) is True
    setter.join()


@pytest.mark.parametrize("limit_s", [0.0, -5.0])
def test_waiting_or_pausing_for_no_time_returns_at_once(limit_s: float) -> None:
    clock = SystemClock()

    clock.pause(limit_s)

    assert clock.wait(threading.Event(), limit_s) is False


def test_seconds_between_is_signed() -> None:
    assert seconds_between(0, 3 * NS_PER_S // 2) == 1.5
    assert seconds_between(NS_PER_S, 0) == -1.0
