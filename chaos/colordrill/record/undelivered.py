"""Notices that administrators did not get: a problem of the drill, and never a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from colordrill.history import Event, EventType
from colordrill.record.advice import Finding

_ADVICE = (
    "See that the receiver of notices can be reached from here, answers 2xx within a few seconds "
    "and checks signatures with the same secret; each notice's attempts are in history.jsonl."
)


def find_undelivered(events: Iterable[Event]) -> Iterator[Finding]:
    """One finding for all notices that are not known to have arrived; none where all did."""
    lines = [event for event in events if event.kind == "notice"]
    ends = {event.id: event for event in lines if event.type is not EventType.INVOKE}
    begun = [event for event in lines if event.type is EventType.INVOKE]
    missing = [each for each in begun if not _arrived(ends.get(each.id))]
    if not missing:
        return
    first = ends.get(missing[0].id)
    cause = "it never ended" if first is None else str(first.data.get("error", "no cause given"))
    yield Finding(
        f"{len(missing)} of {len(begun)} notices to {missing[0].data.get('receiver')} are not "
        f"known to have arrived; the first: {cause}.",
        _ADVICE,
    )


def _arrived(end: Event | None) -> bool:
    return end is not None and end.type is EventType.OK
