"""Detects an outage from the canaries, as they are written to the history."""

from __future__ import annotations

import threading

from colordrill.history import Event, EventType

ALL_KINDS = "all"


class OutageDetector:
    """Confirms an outage after *confirm_count* failed canaries in a row, of all or of one kind.

    A canary fails when it is not answered or when its picture is judged wrong; a correct picture
    ends the row. Rows are kept for each kind too: where only buildings are wrong, correct people in
    between say nothing of them. Listens to the history (register `observe`); never writes to it
    itself.

    Args:
        confirm_count: failed canaries in a row that confirm.
    """

    def __init__(self, confirm_count: int) -> None:
        self.confirmed = threading.Event()
        self._confirm_count = confirm_count
        self._confirming: tuple[str, ...] = ()
        self._kinds: dict[str, str] = {}
        self._rows: dict[str, list[str]] = {ALL_KINDS: []}

    @property
    def canaries(self) -> tuple[str, ...]:
        """The ids of the canaries that confirmed the outage."""
        return self._confirming

    def observe(self, event: Event) -> None:
        """Take one event of the history."""
        if self.confirmed.is_set():
            return
        if event.kind == "canary":
            if event.type is EventType.INVOKE:
                self._kinds[event.id] = str(event.data.get("canary", ""))
            elif event.type in {EventType.FAIL, EventType.UNKNOWN}:
                self._failed(event.id)
        elif event.kind == "score" and str(event.data["op"]).startswith("canary-"):
            canary = str(event.data["op"])
            if event.data["correct"] is True:
                for row in self._rows_of(canary):
                    row.clear()
            elif event.data["correct"] is False:
                self._failed(canary)

    def _failed(self, canary: str) -> None:
        for row in self._rows_of(canary):
            row.append(canary)
            if len(row) >= self._confirm_count:
                self._confirming = self._confirming or tuple(row)
                self.confirmed.set()

    def _rows_of(self, canary: str) -> tuple[list[str], list[str]]:
        # one submitted before the detector listened belongs to no kind that is known
        kind = self._kinds.get(canary, "")
        return self._rows[ALL_KINDS], self._rows.setdefault(f"of {kind}", [])
