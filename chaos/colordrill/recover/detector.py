"""Detects an outage from the canaries, as they are written to the history."""

from __future__ import annotations

import threading

from colordrill.history import Event, EventType

ALL_KINDS = "all"


class OutageDetector:
    """Confirms an outage after *confirm_count* failed canaries in a row, of all or of one kind.

    A canary fails when it is not answered or when its picture is judged wrong; a correct picture
    ends the row. Rows are kept for each kind too: where only buildings are wrong, correct people in
    between say nothing of them. What failed before the disaster began says nothing of it: with its
    injection all rows begin anew. Listens to the history (register `observe`); never writes to it
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
        self._struck = False
        self._early: set[str] = set()

    @property
    def canaries(self) -> tuple[str, ...]:
        """The ids of the canaries that confirmed the outage."""
        return self._confirming

    def observe(self, event: Event) -> None:
        """Take one event of the history."""
        if event.kind == "fault":
            self._strike(event)
        elif event.kind == "canary":
            self._take_canary(event)
        elif event.kind == "score" and str(event.data["op"]).startswith("canary-"):
            self._take_score(str(event.data["op"]), event.data["correct"])

    def _take_canary(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._kinds[event.id] = str(event.data.get("canary", ""))
            return
        if not self._struck:
            # its picture may be judged after the injection
            self._early.add(event.id)
        if event.type in {EventType.FAIL, EventType.UNKNOWN}:
            self._failed(event.id)

    def _take_score(self, canary: str, correct: object) -> None:
        if correct is False:
            self._failed(canary)
        elif correct is True and not self.confirmed.is_set():
            for row in self._rows_of(canary):
                row.clear()

    def _strike(self, event: Event) -> None:
        begins = event.type is EventType.INVOKE and event.data.get("starts_clock") is True
        if begins and not self._struck:
            self._struck = True
            self._confirming = ()
            self._rows = {ALL_KINDS: []}
            self.confirmed.clear()

    def _failed(self, canary: str) -> None:
        if self.confirmed.is_set() or (self._struck and canary in self._early):
            return
        for row in self._rows_of(canary):
            row.append(canary)
            if len(row) >= self._confirm_count:
                self._confirming = self._confirming or tuple(row)
                self.confirmed.set()

    def _rows_of(self, canary: str) -> tuple[list[str], list[str]]:
        # one submitted before the detector listened belongs to no kind that is known
        kind = self._kinds.get(canary, "")
        return self._rows[ALL_KINDS], self._rows.setdefault(f"of {kind}", [])
