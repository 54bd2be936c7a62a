"""The backup schedule: a snapshot at every interval, each written down from copy to publication."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Self

from colordrill.backup.points import point_id
from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.history import History, Operation
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target

STRATEGY = "rsync"


@dataclass(slots=True)
class BackupSchedule:
    """Takes hard-link snapshots of the primary on the backup server, one after another.

    A snapshot that is still running when the next is due delays it; the delay is written down
    (``backup_late``). Nothing is skipped silently.

    Attributes:
        target: the stack.
        history: gets a ``snapshot`` operation for each.
        clock: says when.
        interval_s: from one beginning to the next.
        command_limit_s: limit for each command of a snapshot.
    """

    target: Target
    history: History
    clock: Clock
    interval_s: float
    command_limit_s: float = 60.0
    _previous: str | None = field(init=False, default=None)
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

    def _run(self) -> None:
        due_ns = self.clock.now_ns()
        while not self._stop.is_set():
            self.take()
            due_ns += int(self.interval_s * NS_PER_S)
            now_ns = self.clock.now_ns()
            if now_ns > due_ns:
                self.history.note("backup_late", late_s=seconds_between(due_ns, now_ns))
                due_ns = now_ns
            if self.clock.wait(self._stop, seconds_between(now_ns, due_ns)):
                return

    def take(self) -> str | None:
        """Take one snapshot now.

        Returns:
            The published point's id; None when it could not be published (the history says why).
        """
        point = point_id(self.clock.wall())
        operation = self.history.invoke("snapshot", point=point, strategy=STRATEGY)
        try:
            summary = self._copy_and_publish(point)
        except EnvironmentProblem as error:
            operation.fail(point=point, error=str(error))
            # a link to an earlier point may be what was wrong: the next one is copied whole
            self._previous = None
            return None
        operation.ok(point=point, **summary)
        self._previous = point
        self._push_configuration(point)
        return point

    def _copy_and_publish(self, point: str) -> dict[str, int]:
        copy = ["colordrill-snapshot", point]
        if self._previous is not None:
            copy += ["--previous", self._previous]
        printed = self._checked(Part.PRIMARY_AGENT, copy).stdout
        try:
            copied = json.loads(printed)
            summary = {"files": int(copied["files"]), "bytes": int(copied["bytes"])}
        except (ValueError, LookupError, TypeError) as error:
            raise EnvironmentProblem(
                f"{copy[0]} printed {printed[:200]!r}, which is not its summary: {error!r}"
            ) from error
        self._checked(Part.BACKUP, ["colordrill-publish", point])
        return summary

    def _push_configuration(self, point: str) -> None:
        operation: Operation = self.history.invoke("push", point=point)
        command = ["colordrill-push-configuration", f"workflows and configuration at {point}"]
        try:
            pushed = self._checked(Part.PRIMARY_AGENT, command)
        except EnvironmentProblem as error:
            operation.fail(error=str(error))
            return
        operation.ok(commit=pushed.stdout.strip())

    def _checked(self, part: Part, command: list[str]) -> Executed:
        executed = self.target.execute(part, command, timeout_s=self.command_limit_s)
        if executed.exit_code != 0:
            raise EnvironmentProblem(
                f"{command[0]} in {part} ended with {executed.exit_code}: {executed.stderr.strip()}"
            )
        return executed
