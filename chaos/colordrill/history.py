"""The history of a drill: every operation, as it happens, one JSON object a line.

An operation leaves two lines: ``invoke`` when it starts, and one of ``ok`` (it happened), ``fail``
(it certainly did not) or ``unknown`` (nobody can tell: a time-out, a lost connection) when it ends.
``note`` lines stand alone: phases, fault evidence, scores. Verdicts are computed from these lines
and from nothing else, so the kinds below are the contract between those who write and those who
judge.

============ =================================== ===================================================
kind         what                                data (keys of the last line unless *invoke*)
============ =================================== ===================================================
upload       a client uploads a photo            *invoke* ``item``; ok ``item, sha256, bytes``
submit       a job is posted to /prompt          *invoke* ``job, workflow``; ok ``job`` (= accepted)
complete     the job's end is awaited            *invoke* ``job``; ok ``job, item, cached[]``
                                                 (= completed)
fetch        the output is fetched               *invoke* ``job, item``; ok ``job, item, sha256,
                                                 bytes`` (= delivered)
edit         a workflow is saved through the API *invoke* ``item``; ok ``item, sha256``
canary       a whole canary                      *invoke* ``canary, photo``; ok ``canary, site,
                                                 image, colorize_cached``; fail/unknown ``canary,
                                                 error``
calibration  a canary sent alone, beforehand     as ``canary``
verifycan    a canary sent to a site itself, by  as ``canary``
             a runbook's check or to the
             primary before it is given up
score        note: the judgement of a canary     ``op`` (id of the canary line), ``correct``
                                                 (true/false/null), ``reasons[]``, ``scores{}``,
                                                 ``pixels_sha256?`` (hash of the decoded pixels),
                                                 ``input, golden, difference?``
turned_away  note: too many were under way       ``stream``
client_error note: a client failed by itself     ``stream, error``
snapshot     a backup                            *invoke* ``point, strategy`` (copy begins), and
                                                 ``clock?`` (the id by the clock, where that was
                                                 set back); ok ``point, files, bytes``; fail
                                                 ``point, error``
push         workflows and configuration to Git  *invoke* ``point``; ok ``commit``; fail ``error``
offsite      a point is copied off site          *invoke* ``point, strategy``; ok ``point, files,
                                                 bytes``; fail ``point, error``
offsite_read the copies are looked at            *invoke* ``point``; ok ``point, read`` (which part
                                                 of the data); fail ``point, error``
backup_late  note: a backup was due earlier      ``late_s, missed`` (whole intervals without one)
fault        an injection                        *invoke* ``name, target, starts_clock``;
                                                 ok/fail ``name, target``
evidence     note: what a peer saw of the fault  ``name, target, seen, detail``
heal         a cure and its read-back            ok/fail ``name, target, detail, scheduled?``
                                                 (true: it was the fault's schedule that undid it)
sabotage     note: what a red twin broke         ``name``
scenario     note: what is judged against        the whole scenario as data, as in force: ``name,
                                                 pace{}, objectives{}, faults[], recovery`` ...
detect       note: the detector confirms         ``canaries[]``
step         a step of the runbook               *invoke* ``step``; ok/fail ``step, detail, point?``
readiness    note: a readiness probe has looked  ``site, probe, outcome`` (as_primary, mended,
                                                 differs, unknown)``, detail``
notice       a notice to administrators          *invoke* ``receiver, delivery, sequence,
                                                 event, step``; ok/fail/unknown ``attempts,
                                                 error?``
replica      note: what the storage's replica    ``acknowledged, present, missing[],
             holds at the end                    differs[], compared``
readback     an acknowledged item is read again  *invoke* ``item``; ok ``item, outcome, detail``
never_steady note: no fault could be injected    ``detail``
phase        note: the drill enters a phase      ``phase``
============ =================================== ===================================================

``item`` is ``input/NAME``, ``output/SUBFOLDER/NAME`` or ``workflows/NAME``: what is acknowledged
and read back.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TextIO

import msgspec

from colordrill.clock import Clock
from colordrill.errors import RecordProblem

Data = Mapping[str, Any]


class EventType(StrEnum):
    """What a line says of its operation."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history.

    Attributes:
        t_ns: monotonic nanoseconds; orders everything.
        wall: ISO 8601 UTC, for people.
        type: invoke, ok, fail, unknown or note.
        kind: the kind of operation, see the module's table.
        id: names the operation; both its lines carry it.
        data: what the kind's row in the table says.
    """

    t_ns: int
    wall: str
    type: EventType
    kind: str
    id: str
    data: Data = field(default_factory=dict)

    def to_line(self) -> str:
        """The event as one line of JSON, newline included."""
        fields = {
            "t_ns": self.t_ns,
            "wall": self.wall,
            "type": self.type.value,
            "kind": self.kind,
            "id": self.id,
            "data": self.data,
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


class History:
    """Appends events to ``history.jsonl``, flushed line by line, and tells listeners.

    Safe to use from several threads; the order of lines is the order of their ``t_ns``.

    Args:
        path: the file; must not exist yet.
        clock: stamps the events.
        first_number: what ids are counted from: they also name files at the service, which several
            histories of one stack must not share.

    Raises:
        RecordProblem: the file exists already or cannot be created.
    """

    def __init__(self, path: Path, clock: Clock, first_number: int = 1) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Event], None]] = []
        self._numbers = itertools.count(first_number)
        try:
            self._file: TextIO = path.open("x", encoding="utf-8")
        except OSError as error:
            raise RecordProblem(
                f"cannot create the history {path}: {error}", "choose another --out directory"
            ) from error

    def __enter__(self) -> Self:
        """Nothing to prepare: the file is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; later events raise RecordProblem."""
        with self._lock:
            self._file.close()

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call *listener* with every later event, in order, in the writer's thread: be quick."""
        with self._lock:
            self._listeners.append(listener)

    def new_id(self, kind: str) -> str:
        """A fresh id for an operation of *kind*."""
        with self._lock:
            return f"{kind}-{next(self._numbers):06d}"

    def write(self, type_: EventType, kind: str, op_id: str, **data: Any) -> Event:
        """Stamp, append and flush one event.

        Raises:
            RecordProblem: the disk is full, the file is closed, or *data* is not JSON.
        """
        with self._lock:
            event = Event(
                t_ns=self._clock.now_ns(),
                wall=self._clock.wall().isoformat(timespec="milliseconds"),
                type=type_,
                kind=kind,
                id=op_id,
                data=data,
            )
            try:
                self._file.write(event.to_line())
                self._file.flush()
            except (OSError, ValueError, TypeError) as error:
                raise RecordProblem(
                    f"cannot append to the history {self._file.name}: {error}",
                    "free some disk space; what was written so far is kept",
                ) from error
            for listener in self._listeners:
                listener(event)
        return event

    def invoke(self, kind: str, **data: Any) -> Operation:
        """Write the invoke line of a new operation and return the handle that ends it."""
        op_id = self.new_id(kind)
        event = self.write(EventType.INVOKE, kind, op_id, **data)
        return Operation(self, kind, op_id, event.t_ns)

    def note(self, kind: str, **data: Any) -> Event:
        """Write a line that stands alone."""
        return self.write(EventType.NOTE, kind, self.new_id(kind), **data)


@dataclass(frozen=True, slots=True)
class Operation:
    """A started operation: exactly one of ok, fail and unknown ends it."""

    history: History
    kind: str
    id: str
    t_ns: int

    def ok(self, **data: Any) -> Event:
        """It happened."""
        return self.history.write(EventType.OK, self.kind, self.id, **data)

    def fail(self, **data: Any) -> Event:
        """It certainly did not happen."""
        return self.history.write(EventType.FAIL, self.kind, self.id, **data)

    def unknown(self, **data: Any) -> Event:
        """Nobody can tell whether it happened."""
        return self.history.write(EventType.UNKNOWN, self.kind, self.id, **data)


def read_history(path: Path) -> Iterator[Event]:
    """Read a history line by line.

    A last line without its newline (the writer was killed in the middle of it) is passed over;
    anything else malformed is an error, because a verdict from half a history would be a lie.

    Raises:
        RecordProblem: the file is absent, unreadable, or a line is malformed.
    """
    try:
        # read as bytes: a torn line may end in the middle of a character
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                yield _parse(path, number, line)
    except OSError as error:
        raise RecordProblem(
            f"cannot read the history {path}: {error}", "name a run's directory or its history"
        ) from error


def _parse(path: Path, number: int, line: bytes) -> Event:
    try:
        event = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # the fast way is strict: Python's own JSON also reads NaN, which a score may hold
        return _parse_leniently(path, number, line)
    # the decoder takes a line without data for one with none
    return event if event.data else _parse_leniently(path, number, line)


def _parse_leniently(path: Path, number: int, line: bytes) -> Event:
    try:
        fields = json.loads(line)
        data = fields["data"]
        t_ns = fields["t_ns"]
        if not isinstance(data, dict) or type(t_ns) is not int:
            raise TypeError("data must be an object and t_ns an integer")
        return Event(
            t_ns=t_ns,
            wall=str(fields["wall"]),
            type=EventType(fields["type"]),
            kind=str(fields["kind"]),
            id=str(fields["id"]),
            data=data,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordProblem(
            f"{path}, line {number} is not an event: {error}",
            "the history was altered or belongs to another version; use an intact copy",
        ) from error


_DECODER = msgspec.json.Decoder(Event)
