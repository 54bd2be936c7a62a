"""Notices to administrators: what a recovery tells while it goes on, and how that is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

DETAIL_LENGTH_MAX = 2000
ABORTED = "aborted"
"""The outcome of a recovery that was interrupted or crashed."""


class NoticeEvent(StrEnum):
    """What a notice is about."""

    STARTED = "started"
    STEP = "step"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice.

    Attributes:
        delivery: names the notice, the same however often it is sent.
        recovery: which recovery it is about.
        sequence: 1, 2, 3 … within the recovery, in order of what happened.
        event: what it is about.
        step: the step that ended; None unless it is about one.
        outcome: ok or fail of a step, done, refused, failed or aborted of a recovery; None of its
            start.
        detail: for people.
        at: when it happened, with its zone.
    """

    delivery: str
    recovery: str
    sequence: int
    event: NoticeEvent
    step: str | None
    outcome: str | None
    detail: str
    at: datetime

    def body(self) -> bytes:
        """The notice as JSON in ASCII, whatever its detail holds; a long detail is cut."""
        fields = {
            "delivery": self.delivery,
            "recovery": self.recovery,
            "sequence": self.sequence,
            "event": self.event.value,
            "step": self.step,
            "outcome": self.outcome,
            "detail": _cut(self.detail),
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        }
        return json.dumps(fields).encode("ascii")


class Notifier(Protocol):
    """Takes notices; never blocks and never raises, whatever becomes of them."""

    def notify(
        self,
        event: NoticeEvent,
        *,
        step: str | None = None,
        outcome: str | None = None,
        detail: str = "",
    ) -> None:
        """Tell administrators of *event*; the arguments are as in `Notice`."""


class Silent:
    """Tells nobody."""

    def notify(
        self,
        event: NoticeEvent,
        *,
        step: str | None = None,
        outcome: str | None = None,
        detail: str = "",
    ) -> None:
        """Do nothing."""


SILENT = Silent()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the header ``X-Colordrill-Signature`` says of *body* sent at *timestamp*."""
    digest = hmac.new(secret, timestamp.encode("ascii") + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def _cut(detail: str) -> str:
    return detail if len(detail) <= DETAIL_LENGTH_MAX else detail[: DETAIL_LENGTH_MAX - 1] + "…"
