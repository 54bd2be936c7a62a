"""The one clock: all ordering, all waiting. No other module imports ``time``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from colordrill.errors import WaitExpired

NS_PER_S = 1_000_000_000

Found = TypeVar("Found")


class Clock(Protocol):
    """Monotonic time in nanoseconds, wall time for people, and bounded waiting."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds; the only time that may be compared or subtracted."""

    def wall(self) -> datetime:
        """Wall time (UTC), for people to read; never for arithmetic."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait until *event* is set or *timeout_s* passed; True when it was set."""

    def pause(self, duration_s: float) -> None:
        """Let *duration_s* pass between two polls; never used to synchronise."""


class SystemClock:
    """The clock of a real drill: ``time.monotonic_ns`` and the system's wall time."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds of this machine."""
        return time.monotonic_ns()

    def wall(self) -> datetime:
        """Wall time in UTC."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for *event*, at most *timeout_s* seconds (a negative limit waits not at all)."""
        return event.wait(max(0.0, timeout_s))

    def pause(self, duration_s: float) -> None:
        """Sleep between two polls of a bounded wait."""
        time.sleep(max(0.0, duration_s))


def seconds_between(earlier_ns: int, later_ns: int) -> float:
    """Seconds from *earlier_ns* to *later_ns*; negative when they are the other way round."""
    return (later_ns - earlier_ns) / NS_PER_S


def poll(
    clock: Clock,
    probe: Callable[[], Found | None],
    *,
    awaited: str,
    timeout_s: float,
    every_s: float = 0.1,
    explain: Callable[[], str] | None = None,
) -> Found:
    """Call *probe* until it returns something other than None.

    Args:
        clock: what time passes on.
        probe: returns the awaited value, or None when it is not there yet.
        awaited: what is waited for, for the message on expiry.
        timeout_s: the bound; one last probe is made at the bound.
        every_s: the time between two probes.
        explain: called on expiry, adds state and last log lines to the message.

    Returns:
        What *probe* returned.

    Raises:
        WaitExpired: the bound passed; says what was awaited, how long, and the state.
    """
    started_ns = clock.now_ns()
    while True:
        found = probe()
        if found is not None:
            return found
        left_s = timeout_s - seconds_between(started_ns, clock.now_ns())
        if left_s <= 0:
            state = f"\n{explain()}" if explain else ""
            raise WaitExpired(
                f"waited {timeout_s:g} s for {awaited}, and it did not come{state}",
                "read the log lines above; on a slow machine raise the limit",
            )
        clock.pause(min(every_s, left_s))
