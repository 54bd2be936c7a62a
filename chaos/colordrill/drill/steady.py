"""Watches the history until the service is steady enough for a fault to prove anything."""

from __future__ import annotations

import threading

from colordrill.clock import NS_PER_S
from colordrill.history import Event, EventType
from colordrill.scenario.model import Pace

ACKNOWLEDGED_BY = frozenset({"upload", "edit", "complete"})


class SteadyWatch:
    """Sets `ready` once everything that must precede a fault has happened. Listens to a history.

    Awaited: enough correct canaries in a row, enough published recovery points, an item
    acknowledged after the newest point's copy began (so that a backup can be too old at all), and
    one acknowledged longer ago than the bound on what may be lost (so that more can be lost at
    all).

    Args:
        pace: how many of each.
        rpo_bound_s: the bound.
    """

    def __init__(self, pace: Pace, rpo_bound_s: float) -> None:
        self.ready = threading.Event()
        self._pace = pace
        self._rpo_bound_ns = round(rpo_bound_s * NS_PER_S)
        self._first_ack_ns: int | None = None
        self._now_ns = 0
        self._correct_in_a_row = 0
        self._copy_began: dict[str, int] = {}
        self._points = 0
        self._newest_began_ns: int | None = None
        self._last_ack_ns = 0

    def observe(self, event: Event) -> None:
        """Take one event of the history."""
        self._now_ns = max(self._now_ns, event.t_ns)
        if event.kind == "score" and str(event.data["op"]).startswith("canary-"):
            correct = event.data["correct"] is True
            self._correct_in_a_row = self._correct_in_a_row + 1 if correct else 0
        elif event.kind == "canary" and event.type in {EventType.FAIL, EventType.UNKNOWN}:
            self._correct_in_a_row = 0
        elif event.kind == "snapshot" and event.type is EventType.INVOKE:
            self._copy_began[event.id] = event.t_ns
        elif event.kind == "snapshot" and event.type is EventType.OK:
            self._points += 1
            self._newest_began_ns = self._copy_began[event.id]
        elif event.kind in ACKNOWLEDGED_BY and event.type is EventType.OK:
            self._last_ack_ns = event.t_ns
            if self._first_ack_ns is None:
                self._first_ack_ns = event.t_ns
        if self._is_steady():
            self.ready.set()
        else:
            self.ready.clear()

    def progress(self) -> str:
        """How far it is, for people."""
        work_s, bound_s = self._acknowledged_ns() / NS_PER_S, self._rpo_bound_ns / NS_PER_S
        return (
            f"{self._correct_in_a_row} of {self._pace.steady_canaries} correct canaries in a row, "
            f"{self._points} of {self._pace.points_before_fault} recovery points, "
            f"{work_s:.0f} of {bound_s:g} s of work"
        )

    def _is_steady(self) -> bool:
        return (
            self._correct_in_a_row >= self._pace.steady_canaries
            and self._points >= self._pace.points_before_fault
            and self._newest_began_ns is not None
            and self._last_ack_ns > self._newest_began_ns
            and self._acknowledged_ns() >= self._rpo_bound_ns
        )

    def _acknowledged_ns(self) -> int:
        """How long ago the first item was acknowledged."""
        return 0 if self._first_ack_ns is None else self._now_ns - self._first_ack_ns
