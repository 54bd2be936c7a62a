"""A drill's history told in seconds since the fault: what the record and the reports show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from colordrill.clock import seconds_between
from colordrill.history import Event, EventType

_ENDS = (EventType.OK, EventType.FAIL, EventType.UNKNOWN)


class CanaryState(StrEnum):
    """What became of a canary."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNANSWERED = "unanswered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CanaryTrace:
    """One canary from submission to judgement; ``score`` is its score note's data."""

    op: str
    name: str
    photo: str
    started_s: float
    ended_s: float | None
    state: CanaryState
    site: str | None
    image: str | None
    error: str
    score: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown_s(self) -> float:
        """When it was known what came back; its submission while nothing did."""
        return self.started_s if self.ended_s is None else self.ended_s


@dataclass(frozen=True, slots=True)
class PointTrace:
    """One backup; ``restored`` marks the point that the runbook used."""

    name: str
    strategy: str
    began_s: float
    ended_s: float | None
    outcome: str
    restored: bool


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One step of the runbook."""

    name: str
    started_s: float
    ended_s: float | None
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a peer saw of a fault."""

    seen: bool | None
    at_s: float
    detail: str


@dataclass(frozen=True, slots=True)
class FaultTrace:
    """One fault with its evidence and its cure."""

    name: str
    target: str
    injected_s: float | None
    healed_s: float | None
    evidence: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Chronology:
    """Everything that happened, by family, each in order of time."""

    canaries: tuple[CanaryTrace, ...]
    runbook_canaries: tuple[CanaryTrace, ...]
    points: tuple[PointTrace, ...]
    steps: tuple[StepTrace, ...]
    faults: tuple[FaultTrace, ...]
    fault_s: float | None
    detected_s: float | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both lines of an operation; ``end`` is None where it never ended."""

    start: Event
    end: Event | None

    def value(self, key: str, default: object = None) -> Any:
        """What its last line says of *key*, else its first line."""
        for event in (self.end, self.start):
            if event is not None and event.data.get(key) is not None:
                return event.data[key]
        return default

    @property
    def outcome(self) -> str:
        """ok, fail or unknown; unknown too where it never ended."""
        return EventType.UNKNOWN.value if self.end is None else self.end.type.value


class _Reader:
    """Indexes the events once; every family is then read from the index."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._ends = {(event.kind, event.id): event for event in events if event.type in _ENDS}
        self._starts = [event for event in events if event.type is EventType.INVOKE]
        self._fault = next((start for start in self._starts if _starts_clock(start)), None)
        origin = self._fault or (events[0] if events else None)
        self._origin_ns = 0 if origin is None else origin.t_ns

    def since(self, event: Event) -> float:
        """Seconds from the fault to *event*."""
        return round(seconds_between(self._origin_ns, event.t_ns), 3)

    def ended(self, pair: _Pair) -> float | None:
        """When *pair* ended."""
        return None if pair.end is None else self.since(pair.end)

    def pairs(self, kind: str) -> Iterator[_Pair]:
        """The operations of *kind*, as they started."""
        for start in self._starts:
            if start.kind == kind:
                yield _Pair(start, self._ends.get((kind, start.id)))

    def lines(self, kind: str, *types: EventType) -> Iterator[Event]:
        """The single lines of *kind* that are of one of *types*."""
        return (each for each in self._events if each.kind == kind and each.type in types)

    def fault_s(self) -> float | None:
        """Zero where a disaster was injected; None where none was."""
        return None if self._fault is None else 0.0

    def detected_s(self) -> float | None:
        """When the detector first confirmed the fault."""
        first = next(self.lines("detect", EventType.NOTE), None)
        return None if first is None else self.since(first)

    def canaries(self, kind: str) -> Iterator[CanaryTrace]:
        """The canaries of *kind* with their scores."""
        scores = {str(each.data.get("op")): each.data for each in self.lines("score", *EventType)}
        for pair in self.pairs(kind):
            score = scores.get(pair.start.id, {})
            yield CanaryTrace(
                op=pair.start.id,
                name=str(pair.value("canary", "")),
                photo=str(pair.value("photo", "")),
                started_s=self.since(pair.start),
                ended_s=self.ended(pair),
                state=_state(pair, score),
                site=_text_or_none(pair.value("site")),
                image=_text_or_none(pair.value("image")),
                error=str(pair.value("error", "")),
                score=score,
            )

    def steps(self) -> Iterator[StepTrace]:
        """The runbook's steps."""
        for pair in self.pairs("step"):
            yield StepTrace(
                name=str(pair.value("step", pair.start.id)),
                started_s=self.since(pair.start),
                ended_s=self.ended(pair),
                outcome=pair.outcome,
                detail=str(pair.value("detail", "" if pair.end else "it never ended")),
            )

    def points(self) -> Iterator[PointTrace]:
        """The backups; the restored one is the one that the last step naming a point named."""
        restored = [pair.value("point") for pair in self.pairs("step") if pair.value("point")]
        for pair in self.pairs("snapshot"):
            name = str(pair.value("point", pair.start.id))
            yield PointTrace(
                name=name,
                strategy=str(pair.value("strategy", "")),
                began_s=self.since(pair.start),
                ended_s=self.ended(pair),
                outcome=pair.outcome,
                restored=bool(restored) and str(restored[-1]) == name,
            )

    def faults(self) -> Iterator[FaultTrace]:
        """The injections, each with what was seen of it and when it was cured."""
        pairs = list(self.pairs("fault"))
        for number, pair in enumerate(pairs):
            # the same fault may come again: what was seen by then belongs to the one before
            later = (each.start for each in pairs[number + 1 :])
            until = next((each for each in later if _same_fault(pair.start, each)), None)
            cured = next(self._lines_of(pair.start, until, "heal", EventType.OK), None)
            failed = pair.end is not None and pair.end.type is EventType.FAIL
            yield FaultTrace(
                name=str(pair.value("name", pair.start.id)),
                target=str(pair.value("target", "unnamed")),
                injected_s=None if failed else self.since(pair.start),
                healed_s=None if cured is None else self.since(cured),
                evidence=tuple(
                    Sighting(
                        seen=_bool_or_none(note.data.get("seen")),
                        at_s=self.since(note),
                        detail=str(note.data.get("detail", "")),
                    )
                    for note in self._lines_of(pair.start, until, "evidence", EventType.NOTE)
                ),
            )

    def _lines_of(
        self, injected: Event, until: Event | None, kind: str, type_: EventType
    ) -> Iterator[Event]:
        """The lines of one injection, up to the next one of the same fault."""
        end_ns = None if until is None else until.t_ns
        for each in self.lines(kind, type_):
            within = injected.t_ns <= each.t_ns and (end_ns is None or each.t_ns < end_ns)
            if within and _same_fault(injected, each):
                yield each


def read_chronology(events: Iterable[Event]) -> Chronology:
    """Tell *events* in seconds since the fault; without a fault, since the first of them."""
    reader = _Reader(list(events))
    return Chronology(
        canaries=tuple(reader.canaries("canary")),
        runbook_canaries=tuple(reader.canaries("verifycan")),
        points=tuple(reader.points()),
        steps=tuple(reader.steps()),
        faults=tuple(reader.faults()),
        fault_s=reader.fault_s(),
        detected_s=reader.detected_s(),
    )


def _starts_clock(start: Event) -> bool:
    return start.kind == "fault" and start.data.get("starts_clock") is True


def _same_fault(fault: Event, other: Event) -> bool:
    return all(fault.data.get(key) == other.data.get(key) for key in ("name", "target"))


def _state(pair: _Pair, score: Mapping[str, Any]) -> CanaryState:
    if pair.end is None:
        return CanaryState.UNKNOWN
    if pair.end.type is not EventType.OK:
        return CanaryState.UNANSWERED
    if score.get("correct") is True:
        return CanaryState.CORRECT
    return CanaryState.WRONG if score.get("correct") is False else CanaryState.UNKNOWN


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _bool_or_none(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
