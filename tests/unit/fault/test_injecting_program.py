"""What injects by itself is ended by the cure, and by nothing else's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault.injecting_program import draw_mark, end_marked, marked
from colordrill.fault.process_saving import KilledWhileSaving
from colordrill.fault.service_state_cache import ResultCacheStale
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.machine import Machine
from fakes.target import FakeTarget

Begin = Callable[[dict[str, Any]], subprocess.Popen[bytes]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins a program of a fault's memory that waits for its moment."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(memory: dict[str, Any]) -> subprocess.Popen[bytes]:
        waits = "import time; print('waits', flush=True); time.sleep(60)"
        command = marked(memory, [sys.executable, "-c", waits])
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        assert begun[-1].stdout is not None
        assert begun[-1].stdout.readline() == b"waits\n"
        return begun[-1]

    yield start
    for each in begun:
        with each:
            each.kill()


def test_it_is_gone_when_it_was_ended_and_another_fault_s_goes_on(
    target: FakeTarget, begin: Begin
) -> None:
    mine: dict[str, Any] = {}
    others: dict[str, Any] = {}
    draw_mark(mine)
    draw_mark(others)
    ended, left = begin(mine), begin(others)

    for _ in range(2):
        end_marked(mine, partial(target.execute, Part.PRIMARY_AGENT))

    assert ended.wait(1) == -9
    assert left.poll() is None


def test_what_was_never_begun_is_not_looked_for() -> None:
    def refuse(_: Sequence[str]) -> Executed:
        raise AssertionError

    end_marked({}, refuse)


def test_what_lives_on_is_an_error() -> None:
    memory: dict[str, Any] = {}
    draw_mark(memory)

    with pytest.raises(EnvironmentProblem, match=r"could not be ended: \[7\] live on"):
        end_marked(memory, lambda _: Executed(1, "", "[7] live on\n"))


@pytest.mark.parametrize("kind", [KilledWhileSaving, ResultCacheStale])
def test_the_cure_of_a_killed_run_ends_what_still_waits_to_strike(
    machine: Machine, begin: Begin, kind: type[KilledWhileSaving | ResultCacheStale]
) -> None:
    fault = kind()
    fault.healthy(machine.target)
    begun = begin(fault.memory)
    later = kind()
    later.memory = dict(fault.memory)

    later.heal(machine.target)

    assert begun.wait(1) == -9
