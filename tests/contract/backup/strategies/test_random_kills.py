"""Twenty kills at random moments of a copy: no half point is ever listed, nor restored."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import pytest
from docker.errors import APIError

from colordrill.clock import SystemClock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.backup_lab import Box
from fakes.strategy_lab import Kept

pytestmark = [pytest.mark.docker, pytest.mark.nightly]

KILLS, LANDED_MIN = 20, 15
UNCUT = 3
NEW_BYTES = 16_000_000
HASHES = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} + | sort")
KILL_PROGRAMS = """
import os, pathlib, signal, sys, time
words = [each.encode() for each in sys.argv[2:]]
def running():
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes()
        except OSError:
            continue
        pid = int(each.parent.name)
        if pid not in (1, os.getpid()) and any(word in line for word in words):
            yield pid
until = time.monotonic() + 30
while not list(running()) and time.monotonic() < until:
    time.sleep(0.002)
time.sleep(float(sys.argv[1]))
for pid in running():
    os.kill(pid, signal.SIGKILL)
"""

Victim = Callable[[Kept, float], AbstractContextManager[None]]


def test_no_half_point_is_listed_or_restored_whatever_was_killed_and_when(kept: Kept) -> None:
    seed = secrets.randbits(32)
    rng = random.Random(seed)
    states: dict[str, str] = {}
    usual_s = min(uncut(kept, states, number) for number in range(UNCUT))

    landed = 0
    for number in range(UNCUT, UNCUT + KILLS):
        victim = rng.choice(VICTIMS[kept.strategy.name])
        landed += cut(kept, states, number, victim, rng.uniform(0.0, usual_s))

    listed = ids(kept)
    assert landed >= LANDED_MIN, f"seed {seed}: {landed} of {KILLS} came before publication"
    assert len(listed) == len(states) - landed, f"seed {seed}"
    for point in listed:
        kept.lab.dr.clear()
        kept.strategy.restore(Part.DR_AGENT, point)
        assert kept.lab.dr.checked(*HASHES) == states[point], f"seed {seed}: {point}"


def uncut(kept: Kept, states: dict[str, str], number: int) -> float:
    """How long a copy takes that nobody cuts."""
    clock, point = SystemClock(), changed_site(kept, states, number)
    began_ns = clock.now_ns()
    kept.strategy.take(point)
    return seconds_between(began_ns, clock.now_ns())


def cut(kept: Kept, states: dict[str, str], number: int, victim: Victim, moment_s: float) -> bool:
    """Whether the kill came after the copy's start and before its publication."""
    before, point = ids(kept), changed_site(kept, states, number)
    failed = False
    with victim(kept, moment_s):
        try:
            kept.strategy.take(point)
        except EnvironmentProblem:
            failed = True
    listed = ids(kept)
    assert listed in (before, [*before, point])
    assert failed or point in listed
    return point not in listed


def changed_site(kept: Kept, states: dict[str, str], number: int) -> str:
    """Give the primary another large file, and what is copied off site its point."""
    point = f"20261122T2015{number:02d}.123Z"
    # of another size: its time is always the same here, and rsync goes by both
    kept.lab.primary.put({"output/large.png": secrets.token_bytes(NEW_BYTES + number)})
    states[point] = kept.lab.primary.checked(*HASHES)
    if kept.offsite:
        kept.near.take(point)
    return point


def ids(kept: Kept) -> list[str]:
    return [point.id for point in kept.strategy.listed()]


@contextmanager
def _programs_killed(box: Box, moment_s: float, *words: str) -> Iterator[None]:
    """So long after the first of these programs was seen to run, all of them are killed."""
    with box.starting("python3", "-c", KILL_PROGRAMS, str(moment_s), *words) as killing:
        yield
    assert killing.ended().exit_code == 0


@contextmanager
def _container_killed(kept: Kept, box: Box, moment_s: float) -> Iterator[None]:
    def kill() -> None:
        with suppress(APIError):
            box.container.kill()

    timer = threading.Timer(moment_s, kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        box.container.start()
        kept.lab.await_up()


def snapshot(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _programs_killed(kept.lab.primary, moment_s, "colordrill-snapshot", "rsync")


def publication(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    # it is a small part of the copy, and begins when it is seen to run
    return _programs_killed(kept.lab.server, moment_s / 10, "colordrill-publish")


def server(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _container_killed(kept, kept.lab.server, moment_s)


def copy(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _programs_killed(kept.lab.server, moment_s, "colordrill-offsite", "restic")


@contextmanager
def storage(kept: Kept, moment_s: float) -> Iterator[None]:
    # alone it would be waited for: restic tries a quarter of an hour to reach it again
    with copy(kept, moment_s), _container_killed(kept, kept.lab.storage, moment_s):
        yield


def taking(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _programs_killed(kept.lab.primary, moment_s, "colordrill-s3")


def source(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _container_killed(kept, kept.lab.source, moment_s)


def replica(kept: Kept, moment_s: float) -> AbstractContextManager[None]:
    return _container_killed(kept, kept.lab.storage, moment_s)


VICTIMS: dict[str, tuple[Victim, ...]] = {
    "rsync": (snapshot, publication, server),
    "restic": (copy, storage, server),
    "s3": (taking, source, replica),
}
