"""Runs on one host: their identity and their locks.

A run holds a lock on its own file for as long as its process lives: that is how `sweep` knows the
dead ones. The timed phase of a drill is held under one lock for the whole host, so that two drills
take turns.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem

RUN_LABEL = "colordrill.run"
OWNER_LABEL = "colordrill.owner"
"""Whose run it is: another state directory's, on the same engine, is never judged here."""

OWNER = "owner"
"""Name of the file that holds the owner's name."""

OWNER_NAME = re.compile("[0-9a-f]{12}")

OWNER_LOCK = "owner.lock"
KEPT = "kept"
"""Name of the file that marks a run whose stack was left standing on purpose."""

ROOMY_CORES = 8
"""From so many cores on timed phases may overlap."""


def state_directory() -> Path:
    """Where locks and per-run secrets live: XDG_STATE_HOME/colordrill, made if absent.

    Raises:
        EnvironmentProblem: it cannot be made, or is another one in each working directory.
    """
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    directory = Path(base, "colordrill")
    if not directory.is_absolute():
        raise EnvironmentProblem(
            f"the state directory {directory} depends on where this was started",
            "set XDG_STATE_HOME to an absolute path, or leave it unset",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot create the state directory {directory}: {error}",
            "set XDG_STATE_HOME to a directory that you can write",
        ) from error
    return directory


@dataclass(frozen=True, slots=True)
class Run:
    """A live run: its id, its private directory (mode 0700), and the lock that shows it lives."""

    id: str
    directory: Path
    lock: TextIO

    @property
    def project(self) -> str:
        """The compose project's name."""
        return project_of(self.id)


def project_of(run_id: str) -> str:
    """The compose project's name of the run *run_id*."""
    return f"colordrill-{run_id}"


def owner() -> str:
    """Names this state directory, on every part of a stack; drawn when it is first asked for.

    Its path would not do: two containers with one engine may each have a directory of that path,
    and would take each other's living runs, whose locks they do not see, for dead ones.

    Raises:
        EnvironmentProblem: the name cannot be kept, or what is kept is none.
    """
    kept = state_directory() / OWNER
    try:
        if not kept.exists():
            drawn = secrets.token_hex(6)
            draft = kept.with_name(f".{OWNER}.{drawn}")
            draft.write_text(drawn)
            # who comes second takes the first one's
            with suppress(FileExistsError):
                os.link(draft, kept)
            draft.unlink()
        name = kept.read_text()
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(f"{kept} cannot be kept or read: {error}") from error
    if not OWNER_NAME.fullmatch(name):
        raise EnvironmentProblem(
            f"{kept} holds {name[:40]!r}, which names no owner of stacks",
            f"remove it, and by hand what the engine still has with the label {OWNER_LABEL}",
        )
    return name


@contextmanager
def owned_run(*, keep: bool = False) -> Iterator[Run]:
    """Draw a run id and hold its lock; the private directory goes when the run ends.

    With *keep* it stays, marked, so that no sweep removes the stack before `sweep` is asked to.
    """
    run_id = secrets.token_hex(4)
    directory = state_directory() / "runs" / run_id
    with registry():
        directory.mkdir(parents=True, mode=0o700)
        if keep:
            (directory / KEPT).touch()
        lock = (directory / OWNER_LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    with lock:
        try:
            yield Run(run_id, directory, lock)
        finally:
            if not keep:
                # not while a sweep looks: it would take a half-removed run for a dead one
                with registry():
                    remove_directory(directory)


@contextmanager
def timed_phase(
    clock: Clock, say: Callable[[str], None], limit_s: float = 1800.0
) -> Iterator[None]:
    """Hold the host's one place for a timed phase; says when it has to wait for another drill.

    Raises:
        WaitExpired: another drill held it for longer than *limit_s*.
    """
    if (os.cpu_count() or 1) >= ROOMY_CORES:
        yield
        return
    with (state_directory() / "timed.lock").open("w") as lock:
        if _try_lock(lock) is None:
            say("another drill is in its timed phase; on this small host they take turns, waiting")
            poll(
                clock,
                lambda: _try_lock(lock),
                awaited="the timed phase of another drill to end",
                timeout_s=limit_s,
                every_s=0.25,
            )
            say("the other drill's timed phase is over")
        yield


@contextmanager
def registry() -> Iterator[None]:
    """One process at a time registers a run, or judges which ones are dead."""
    with (state_directory() / "registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def lives(directory: Path) -> bool:
    """Whether a process holds the lock of the run of *directory*."""
    try:
        lock = (directory / OWNER_LOCK).open("r+")
    except FileNotFoundError:
        return False
    with lock:
        return _try_lock(lock) is None


def _try_lock(lock: TextIO) -> bool | None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True


def remove_directory(directory: Path) -> None:
    """Remove a run's private directory, if it is there."""
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    if directory.is_dir():
        directory.rmdir()
