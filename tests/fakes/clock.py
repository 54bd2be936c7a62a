"""A clock whose time passes only when somebody waits on it, or says so."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from colordrill.clock import NS_PER_S

BEGINNING = datetime(2026, 11, 22, 20, 15, 30, 123_000, tzinfo=UTC)
SAFETY_S = 20.0
"""No test waits longer than this on real time for another thread."""


class ManualClock:
    """Time in tests: a wait or a pause takes no real time and moves the clock by its length.

    Args:
        horizon_s: a `wait` that would end later really waits for its event (another thread has to
            set it), so that a loop under test stands still there instead of spinning.
    """

    def __init__(self, *, horizon_s: float = math.inf) -> None:
        self.at_horizon = threading.Event()
        self._horizon_s = horizon_s
        self._lock = threading.RLock()
        self._elapsed_ns = 0
        self._alarms: list[tuple[float, Callable[[], object]]] = []
        self._pause_min_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_ns / NS_PER_S

    def now_ns(self) -> int:
        with self._lock:
            return NS_PER_S + self._elapsed_ns

    def wall(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.elapsed_s)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if event.is_set():
            return True
        if self.elapsed_s + timeout_s > self._horizon_s:
            self.at_horizon.set()
            return event.wait(SAFETY_S)
        self.advance(max(0.0, timeout_s))
        return event.is_set()

    def pause(self, duration_s: float) -> None:
        self.advance(max(self._pause_min_s, duration_s))

    def pause_at_least(self, seconds: float) -> None:
        """Make pauses longer, where every poll between them is a real and slow request."""
        self._pause_min_s = seconds

    def at(self, second: float, act: Callable[[], object]) -> None:
        """Call *act* in the thread that moves the clock past *second*."""
        with self._lock:
            self._alarms.append((second, act))

    def advance(self, seconds: float) -> None:
        """Let time pass; alarms that come due are called."""
        with self._lock:
            self._elapsed_ns += round(seconds * NS_PER_S)
            due = [act for second, act in self._alarms if second <= self.elapsed_s]
            self._alarms = [each for each in self._alarms if each[0] > self.elapsed_s]
        for act in due:
            act()
