"""What was observed in a drill: the history, gathered by what each judgement asks of it.

All times are monotonic nanoseconds of the history (``_ns``); durations are seconds (``_s``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from colordrill.clock import seconds_between
from colordrill.history import EventType
from colordrill.verify.probed import Readiness, Replica


class CanaryState(StrEnum):
    """What a canary says of the service.

    ``undecided`` is one that says nothing: not ended, not scored, or answered from a cache.
    """

    CORRECT = "correct"
    WRONG = "wrong"
    UNANSWERED = "unanswered"
    UNDECIDED = "undecided"


class ReadOutcome(StrEnum):
    """What became of an acknowledged item; ``unknown``: it was not, or could not be, read."""

    PRESENT = "present"
    LOST = "lost"
    CORRUPT = "corrupt"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Score:
    """The judgement of a canary's picture, as its note says.

    Attributes:
        correct: None where it could not be told.
        reasons: what is wrong with it.
        figures: the measured likenesses, by name.
        pixels_sha256: hash of the decoded pixels; None where the note has none.
    """

    correct: bool | None
    reasons: tuple[str, ...]
    figures: Mapping[str, float]
    pixels_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary, from its submission to its score.

    Attributes:
        op: id of its operation.
        name: which of the canaries it is.
        sent_ns: when it was submitted.
        ended_ns: when its picture was held, or given up; None: its end was never written.
        answered: a picture came back.
        site: who answered; None where nobody said so.
        cached: its colours came from the service's cache and prove nothing.
        score: None while unscored.
    """

    op: str
    name: str
    sent_ns: int
    ended_ns: int | None
    answered: bool
    site: str | None
    cached: bool
    score: Score | None

    @property
    def state(self) -> CanaryState:
        """A wrong picture is wrong from a cache too; a correct one from a cache proves nothing."""
        if self.ended_ns is None:
            return CanaryState.UNDECIDED
        if not self.answered:
            return CanaryState.UNANSWERED
        if self.score is None or self.score.correct is None:
            return CanaryState.UNDECIDED
        if not self.score.correct:
            return CanaryState.WRONG
        return CanaryState.UNDECIDED if self.cached else CanaryState.CORRECT


@dataclass(frozen=True, slots=True)
class Fault:
    """One injection, what a peer saw of it, and its cure.

    Attributes:
        name: the fault's name.
        target: where it was injected.
        starts_clock: a disaster; otherwise a latent defect.
        invoked_ns: just before the injection call.
        injected_ns: the end of the call; None where it never ended, or failed.
        seen_ns: the first time that a peer saw it while it was in force: before it was undone and
            before the same fault was injected again; None where none did.
        seen_detail: what the peer saw.
        undone_ns: when its schedule had undone it, read back; None where no schedule did.
        healed: the read-back of the last cure of this fault, however often it was injected; None
            where there was none.
        heal_detail: what that said.
    """

    name: str
    target: str
    starts_clock: bool
    invoked_ns: int
    injected_ns: int | None
    seen_ns: int | None
    seen_detail: str
    undone_ns: int | None
    healed: bool | None
    heal_detail: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One backup; a point's time is when its copy *began*.

    Attributes:
        point: the recovery point's name.
        began_ns: the copy began.
        ended_ns: published or failed; None where it never ended.
        published: it became a recovery point.
    """

    point: str
    began_ns: int
    ended_ns: int | None
    published: bool


@dataclass(frozen=True, slots=True)
class Item:
    """An acknowledged upload, workflow edit or output.

    Names are unique per operation. One that is acknowledged twice keeps its first time, which can
    only make the recovery point actual larger.
    """

    name: str
    acked_ns: int
    sha256: str | None
    outcome: ReadOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted job.

    Attributes:
        name: the job.
        accepted_ns: POST /prompt first answered 200.
        completed_ns: the history of the service said success; None: it never did.
        given_up_ns: waiting for its completion failed or timed out; None: it did not.
        refused: it certainly failed; otherwise giving up leaves open what became of it.
        delivered_ns: the client held the bytes; None: it never did.
    """

    name: str
    accepted_ns: int
    completed_ns: int | None
    given_up_ns: int | None
    refused: bool
    delivered_ns: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """One operation of a user; *outcome* is None where it never ended."""

    kind: str
    op: str
    began_ns: int
    outcome: EventType | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the runbook; *ok* is None where it never ended."""

    name: str
    began_ns: int
    ended_ns: int | None
    ok: bool | None
    detail: str
    point: str | None


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that the judgements rest on.

    Attributes:
        first_ns: time of the first line; None: the history is empty.
        last_ns: time of the last line.
        t_fault_ns: just before the first disaster's injection call; None: there was no disaster.
        detected_ns: the detector's first confirmation after the fault.
        canaries: through the gateway, in order of submission.
        runbook_canaries: sent by the runbook to the restored site itself.
        faults: in order of injection.
        points: every backup, in order of beginning.
        items: every acknowledged item.
        jobs: every accepted job.
        duplicates: what was done twice: a job that was accepted or completed again, an output of
            two jobs.
        work: what users began after the fault, in order of its end.
        disturbances: what the workload itself could not do: clients that crashed, or that were
            turned away at the bound of operations under way.
        completed: how many jobs were completed.
        delivered: how many outputs were delivered.
        steps: the runbook's steps, in order of beginning.
        phases: name and time of each phase.
        sabotages: what a red twin broke.
        readiness: what the readiness probes found, in order.
        replica: what the storage's replica held at the end; None: nobody looked.
        contradiction: the first thing that no true history can hold; None where there is none.
    """

    first_ns: int | None = None
    last_ns: int | None = None
    t_fault_ns: int | None = None
    detected_ns: int | None = None
    canaries: tuple[Canary, ...] = ()
    runbook_canaries: tuple[Canary, ...] = ()
    faults: tuple[Fault, ...] = ()
    points: tuple[Snapshot, ...] = ()
    items: tuple[Item, ...] = ()
    jobs: tuple[Job, ...] = ()
    duplicates: tuple[str, ...] = ()
    work: tuple[Work, ...] = ()
    disturbances: tuple[str, ...] = ()
    completed: int = 0
    delivered: int = 0
    steps: tuple[Step, ...] = ()
    phases: tuple[tuple[str, int], ...] = ()
    sabotages: tuple[str, ...] = ()
    readiness: tuple[Readiness, ...] = ()
    replica: Replica | None = None
    contradiction: str | None = None

    @property
    def evidence_ns(self) -> int | None:
        """When the last of the disasters had been seen by a peer; None while one is unseen."""
        seen = [fault.seen_ns for fault in self.faults if fault.starts_clock]
        known = [each for each in seen if each is not None]
        return max(known) if known and len(known) == len(seen) else None

    @property
    def passed_ns(self) -> int | None:
        """When the last disaster was over; None while one is unseen.

        Where a schedule undoes it: when that was read back. Otherwise (a killed process, or a fault
        that lasts until the drill's end) from its evidence on.
        """
        seen_ns = self.evidence_ns
        undone = [fault.undone_ns for fault in self.faults if fault.starts_clock]
        return None if seen_ns is None else max([seen_ns, *(each or 0 for each in undone)])

    @property
    def watched_until_ns(self) -> int | None:
        """When the clients' work had ended and was read back; None: the history is empty."""
        read_back = (t_ns for name, t_ns in self.phases if name == "readback")
        return next(read_back, self.last_ns)

    @property
    def awaited_until_ns(self) -> int | None:
        """Until when clients waited for what they had sent: a refused recovery gives up on it."""
        refused = (t_ns for name, t_ns in self.phases if name == "refused")
        return next(refused, self.last_ns)

    def step_ended_ns(self, name: str) -> int | None:
        """When the last successful step of the runbook called *name* ended; None: none did."""
        ended = [step.ended_ns for step in self.steps if step.name == name and step.ok]
        return ended[-1] if ended else None

    def since_fault(self, t_ns: int) -> float:
        """Seconds from the fault to *t_ns*, negative before it.

        Raises:
            ValueError: there was no fault.
        """
        if self.t_fault_ns is None:
            raise ValueError("without a fault there is no time since it")
        return seconds_between(self.t_fault_ns, t_ns)
