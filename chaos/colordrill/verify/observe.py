"""One streaming pass from the history's lines to :class:`Observations`.

Keeps what the judgements need and drops the rest, so that a history of millions of lines fits in
memory: an operation's invoke line is remembered only until its end line comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from colordrill.history import Event, EventType
from colordrill.verify.observations import (
    Canary,
    Fault,
    Item,
    Job,
    Observations,
    ReadOutcome,
    Score,
    Work,
)
from colordrill.verify.operations import (
    canary,
    fault,
    fault_key,
    read_score,
    snapshot,
    step,
    work,
)

_WORK = frozenset({"upload", "submit", "complete", "fetch", "edit"})
_OUTCOMES = {outcome.value: outcome for outcome in ReadOutcome}
# of two readings the graver one stands; any reading says more than none
_GRAVITY = {
    ReadOutcome.UNKNOWN: 0,
    ReadOutcome.PRESENT: 1,
    ReadOutcome.LOST: 2,
    ReadOutcome.CORRUPT: 3,
}
_UNREAD = (ReadOutcome.UNKNOWN, "it was not read back")


def observe(events: Iterable[Event]) -> Observations:
    """Gather *events*, which must come in the order of the history's lines.

    Raises:
        KeyError: an event lacks what the history's table promises.
    """
    collector = _Collector()
    take = collector.take
    for event in events:
        take(event)
    return collector.finish()


class _Collector:
    """Takes events one by one; lives for one pass."""

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._t_fault_ns: int | None = None
        self._detected_ns: int | None = None
        self._contradiction: str | None = None
        self._canaries: dict[str, tuple[Event, Event | None]] = {}
        self._scores: dict[str, Score] = {}
        self._faults: dict[str, Event] = {}
        self._fault_ends: dict[str, int] = {}
        self._sightings: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._healing: dict[str, tuple[str, str]] = {}
        self._heals: dict[tuple[str, str], tuple[int, bool, str]] = {}
        self._snapshots: dict[str, tuple[Event, Event | None]] = {}
        self._steps: dict[str, tuple[Event, Event | None]] = {}
        self._acked: dict[str, int] = {}
        self._sha256: dict[str, str] = {}
        self._read: dict[str, tuple[ReadOutcome, str]] = {}
        self._accepted: dict[str, int] = {}
        self._awaited: dict[str, str] = {}
        self._completed: dict[str, int] = {}
        self._given_up: dict[str, tuple[int, bool]] = {}
        self._begun: dict[str, Event] = {}
        self._work: list[Work] = []
        self._disturbances: list[str] = []
        self._delivered: dict[str, int] = {}
        self._completed_count = 0
        self._delivered_count = 0
        self._phases: list[tuple[str, int]] = []
        self._sabotages: list[str] = []
        self._takers: Mapping[str, Callable[[Event], None]] = {
            "upload": self._take_ack,
            "edit": self._take_ack,
            "submit": self._take_submit,
            "complete": self._take_complete,
            "fetch": self._take_fetch,
            "readback": self._take_readback,
            "canary": self._take_canary,
            "verifycan": self._take_canary,
            "score": self._take_score,
            "snapshot": self._take_snapshot,
            "step": self._take_step,
            "fault": self._take_fault,
            "evidence": self._take_evidence,
            "heal": self._take_heal,
            "detect": self._take_detect,
            "phase": self._take_phase,
            "sabotage": self._take_sabotage,
            "client_error": self._take_disturbance,
            "turned_away": self._take_disturbance,
        }

    def take(self, event: Event) -> None:
        t_ns = event.t_ns
        if self._last_ns is None:
            self._first_ns = self._last_ns = t_ns
        elif t_ns < self._last_ns:
            self._contradict(f"time runs backwards at {event.kind} {event.id}")
        else:
            self._last_ns = t_ns
        taker = self._takers.get(event.kind)
        if taker is not None:
            taker(event)
        if event.kind in _WORK and self._t_fault_ns is not None:
            self._take_work(event)

    def finish(self) -> Observations:
        return Observations(
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            t_fault_ns=self._t_fault_ns,
            detected_ns=self._detected_ns,
            canaries=self._finished_canaries("canary"),
            runbook_canaries=self._finished_canaries("verifycan"),
            faults=tuple(self._finished_fault(op, event) for op, event in self._faults.items()),
            points=tuple(snapshot(*pair) for pair in self._snapshots.values()),
            items=tuple(self._finished_item(name) for name in self._acked),
            jobs=tuple(self._finished_job(name) for name in self._accepted),
            work=(*self._work, *(work(begin, None) for begin in self._begun.values())),
            disturbances=tuple(self._disturbances),
            completed=self._completed_count,
            delivered=self._delivered_count,
            steps=tuple(step(*pair) for pair in self._steps.values()),
            phases=tuple(self._phases),
            sabotages=tuple(self._sabotages),
            contradiction=self._contradiction,
        )

    def _contradict(self, what: str) -> None:
        self._contradiction = self._contradiction or what

    def _pair(self, pairs: dict[str, tuple[Event, Event | None]], event: Event) -> None:
        known = pairs.get(event.id)
        if event.type is EventType.INVOKE:
            if known is not None:
                self._contradict(f"{event.kind} {event.id} begins twice")
                return
            pairs[event.id] = (event, None)
        elif known is None:
            self._contradict(f"{event.kind} {event.id} ends and never began")
        elif known[1] is not None:
            self._contradict(f"{event.kind} {event.id} ends twice")
        else:
            pairs[event.id] = (known[0], event)

    def _acknowledge(self, item: str, event: Event) -> None:
        self._acked.setdefault(item, event.t_ns)
        sha256 = event.data.get("sha256")
        if sha256 is not None:
            self._sha256[item] = sha256

    def _take_ack(self, event: Event) -> None:
        if event.type is EventType.OK:
            self._acknowledge(event.data["item"], event)

    def _take_submit(self, event: Event) -> None:
        if event.type is EventType.OK:
            self._accepted[event.data["job"]] = event.t_ns

    def _take_complete(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._awaited[event.id] = str(event.data.get("job"))
            return
        awaited = self._awaited.pop(event.id, None)
        if event.type is EventType.OK:
            self._completed_count += 1
            self._completed[event.data["job"]] = event.t_ns
            self._acknowledge(event.data["item"], event)
        elif awaited is not None:
            self._given_up[awaited] = (event.t_ns, event.type is EventType.FAIL)

    def _take_fetch(self, event: Event) -> None:
        if event.type is EventType.OK:
            self._delivered_count += 1
            self._delivered[event.data["job"]] = event.t_ns
            self._acknowledge(event.data["item"], event)

    def _take_readback(self, event: Event) -> None:
        # a reading before the fault says nothing about what survived it
        if event.type is not EventType.OK or self._t_fault_ns is None:
            return
        item = event.data["item"]
        outcome = _OUTCOMES.get(event.data["outcome"], ReadOutcome.UNKNOWN)
        if _GRAVITY[outcome] >= _GRAVITY[self._read.get(item, _UNREAD)[0]]:
            self._read[item] = (outcome, str(event.data.get("detail", "")))

    def _take_canary(self, event: Event) -> None:
        self._pair(self._canaries, event)

    def _take_score(self, event: Event) -> None:
        op = event.data["op"]
        score = read_score(event.data)
        known = self._scores.get(op)
        if known is None:
            self._scores[op] = score
        elif known.correct is not score.correct:
            self._contradict(f"canary {op} has two different scores")
            self._scores[op] = score if score.correct is False else known

    def _take_snapshot(self, event: Event) -> None:
        self._pair(self._snapshots, event)

    def _take_step(self, event: Event) -> None:
        self._pair(self._steps, event)

    def _take_fault(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._faults[event.id] = event
            if self._t_fault_ns is None and event.data["starts_clock"] is True:
                self._t_fault_ns = event.t_ns
        else:
            self._fault_ends.setdefault(event.id, event.t_ns)

    def _take_evidence(self, event: Event) -> None:
        if event.data["seen"] is True:
            sightings = self._sightings.setdefault(fault_key(event.data), [])
            sightings.append((event.t_ns, str(event.data.get("detail", ""))))

    def _take_heal(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._healing[event.id] = fault_key(event.data)
            return
        key = self._healing.pop(event.id, None) or fault_key(event.data)
        detail = str(event.data.get("detail", ""))
        self._heals[key] = (event.t_ns, event.type is EventType.OK, detail)

    def _take_detect(self, event: Event) -> None:
        if self._t_fault_ns is not None and self._detected_ns is None:
            self._detected_ns = event.t_ns

    def _take_phase(self, event: Event) -> None:
        self._phases.append((str(event.data["phase"]), event.t_ns))

    def _take_sabotage(self, event: Event) -> None:
        self._sabotages.append(str(event.data["name"]))

    def _take_work(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._begun[event.id] = event
        elif (begin := self._begun.pop(event.id, None)) is not None:
            self._work.append(work(begin, event))

    def _take_disturbance(self, event: Event) -> None:
        self._disturbances.append(f"{event.kind} of {event.data.get('stream')}")

    def _finished_canaries(self, kind: str) -> tuple[Canary, ...]:
        return tuple(
            canary(begin, end, self._scores.get(begin.id))
            for begin, end in self._canaries.values()
            if begin.kind == kind
        )

    def _finished_fault(self, op: str, begin: Event) -> Fault:
        key = fault_key(begin.data)
        sighting = next(
            (each for each in self._sightings.get(key, ()) if each[0] >= begin.t_ns), None
        )
        heal = self._heals.get(key)
        if heal is not None and heal[0] < begin.t_ns:
            heal = None
        return fault(begin, self._fault_ends.get(op), sighting, heal)

    def _finished_item(self, name: str) -> Item:
        outcome, detail = self._read.get(name, _UNREAD)
        return Item(name, self._acked[name], self._sha256.get(name), outcome, detail)

    def _finished_job(self, name: str) -> Job:
        given_up_ns, refused = self._given_up.get(name, (None, False))
        return Job(
            name=name,
            accepted_ns=self._accepted[name],
            completed_ns=self._completed.get(name),
            given_up_ns=given_up_ns,
            refused=refused,
            delivered_ns=self._delivered.get(name),
        )
