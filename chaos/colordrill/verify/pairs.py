"""Operations of one kind, from their two lines to what was observed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from colordrill.history import Event, EventType

Seen = TypeVar("Seen")


class Pairs(Generic[Seen]):
    """Pairs the lines of operations as they come; an operation's lines are dropped at its end.

    Args:
        build: makes what was observed of an operation; its end is None where none was written.
    """

    def __init__(self, build: Callable[[Event, Event | None], Seen]) -> None:
        self._build = build
        self._known: dict[str, Event | Seen] = {}

    def take(self, event: Event) -> str | None:
        """Take a line; returns what no true history can hold, None where all is well."""
        known = self._known.get(event.id)
        if event.type is EventType.INVOKE:
            if known is not None:
                return f"{event.kind} {event.id} begins twice"
            self._known[event.id] = event
        elif known is None:
            return f"{event.kind} {event.id} ends and never began"
        elif not isinstance(known, Event):
            return f"{event.kind} {event.id} ends twice"
        else:
            self._known[event.id] = self._build(known, event)
        return None

    def finish(self) -> Iterator[Seen]:
        """Every operation, in the order of beginning."""
        for known in self._known.values():
            yield self._build(known, None) if isinstance(known, Event) else known


class UnderWay:
    """Follows which operations of one kind are under way; one that ended leaves nothing behind."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def take(self, event: Event) -> str | None:
        """Take a line; returns what no true history can hold, None where all is well."""
        if event.type is EventType.INVOKE:
            if event.id in self._ids:
                return f"{event.kind} {event.id} begins twice"
            self._ids.add(event.id)
        elif event.id not in self._ids:
            return f"{event.kind} {event.id} ends and was not under way"
        else:
            self._ids.remove(event.id)
        return None
