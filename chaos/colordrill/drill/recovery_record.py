"""What a start of the recovery came to, and its file ``recovery.json``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from colordrill.clock import seconds_between
from colordrill.errors import ExitCode
from colordrill.history import Event, EventType

RECORD = "recovery.json"


class RecoveryEnd(Enum):
    """How a start of the recovery ended."""

    RECOVERED = "recovered"
    NOTHING = "nothing to do"
    UNCERTAIN = "recovered, but the primary was not seen to be stopped"
    WRONG = "the restored site colours wrongly"
    NOT_JUDGED = "nobody can tell how the restored site colours"
    FAILED = "failed"
    BROKEN_OFF = "broken off"

    @property
    def exit_code(self) -> ExitCode:
        """The command's."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    RecoveryEnd.RECOVERED: ExitCode.PASS,
    RecoveryEnd.NOTHING: ExitCode.PASS,
    RecoveryEnd.UNCERTAIN: ExitCode.UNKNOWN,
    RecoveryEnd.WRONG: ExitCode.FAIL,
    RecoveryEnd.NOT_JUDGED: ExitCode.UNKNOWN,
    RecoveryEnd.FAILED: ExitCode.ENVIRONMENT,
    RecoveryEnd.BROKEN_OFF: ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a start of the recovery came to; every field is a key of ``recovery.json``.

    Times are wall times (ISO 8601, UTC), durations seconds; None where nothing is known of it.

    Attributes:
        stack: its run id.
        outcome: see `RecoveryEnd`.
        exit_code: the command's.
        active: the sites that the gateway sends to at the end.
        why: why it was begun, gone on with, or not.
        resumed: an earlier start was gone on with.
        primary: what was known of the primary.
        point: what the DR site stands on.
        point_kept_by: who this start restored it from: ``rsync``, the backup server, or ``restic``,
            off site.
        point_age_s: its age when the incident began: what is lost at most.
        began_at: of this start.
        incident_began_at: of the first start.
        took_s: this start, by the monotonic clock.
        incident_took_s: since the first start, by the wall clock.
        steps: ``name, outcome, took_s, detail`` of each.
        problem: what ended it early.
        record: the directory with this, the history, pictures and logs.
    """

    stack: str
    outcome: str
    exit_code: int
    active: tuple[str, ...]
    why: str
    resumed: bool
    primary: str | None
    point: str | None
    point_kept_by: str | None
    point_age_s: float | None
    began_at: str
    incident_began_at: str | None
    took_s: float
    incident_took_s: float | None
    steps: tuple[dict[str, Any], ...]
    problem: str | None
    record: str | None


def step_entries(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """Each step of *events* that has ended."""
    events = tuple(events)
    begun = {
        each.id: each.t_ns
        for each in events
        if each.kind == "step" and each.type is EventType.INVOKE
    }
    for each in events:
        if each.kind == "step" and each.type is not EventType.INVOKE:
            yield {
                "name": each.data["step"],
                "outcome": each.type.value,
                "took_s": seconds_between(begun[each.id], each.t_ns),
                "detail": each.data["detail"],
            }
