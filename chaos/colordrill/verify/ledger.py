"""What clients were told, followed line by line: jobs, acknowledged items, and the users' work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from colordrill.history import Event, EventType
from colordrill.verify.observations import Item, Job, ReadOutcome, Work
from colordrill.verify.operations import work

_OUTCOMES = {outcome.value: outcome for outcome in ReadOutcome}
_GRAVITY = {
    ReadOutcome.UNKNOWN: 0,
    ReadOutcome.PRESENT: 1,
    ReadOutcome.LOST: 2,
    ReadOutcome.CORRUPT: 3,
}
_UNREAD = "it was not read back"


@dataclass(slots=True)
class _Job:
    """A job as far as it is known; *accepted_ns* is None for one that only its end names."""

    name: str
    accepted_ns: int | None = None
    completed_ns: int | None = None
    given_up_ns: int | None = None
    refused: bool = False
    delivered_ns: int | None = None


@dataclass(slots=True)
class _Item:
    """An acknowledged item as far as it is known; *job* is the one that it is the output of."""

    acked_ns: int
    sha256: str | None = None
    job: _Job | None = None
    outcome: ReadOutcome | None = None
    detail: str = _UNREAD

    def read(self, outcome: ReadOutcome, detail: str) -> None:
        """Take a reading: of two the graver one stands, and any says more than none."""
        if self.outcome is None or _GRAVITY[outcome] >= _GRAVITY[self.outcome]:
            self.outcome, self.detail = outcome, detail


@dataclass(slots=True)
class Ledger:
    """Takes the lines of clients; lives for one pass.

    Attributes:
        completed: how many jobs were completed.
        delivered: how many outputs were delivered.
        duplicates: what was done twice.
    """

    completed: int = 0
    delivered: int = 0
    duplicates: list[str] = field(default_factory=list)
    _items: dict[str, _Item] = field(default_factory=dict)
    _read_early: dict[str, list[tuple[ReadOutcome, str]]] = field(default_factory=dict)
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _accepted: list[_Job] = field(default_factory=list)
    _awaited: dict[str, str] = field(default_factory=dict)
    _begun: dict[str, Event] = field(default_factory=dict)
    _work: list[Work] = field(default_factory=list)

    def takers(self) -> Mapping[str, Callable[[Event], None]]:
        """What takes each kind of a user's operation."""
        return {
            "upload": self._take_ack,
            "edit": self._take_ack,
            "submit": self._take_submit,
            "complete": self._take_complete,
            "fetch": self._take_fetch,
        }

    def take_work(self, event: Event) -> None:
        """A user's operation after the fault, to be followed from its beginning to its end."""
        if event.type is EventType.INVOKE:
            self._begun[event.id] = event
        elif (begin := self._begun.pop(event.id, None)) is not None:
            self._work.append(work(begin, event))

    def take_readback(self, event: Event) -> None:
        """A reading after the fault; an earlier one says nothing about what survived."""
        if event.type is not EventType.OK:
            return
        name = event.data["item"]
        outcome = _OUTCOMES.get(event.data["outcome"], ReadOutcome.UNKNOWN)
        detail = str(event.data.get("detail", ""))
        item = self._items.get(name)
        if item is None:
            self._read_early.setdefault(name, []).append((outcome, detail))
        else:
            item.read(outcome, detail)

    def unacknowledged(self) -> str | None:
        """What was read back although nobody acknowledged it, in words: only what was is read."""
        name = next(iter(self._read_early), None)
        return None if name is None else f"{name} was read back and never acknowledged"

    def items(self) -> tuple[Item, ...]:
        """Every acknowledged item, in the order of its first acknowledgement."""
        return tuple(
            Item(
                name,
                each.acked_ns,
                each.sha256,
                ReadOutcome.UNKNOWN if each.outcome is None else each.outcome,
                each.detail,
            )
            for name, each in self._items.items()
        )

    def jobs(self) -> tuple[Job, ...]:
        """Every accepted job, in the order of acceptance."""
        return tuple(_finished(job) for job in self._accepted)

    def work(self) -> tuple[Work, ...]:
        """What users began after the fault, in the order of its end, then what never ended."""
        return (*self._work, *(work(begin, None) for begin in self._begun.values()))

    def _acknowledge(self, event: Event) -> _Item:
        name = event.data["item"]
        item = self._items.get(name)
        if item is None:
            item = self._items[name] = _Item(event.t_ns)
            for outcome, detail in self._read_early.pop(name, ()):
                item.read(outcome, detail)
        sha256 = event.data.get("sha256")
        if sha256 is not None:
            item.sha256 = sha256
        return item

    def _job(self, name: str) -> _Job:
        job = self._jobs.get(name)
        if job is None:
            job = self._jobs[name] = _Job(name)
        return job

    def _take_ack(self, event: Event) -> None:
        if event.type is EventType.OK:
            self._acknowledge(event)

    def _take_submit(self, event: Event) -> None:
        if event.type is EventType.OK:
            job = self._job(event.data["job"])
            if job.accepted_ns is None:
                self._accepted.append(job)
                job.accepted_ns = event.t_ns
            else:
                self.duplicates.append(f"job {job.name} was accepted again")

    def _take_complete(self, event: Event) -> None:
        if event.type is EventType.INVOKE:
            self._awaited[event.id] = str(event.data.get("job"))
            return
        awaited = self._awaited.pop(event.id, None)
        if event.type is EventType.OK:
            self.completed += 1
            job = self._job(event.data["job"])
            if job.completed_ns is not None:
                self.duplicates.append(f"job {job.name} was completed again")
            job.completed_ns = event.t_ns
            self._give(event, job)
        elif awaited is not None:
            job = self._job(awaited)
            job.given_up_ns, job.refused = event.t_ns, event.type is EventType.FAIL

    def _take_fetch(self, event: Event) -> None:
        if event.type is EventType.OK:
            self.delivered += 1
            job = self._job(event.data["job"])
            job.delivered_ns = event.t_ns
            self._give(event, job)

    def _give(self, event: Event, job: _Job) -> None:
        """Acknowledge an output, which belongs to one job alone."""
        item = self._acknowledge(event)
        if item.job is None:
            item.job = job
        elif item.job is not job:
            self.duplicates.append(
                f"{event.data['item']} was given to {item.job.name} and to {job.name}"
            )


def _finished(job: _Job) -> Job:
    return Job(
        name=job.name,
        accepted_ns=job.accepted_ns or 0,
        completed_ns=job.completed_ns,
        given_up_ns=job.given_up_ns,
        refused=job.refused,
        delivered_ns=job.delivered_ns,
    )
