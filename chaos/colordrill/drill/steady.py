"""Watches the history until the service is steady enough for a fault to prove anything."""

from __future__ import annotations

import threading

from colordrill.history import Event, EventType
from colordrill.scenario.model import Pace

ACKNOWLEDGED_BY = frozenset({"upload", "edit", "complete"})


class SteadyWatch:
    """Sets `ready` once everything that must precede a fault has happened. Listens to a history.

    Awaited: enough correct canaries in a row, enough published recovery points, and an item
    acknowledged after the newest point's copy began (so that a backup can be too old at all).

    Args:
        pace: how many of each.
    """

    def __init__(self, pace: Pace) -> None:
        self.ready = threading.Event()
        self._pace = pace
        self._correct_in_a_row = 0
        self._copy_began: dict[str, int] = {}
        self._points = 0
        self._newest_began_ns: int | None = None
        self._last_ack_ns = 0

    def observe(self, event: Event) -> None:
        """Take one event of the history."""
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
        if self._is_steady():
            self.ready.set()
        else:
            self.ready.clear()

    def progress(self) -> str:
        """How far it is, for people."""
        return (
            f"{self._correct_in_a_row} of {self._pace.steady_canaries} correct canaries in a row, "
            f"{self._points} of {self._pace.points_before_fault} recovery points"
        )

    def _is_steady(self) -> bool:
        return (
            self._correct_in_a_row >= self._pace.steady_canaries
            and self._points >= self._pace.points_before_fault
            and self._newest_began_ns is not None
            and self._last_ack_ns > self._newest_began_ns
        )
