"""From the lines of injections, sightings and cures to what was observed of each injection.

The lines of one fault carry its name and its target. A flapping fault has several injections under
the same two: what was seen, or undone, belongs to the injection that was in force at that time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.history import Event, EventType
from colordrill.verify.observations import Fault

_UNENDED = "the cure began, and nobody wrote down how it ended"

Key = tuple[str, str]


@dataclass(slots=True)
class _Injection:
    """One injection as far as it is known.

    Attributes:
        number: counts the injections of the same fault.
        over: undone, or injected again: what is seen from now on is no evidence of this one.
    """

    begin: Event
    number: int
    ended_ns: int | None = None
    seen_ns: int | None = None
    seen_detail: str = ""
    undone_ns: int | None = None
    over: bool = False


@dataclass(slots=True)
class _Cure:
    """One cure; *number* is that of the injection that was in force when it began."""

    number: int
    scheduled: bool
    healed: bool | None = None
    detail: str = _UNENDED


@dataclass(slots=True)
class FaultBook:
    """Takes the lines of all faults; lives for one pass.

    Attributes:
        t_fault_ns: just before the first disaster's injection call; None: there was none yet.
    """

    t_fault_ns: int | None = None
    _injections: dict[str, _Injection] = field(default_factory=dict)
    _current: dict[Key, _Injection] = field(default_factory=dict)
    _healing: dict[str, tuple[Key, _Cure]] = field(default_factory=dict)
    _last_cure: dict[Key, _Cure] = field(default_factory=dict)
    _ended_cures: set[str] = field(default_factory=set)

    def take_fault(self, event: Event) -> None:
        """An injection's beginning or end."""
        if event.type is not EventType.INVOKE:
            begun = self._injections.get(event.id)
            happened = event.type is not EventType.FAIL
            if begun is not None and begun.ended_ns is None and happened:
                begun.ended_ns = event.t_ns
            return
        starts_clock, key = event.data["starts_clock"] is True, _key(event.data)
        earlier = self._current.get(key)
        if earlier is not None:
            earlier.over = True
        injection = _Injection(event, 0 if earlier is None else earlier.number + 1)
        self._injections[event.id] = self._current[key] = injection
        if self.t_fault_ns is None and starts_clock:
            self.t_fault_ns = event.t_ns

    def take_evidence(self, event: Event) -> None:
        """What a peer saw of the injection in force."""
        injection = self._current.get(_key(event.data))
        if event.data["seen"] is not True or injection is None or injection.over:
            return
        if injection.seen_ns is None:
            injection.seen_ns = event.t_ns
            injection.seen_detail = str(event.data.get("detail", ""))

    def take_heal(self, event: Event) -> str | None:
        """A cure's beginning or end; returns what no true history can hold.

        Of two ends the one that failed stands.
        """
        if event.type is EventType.INVOKE:
            twice = event.id in self._healing or event.id in self._ended_cures
            self._healing[event.id] = self._begun_cure(event)
            return f"heal {event.id} begins twice" if twice else None
        twice = event.id in self._ended_cures
        self._ended_cures.add(event.id)
        if not twice or event.type is not EventType.OK:
            self._end_cure(event)
        return f"heal {event.id} ends twice" if twice else None

    def finish(self) -> tuple[Fault, ...]:
        """Every injection, in order."""
        return tuple(self._finished(each) for each in self._injections.values())

    def _end_cure(self, event: Event) -> None:
        # on a full disk a cure may have an end line alone, which names the fault too
        begun = self._healing.pop(event.id) if event.id in self._healing else None
        key, cure = begun or self._begun_cure(event)
        cure.healed = event.type is EventType.OK
        cure.detail = str(event.data.get("detail", ""))
        injection = self._current.get(key)
        if injection is None or not cure.healed or cure.number != injection.number:
            return
        injection.over = True
        if injection.undone_ns is None and (cure.scheduled or event.data.get("scheduled") is True):
            injection.undone_ns = event.t_ns

    def _begun_cure(self, event: Event) -> tuple[Key, _Cure]:
        key = _key(event.data)
        injection = self._current.get(key)
        number = -1 if injection is None else injection.number
        cure = _Cure(number, event.data.get("scheduled") is True)
        self._last_cure[key] = cure
        return key, cure

    def _finished(self, injection: _Injection) -> Fault:
        begin = injection.begin
        key = _key(begin.data)
        cure = self._last_cure.get(key)
        if cure is not None and cure.number < injection.number:
            cure = None
        return Fault(
            name=key[0],
            target=key[1],
            starts_clock=begin.data["starts_clock"] is True,
            invoked_ns=begin.t_ns,
            injected_ns=injection.ended_ns,
            seen_ns=injection.seen_ns,
            seen_detail=injection.seen_detail,
            undone_ns=injection.undone_ns,
            healed=None if cure is None else cure.healed,
            heal_detail="" if cure is None else cure.detail,
        )


def _key(data: Mapping[str, Any]) -> Key:
    return str(data["name"]), str(data["target"])
