"""The backup schedule: a snapshot at every interval, each written down from copy to publication."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from colordrill.backup.point_ids import next_point_id, point_id
from colordrill.backup.rsync import NAME, RsyncStrategy, checked
from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.history import History, Operation
from colordrill.stack.parts import Part
from colordrill.stack.target import Target


@dataclass(slots=True)
class BackupSchedule:
    """Takes hard-link snapshots of the primary on the backup server, one after another.

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
    """

    target: Target
    history: History
    clock: Clock
    interval_s: float
    command_limit_s: float = 60.0
    newest: str | None = None
    linked_to: str | None = None
    published: Callable[[str], None] | None = None
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
            self.take()
            due_ns += interval_ns
            now_ns = self.clock.now_ns()
            if now_ns > due_ns:
                missed = (now_ns - due_ns) // interval_ns
                late_s = seconds_between(due_ns, now_ns)
                self.history.note("backup_late", late_s=late_s, missed=missed)
                due_ns = now_ns
            if self.clock.wait(self._stop, seconds_between(now_ns, due_ns)):
                return

    def take(self) -> str | None:
        """Take one snapshot now.

        Returns:
            The published point's id; None when it could not be published (the history says why).
        """
        wall = self.clock.wall()
        point = self.newest = next_point_id(wall, self.newest)
        told: dict[str, str] = {"clock": point_id(wall)} if point != point_id(wall) else {}
        operation = self.history.invoke("snapshot", point=point, strategy=NAME, **told)
        try:
            taken = RsyncStrategy(self.target, self.command_limit_s).take_linked(
                point, self.linked_to
            )
        except EnvironmentProblem as error:
            operation.fail(point=point, error=str(error))
            # a link to an earlier point may be what was wrong: the next one is copied whole
            self.linked_to = None
            return None
        operation.ok(point=point, files=taken.files, bytes=taken.size_bytes)
        self.linked_to = point
        self._push_configuration(point)
        if self.published is not None:
            self.published(point)
        return point

    def _push_configuration(self, point: str) -> None:
        operation: Operation = self.history.invoke("push", point=point)
        command = ["colordrill-push-configuration", f"workflows and configuration at {point}"]
        try:
            pushed = checked(self.target, Part.PRIMARY_AGENT, command, self.command_limit_s)
        except EnvironmentProblem as error:
            operation.fail(error=str(error))
            return
        operation.ok(commit=pushed.stdout.strip())
