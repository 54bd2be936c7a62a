"""One streaming pass from the history's lines to :class:`Observations`.

Keeps what the judgements need and drops the rest, so that a history of millions of lines fits in
memory: an operation's invoke line is remembered only until its end line comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from colordrill.history import Data, Event
from colordrill.verify.fault_book import FaultBook
from colordrill.verify.ledger import Ledger
from colordrill.verify.observations import Canary, Observations, Score
from colordrill.verify.operations import (
    canary,
    read_score,
    readiness,
    replica,
    snapshot,
    step,
    with_score,
)
from colordrill.verify.pairs import Pairs, UnderWay
from colordrill.verify.probed import Readiness, Replica


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
        self._detected_ns: int | None = None
        self._contradiction: str | None = None
        self._canaries = Pairs(canary)
        self._runbook_canaries = Pairs(canary)
        self._calibrations = Pairs(canary)
        self._scenario: Data | None = None
        self._scores: dict[str, Score] = {}
        self._snapshots = Pairs(snapshot)
        self._steps = Pairs(step)
        self._disturbances: list[str] = []
        self._phases: list[tuple[str, int]] = []
        self._sabotages: list[str] = []
        self._readiness: list[Readiness] = []
        self._replica: Replica | None = None
        self._faults = FaultBook()
        self._ledger = Ledger()
        self._work_takers = self._ledger.takers()
        self._under_way = {kind: UnderWay() for kind in (*self._work_takers, "readback", "fault")}
        self._takers: Mapping[str, Callable[[Event], None]] = {
            "readback": self._take_readback,
            "canary": self._take_canary,
            "verifycan": self._take_runbook_canary,
            "calibration": self._take_calibration,
            "score": self._take_score,
            "snapshot": self._take_snapshot,
            "step": self._take_step,
            "fault": self._take_fault,
            "evidence": self._faults.take_evidence,
            "heal": self._take_heal,
            "detect": self._take_detect,
            "scenario": self._take_scenario,
            "phase": self._take_phase,
            "sabotage": self._take_sabotage,
            "readiness": self._take_readiness,
            "replica": self._take_replica,
            "client_error": self._take_disturbance,
            "turned_away": self._take_disturbance,
        }

    def take(self, event: Event) -> None:
        t_ns, kind = event.t_ns, event.kind
        if self._last_ns is None:
            self._first_ns = self._last_ns = t_ns
        elif t_ns < self._last_ns:
            self._contradict(f"time runs backwards at {kind} {event.id}")
        else:
            self._last_ns = t_ns
        work_taker = self._work_takers.get(kind)
        if work_taker is not None:
            self._contradict(self._under_way[kind].take(event))
            work_taker(event)
            if self._faults.t_fault_ns is not None:
                self._ledger.take_work(event)
            return
        taker = self._takers.get(kind)
        if taker is not None:
            taker(event)

    def finish(self) -> Observations:
        ledger = self._ledger
        canaries, runbook_canaries = (
            self._scored(each) for each in (self._canaries, self._runbook_canaries)
        )
        self._contradict(self._unanswered_score(*canaries, *runbook_canaries))
        self._contradict(ledger.unacknowledged())
        return Observations(
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            t_fault_ns=self._faults.t_fault_ns,
            detected_ns=self._detected_ns,
            canaries=canaries,
            runbook_canaries=runbook_canaries,
            faults=self._faults.finish(),
            points=tuple(self._snapshots.finish()),
            items=ledger.items(),
            jobs=ledger.jobs(),
            duplicates=tuple(ledger.duplicates),
            work=ledger.work(),
            disturbances=tuple(self._disturbances),
            completed=ledger.completed,
            delivered=ledger.delivered,
            steps=tuple(self._steps.finish()),
            phases=tuple(self._phases),
            sabotages=tuple(self._sabotages),
            readiness=tuple(self._readiness),
            replica=self._replica,
            contradiction=self._contradiction,
        )

    def _contradict(self, what: str | None) -> None:
        self._contradiction = self._contradiction or what

    def _take_fault(self, event: Event) -> None:
        self._contradict(self._under_way["fault"].take(event))
        self._faults.take_fault(event)

    def _take_heal(self, event: Event) -> None:
        self._contradict(self._faults.take_heal(event))

    def _take_readback(self, event: Event) -> None:
        self._contradict(self._under_way["readback"].take(event))
        if self._faults.t_fault_ns is not None:
            self._ledger.take_readback(event)

    def _take_canary(self, event: Event) -> None:
        self._contradict(self._canaries.take(event))

    def _take_runbook_canary(self, event: Event) -> None:
        self._contradict(self._runbook_canaries.take(event))

    def _take_calibration(self, event: Event) -> None:
        self._contradict(self._calibrations.take(event))

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
        self._contradict(self._snapshots.take(event))

    def _take_step(self, event: Event) -> None:
        self._contradict(self._steps.take(event))

    def _take_detect(self, event: Event) -> None:
        if self._faults.t_fault_ns is not None and self._detected_ns is None:
            self._detected_ns = event.t_ns

    def _take_scenario(self, event: Event) -> None:
        if self._scenario is None:
            self._scenario = event.data
        elif self._scenario != event.data:
            self._contradict("it has two different notes of its scenario")

    def _take_phase(self, event: Event) -> None:
        self._phases.append((str(event.data["phase"]), event.t_ns))

    def _take_sabotage(self, event: Event) -> None:
        self._sabotages.append(str(event.data["name"]))

    def _take_readiness(self, event: Event) -> None:
        self._readiness.append(readiness(event.data))

    def _take_replica(self, event: Event) -> None:
        self._replica = replica(event)

    def _take_disturbance(self, event: Event) -> None:
        self._disturbances.append(f"{event.kind} of {event.data.get('stream')}")

    def _unanswered_score(self, *canaries: Canary) -> str | None:
        """A score is the judgement of a picture: its canary was answered."""
        seen = (*canaries, *self._calibrations.finish())
        stray = self._scores.keys() - {each.op for each in seen if each.answered}
        return f"{min(map(str, stray))} has a score and was never answered" if stray else None

    def _scored(self, canaries: Pairs[Canary]) -> tuple[Canary, ...]:
        return tuple(with_score(each, self._scores.get(each.op)) for each in canaries.finish())
