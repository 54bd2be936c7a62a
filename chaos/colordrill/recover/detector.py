"""Detects an outage from the canaries, as they are written to the history."""

from __future__ import annotations

import threading

from colordrill.history import Event, EventType


class OutageDetector:
    """Confirms an outage after *confirm_count* failed canaries in a row.

    A canary fails when it is not answered or when its picture is judged wrong; a correct picture
    ends the row. Listens to the history (register `observe`); never writes to it itself.

    Args:
        confirm_count: failed canaries in a row that confirm.
    """

    def __init__(self, confirm_count: int) -> None:
        self.confirmed = threading.Event()
        self._confirm_count = confirm_count
        self._row: list[str] = []

    @property
    def canaries(self) -> tuple[str, ...]:
        """The ids of the canaries that confirmed the outage."""
        return tuple(self._row)

    def observe(self, event: Event) -> None:
        """Take one event of the history."""
        if self.confirmed.is_set():
            return
        if event.kind == "canary" and event.type in {EventType.FAIL, EventType.UNKNOWN}:
            self._failed(event.id)
        elif event.kind == "score" and str(event.data["op"]).startswith("canary-"):
            if event.data["correct"] is True:
                self._row.clear()
            elif event.data["correct"] is False:
                self._failed(str(event.data["op"]))

    def _failed(self, canary: str) -> None:
        self._row.append(canary)
        if len(self._row) >= self._confirm_count:
            self.confirmed.set()
