"""The journal of recoveries on one stack: what was begun and what was ended, on disk.

A recovery that is killed leaves the world half-way. The next start looks at the world first; what
the world does not say is here: which point is at the DR site, and whether users may be there. Each
line is appended and flushed to the disk before what it announces is done. An incident is everything
from the first start until the service is back, however many starts that takes.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from colordrill.backup.point_ids import begun_at
from colordrill.clock import Clock
from colordrill.errors import EnvironmentProblem, RecordProblem
from colordrill.recover.failback_past import WayBack, failback_told, to_dr_again

JOURNAL = "recover.jsonl"
_NO_LINE_OF_OURS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    EnvironmentProblem,
)
"""What a line raises that no journal has written."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What the journal says of one incident.

    Attributes:
        number: counts from 1.
        begun_at: wall time of its first start, ISO 8601 UTC.
        forced: it was begun although the primary was healthy.
        restored: points whose restore was begun and not refused, in order; the last one is what the
            DR site holds.
        kept_by: who was asked for the last of them; empty where nobody was.
        ended: steps that ended well, in order.
        broken_off: the step that began last, where it did not end.
        switching: the switch was begun: users may have written to the DR site since.
        closed: the recovery went to its end, or was given up for a newer incident.
        failback: the way back to the primary; None where none was begun.
    """

    number: int
    begun_at: str
    forced: bool = False
    restored: tuple[str, ...] = ()
    kept_by: str = ""
    ended: tuple[str, ...] = ()
    broken_off: str | None = None
    switching: bool = False
    closed: bool = False
    failback: WayBack | None = None

    @property
    def held_at_dr(self) -> tuple[str, ...]:
        """The points of which the DR site may hold files."""
        back = self.failback
        if back is None or back.switched_at is None or back.synced is None:
            return self.restored
        return (*self.restored, back.synced, *back.merged)


@dataclass(frozen=True, slots=True)
class Past:
    """Everything that a journal holds.

    Attributes:
        incidents: in order.
        starts: how often a recovery was started on this stack.
    """

    incidents: tuple[Incident, ...] = ()
    starts: int = 0

    @property
    def last(self) -> Incident | None:
        """The newest incident."""
        return self.incidents[-1] if self.incidents else None

    @property
    def restored(self) -> tuple[str, ...]:
        """Every point that was put into the DR site since it was last emptied, the last one last.

        Each is there once, where it came the last time.
        """
        points: list[str] = []
        for each in self.incidents:
            points += each.held_at_dr
            if each.failback is not None and each.failback.done:
                points.clear()
        return tuple(dict.fromkeys(reversed(points)))[::-1]


class Journal:
    """Appends to the journal of a stack.

    Args:
        directory: the run's private directory.
        clock: dates the lines.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._path = directory / JOURNAL
        self._clock = clock

    def begin(self, number: int, *, forced: bool) -> None:
        """Incident *number* begins; what was open before is given up."""
        self._append({"event": "begin", "incident": number, "forced": forced})

    def start(self, record: Path) -> None:
        """A process starts to work on the incident; what it records goes to *record*."""
        self._append({"event": "start", "record": str(record)})

    def step(self, name: str) -> None:
        """The step *name* begins."""
        self._append({"event": "step", "step": name})

    def restore(self, point: str, kept_by: str) -> None:
        """The restore of *point* into the DR site begins; *kept_by* is who has it."""
        self._append({"event": "restore", "point": point, "kept_by": kept_by})

    def refused(self, point: str) -> None:
        """The restore of *point* was refused: the site is not the point's, now or ever."""
        self._append({"event": "refused", "point": point})

    def ended(self, name: str, detail: str) -> None:
        """The step *name* has ended well; a full disk does not undo that."""
        with suppress(RecordProblem):
            self._append({"event": "ended", "step": name, "detail": detail})

    def close(self) -> None:
        """The incident is over."""
        self._append({"event": "close"})

    def failback(self, phase: str, point: str | None = None) -> None:
        """The way back to the primary comes to *phase*.

        Args:
            phase: ``begin``; ``merge`` of *point* into the primary; ``switch`` to the primary;
                ``back``, users are sent to the DR site again; ``empty`` the DR site; ``done``.
            point: of a merge.
        """
        merged = {} if point is None else {"point": point}
        self._append({"event": "failback", "phase": phase, **merged})

    def _append(self, entry: dict[str, Any]) -> None:
        wall = self._clock.wall().isoformat(timespec="milliseconds")
        line = json.dumps({"wall": wall, **entry}).encode() + b"\n"
        try:
            with self._path.open("ab+") as file:
                file.seek(0)
                # what a killed process or a full disk left of a line would spoil the one after it
                file.truncate(file.read().rfind(b"\n") + 1)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RecordProblem(
                f"the journal {self._path} cannot be written: {error}",
                "nothing is done that a later start could not know of; free some disk space",
            ) from error


def read_past(directory: Path) -> Past:
    """What the journal in *directory* says; a torn last line is passed over.

    Raises:
        RecordProblem: it cannot be read, or holds a line that is not a journal's.
    """
    path = directory / JOURNAL
    past = Past()
    for line in _whole_lines(path):
        try:
            past = _told(past, json.loads(line))
        except _NO_LINE_OF_OURS as error:
            raise RecordProblem(
                f"the journal {path} holds a line that is not its own: {line[:100]!r}",
                "move the file away to begin anew: a DR site that holds data is then refused",
            ) from error
    return past


def _told(past: Past, entry: dict[str, Any]) -> Past:
    event, wall = entry["event"], _wall(entry)
    if event == "begin":
        begun = Incident(int(entry["incident"]), wall, entry["forced"] is True)
        return replace(past, incidents=(*past.incidents, begun))
    last = past.incidents[-1]
    match event:
        case "start":
            return replace(past, starts=past.starts + 1)
        case "step":
            switches = entry["step"] == "switch"
            last = replace(
                last,
                broken_off=str(entry["step"]),
                switching=last.switching or switches,
                failback=to_dr_again(last.failback) if switches else last.failback,
            )
        case "restore":
            restored = (*last.restored, _point(entry))
            last = replace(last, restored=restored, kept_by=str(entry.get("kept_by", "")))
        case "refused":
            if last.restored[-1] != _point(entry):
                raise ValueError(entry["point"])
            # an earlier restore of the same point stays what it was
            last = replace(last, restored=last.restored[:-1])
        case "ended":
            last = replace(last, broken_off=None, ended=(*last.ended, str(entry["step"])))
        case "close":
            last = replace(last, closed=True)
        case "failback":
            last = replace(last, failback=failback_told(last.failback, entry, wall))
        case _:
            raise ValueError(event)
    return replace(past, incidents=(*past.incidents[:-1], last))


def _wall(entry: dict[str, Any]) -> str:
    wall = str(entry["wall"])
    if datetime.fromisoformat(wall).tzinfo is None:
        raise ValueError(wall)
    return wall


def _point(entry: dict[str, Any]) -> str:
    point = str(entry["point"])
    # its age is told, and compared with other points' by when they were begun
    begun_at(point)
    return point


def _whole_lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordProblem(f"the journal {path} cannot be read: {error}") from error
