"""Runs on one host: their identity, their locks, and the sweep of what a killed one left behind.

A run holds a lock on its own file for as long as its process lives. A labelled container whose
run's lock can be taken belongs to nobody any more: it is removed at the next start. The timed phase
of a drill is held under one lock for the whole host, so that two drills take turns.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem

RUN_LABEL = "colordrill.run"
OWNER_LOCK = "owner.lock"
KEPT = "kept"
"""Name of the file that marks a run whose stack was left standing on purpose."""

ROOMY_CORES = 8
"""From so many cores on timed phases may overlap."""


def state_directory() -> Path:
    """Where locks and per-run secrets live: XDG_STATE_HOME/colordrill, made if absent."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    directory = Path(base, "colordrill")
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
        return f"colordrill-{self.id}"


@contextmanager
def owned_run(*, keep: bool = False) -> Iterator[Run]:
    """Draw a run id and hold its lock; the private directory goes when the run ends.

    With *keep* it stays, marked, so that no sweep removes the stack before `sweep` is asked to.
    """
    run_id = secrets.token_hex(4)
    directory = state_directory() / "runs" / run_id
    with _registry():
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
                with _registry():
                    _remove_directory(directory)


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


def sweep(say: Callable[[str], None], *, kept_too: bool = False) -> int:
    """Remove what this user's dead runs left: containers, networks, volumes, private directories.

    Never touches a run whose process lives, nor another user's, and a kept one only with
    *kept_too*. Returns the number of runs removed.

    Raises:
        EnvironmentProblem: the engine does not answer, or something could not be removed.
    """
    runs = state_directory() / "runs"
    swept = 0
    try:
        client = docker.from_env(timeout=60)
        try:
            with _registry():
                for directory in sorted(runs.iterdir()) if runs.is_dir() else ():
                    if ((directory / KEPT).exists() and not kept_too) or _lives(directory):
                        continue
                    say(f"removing what the ended run {directory.name} left behind")
                    remove_run(client, directory.name)
                    _remove_directory(directory)
                    swept += 1
        finally:
            client.close()
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentProblem(
            f"cannot remove what an earlier run left behind: {error}",
            "see `colordrill doctor`; is the Docker engine running?",
        ) from error
    return swept


def remove_run(client: Any, run_id: str) -> None:
    """Remove every container, network and volume that carries the label of *run_id*."""
    label = {"label": f"{RUN_LABEL}={run_id}"}
    for container in client.containers.list(all=True, filters=label, ignore_removed=True):
        _remove(partial(container.remove, force=True, v=True))
    for network in client.networks.list(filters=label):
        _remove(network.remove)
    for volume in client.volumes.list(filters=label):
        _remove(partial(volume.remove, force=True))


def _remove(remove: Callable[[], None]) -> None:
    try:
        remove()
    except NotFound:
        return
    except APIError as error:
        # 409: somebody else is removing it at this moment
        if error.status_code != requests.codes.conflict:
            raise


@contextmanager
def _registry() -> Iterator[None]:
    """One process at a time registers a run or judges which ones are dead."""
    with (state_directory() / "registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lives(directory: Path) -> bool:
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


def _remove_directory(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    if directory.is_dir():
        directory.rmdir()
