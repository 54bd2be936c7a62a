"""The backup schedule: a snapshot at every interval, each written down from copy to publication."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from colordrill.backup.point_ids import next_point_id, point_id
from colordrill.backup.points import catalogue
from colordrill.backup.rsync import NAME, CopyRefused, RsyncStrategy, checked
from colordrill.backup.strategy import Strategy, Taken
from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import EnvironmentProblem, RecordProblem
from colordrill.history import History, Operation
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

TURN_EVERY_S = 0.5
"""So often is looked whether somebody else still takes a point."""


@dataclass(slots=True)
class BackupSchedule:
    """Takes recovery points of the primary, one after another.

    They are hard-link snapshots on the backup server unless another strategy is given.

    A snapshot that is still running when the next is due delays it; the delay and how many whole
    intervals went by without a point are written down (``backup_late``). Nothing is skipped
    silently. Ids sort by the order in which points are made, also after the clock was set back;
    then what it said is written down (``clock``).

    Attributes:
        target: the stack.
        history: gets a ``snapshot`` operation for each.
        clock: says when.
        interval_s: from one beginning to the next.
        command_limit_s: limit for each command of a snapshot.
        newest: the newest id that was given before; the next one sorts after it.
        linked_to: the published point whose unchanged files the first snapshot shares.
        published: called with the id of each published point, in the thread that took it; the next
            one waits for its end.
        failed: called with the id of each point that was not published, in that thread.
        unrecorded: called where the history cannot be written, and the schedule goes on; without
            it that ends the schedule.
        shared: a file that whoever takes points of this stack locks meanwhile. Then the points are
            listed again before each, because others may have been taken.
        strategy: takes the points; None: they are taken by rsync.
    """

    target: Target
    history: History
    clock: Clock
    interval_s: float
    command_limit_s: float = 60.0
    newest: str | None = None
    linked_to: str | None = None
    published: Callable[[str], None] | None = None
    failed: Callable[[str], None] | None = None
    unrecorded: Callable[[RecordProblem], None] | None = None
    shared: Path | None = None
    strategy: Strategy | None = None
    _stop: threading.Event = field(init=False, default_factory=threading.Event)
    _thread: threading.Thread | None = field(init=False, default=None)

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Take snapshots from now on; once only."""
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Begin no further snapshot and wait for the one under way (bounded by its commands)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether snapshots are being taken; an unexpected error ends them too."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        due_ns, interval_ns = self.clock.now_ns(), int(self.interval_s * NS_PER_S)
        while not self._stop.is_set():
            with self._recorded_or_told():
                self.take()
            due_ns += interval_ns
            now_ns = self.clock.now_ns()
            if now_ns > due_ns:
                missed = (now_ns - due_ns) // interval_ns
                late_s = seconds_between(due_ns, now_ns)
                with self._recorded_or_told():
                    self.history.note("backup_late", late_s=late_s, missed=missed)
                due_ns = now_ns
            if self.clock.wait(self._stop, seconds_between(now_ns, due_ns)):
                return

    @contextmanager
    def _recorded_or_told(self) -> Iterator[None]:
        try:
            yield
        except RecordProblem as problem:
            if self.unrecorded is None:
                raise
            self.unrecorded(problem)

    def take(self) -> str | None:
        """Take one snapshot now.

        Returns:
            The published point's id; None when it could not be published (the history says why), or
            the schedule was stopped while somebody else took one.

        Raises:
            RecordProblem: the history or the shared file cannot be written.
        """
        with _alone(self.shared, self.clock, self._stop) as alone:
            if not alone:
                return None
            unlisted = self._go_on_after_others()
            point = self._take(unlisted)
        if point is not None and self.published is not None:
            self.published(point)
        if point is None and self.failed is not None and self.newest is not None:
            self.failed(self.newest)
        return point

    def _go_on_after_others(self) -> EnvironmentProblem | None:
        """Look which points there are now; returns why that could not be seen."""
        if self.shared is None:
            return None
        try:
            points = catalogue(self.target)
        except EnvironmentProblem as problem:
            return problem
        known = [each.id for each in points] + [self.newest or ""]
        self.newest = max(known) or None
        if self.linked_to is not None:
            sound = [each.id for each in points if each.condition != "damaged"]
            self.linked_to = sound[-1] if sound else None
        return None

    def _take(self, unlisted: EnvironmentProblem | None) -> str | None:
        wall = self.clock.wall()
        point = self.newest = next_point_id(wall, self.newest)
        told: dict[str, str] = {"clock": point_id(wall)} if point != point_id(wall) else {}
        name = NAME if self.strategy is None else self.strategy.name
        operation = self.history.invoke("snapshot", point=point, strategy=name, **told)
        try:
            if unlisted is not None:
                # an id that is there already, or sorts before one, must not be given
                raise unlisted
            taken = self._taken(point)
        except EnvironmentProblem as error:
            if isinstance(error, CopyRefused):
                # a link to an earlier point may be what was wrong: the next one is copied whole.
                # Whatever else failed, a whole copy would fail too, on a full disk all the more
                self.linked_to = None
            operation.fail(point=point, error=str(error))
            return None
        operation.ok(point=point, files=taken.files, bytes=taken.size_bytes)
        self.linked_to = point
        self._push_configuration(point)
        return point

    def _taken(self, point: str) -> Taken:
        if self.strategy is not None:
            return self.strategy.take(point)
        return RsyncStrategy(self.target, self.command_limit_s).take_linked(point, self.linked_to)

    def _push_configuration(self, point: str) -> None:
        operation: Operation = self.history.invoke("push", point=point)
        command = ["colordrill-push-configuration", f"workflows and configuration at {point}"]
        try:
            pushed = checked(self.target, Part.PRIMARY_AGENT, command, self.command_limit_s)
        except EnvironmentProblem as error:
            operation.fail(error=str(error))
            return
        operation.ok(commit=pushed.stdout.strip())


@contextmanager
def _alone(shared: Path | None, clock: Clock, stop: threading.Event) -> Iterator[bool]:
    """Wait until nobody else takes a point of the same stack, and keep others waiting meanwhile.

    Yields:
        Whether nobody does; False where *stop* was set while somebody did.

    Raises:
        RecordProblem: the file cannot be opened.
    """
    if shared is None:
        yield True
        return
    try:
        lock = shared.open("a")
    except OSError as error:
        raise RecordProblem(
            f"{shared} cannot be opened: {error}", "free some disk space, or see whose it is"
        ) from error
    with lock:
        while not try_lock(lock):
            if clock.wait(stop, TURN_EVERY_S):
                yield False
                return
        yield True


def try_lock(lock: IO[str]) -> bool:
    """Lock the open file for this process, unless somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
