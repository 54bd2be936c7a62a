"""Several things at once: all are done, the first failure ends it, a gate keeps the rest out."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS

LIMIT_S = 30.0


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    yield import_module("at_once")
    sys.modules.pop("at_once", None)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_each_is_done_once(module: Any, count: int) -> None:
    done: list[int] = []

    module.at_once(done.append, range(count))

    assert sorted(done) == list(range(count))


def test_several_are_under_way_at_once(module: Any) -> None:
    together = threading.Barrier(module.THREADS, timeout=LIMIT_S)

    module.at_once(lambda _: together.wait(), range(module.THREADS))


def test_a_failure_is_raised_while_others_still_wait(module: Any) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def act(item: str) -> None:
        if item == "slow":
            waiting.set()
            assert go_on.wait(LIMIT_S)
        else:
            assert waiting.wait(LIMIT_S)
            raise ValueError(item)

    try:
        with pytest.raises(ValueError, match="bad"):
            module.at_once(act, ["slow", "bad"])
        assert not go_on.is_set()
    finally:
        go_on.set()


def test_after_a_failure_nothing_more_is_begun(module: Any) -> None:
    begun: list[int] = []

    def act(item: int) -> None:
        begun.append(item)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        module.at_once(act, range(1000))

    assert len(begun) <= module.THREADS


def test_what_ends_a_program_ends_the_wait(module: Any) -> None:
    def act(item: int) -> None:
        raise KeyboardInterrupt(item)

    with pytest.raises(KeyboardInterrupt):
        module.at_once(act, [1])


def test_a_shut_gate_lets_nobody_begin(module: Any) -> None:
    gate = module.Gate()
    with gate.passed():
        pass
    gate.shut()

    with pytest.raises(module.ShutError), gate.passed():
        pytest.fail("somebody passed")


def test_a_gate_is_shut_once_who_passes_is_through(module: Any) -> None:
    gate, passing, go_on = module.Gate(), threading.Event(), threading.Event()
    through: list[str] = []

    def pass_slowly() -> None:
        with gate.passed():
            passing.set()
            assert go_on.wait(LIMIT_S)
            through.append("began")

    def shut() -> None:
        gate.shut()
        through.append("shut")

    threads = [threading.Thread(target=pass_slowly), threading.Thread(target=shut)]
    threads[0].start()
    assert passing.wait(LIMIT_S)
    threads[1].start()
    go_on.set()
    for each in threads:
        each.join(LIMIT_S)

    assert through == ["began", "shut"]
