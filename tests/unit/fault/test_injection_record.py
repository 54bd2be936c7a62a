"""The ledger precedes every injection; a record that cannot be written never blocks a cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem, RecordProblem
from colordrill.fault.ledger import Ledger, open_faults
from fakes.clock import ManualClock
from fakes.faults import HORIZON_S, Bench, raising


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(horizon_s=HORIZON_S)


@pytest.fixture
def run_directory(tmp_path: Path, bench: Bench) -> Path:
    """A run's private directory, in which the bench keeps its ledger."""
    directory = tmp_path / "run"
    directory.mkdir()
    bench.ledger = Ledger(directory)
    return directory


def left(directory: Path) -> list[str]:
    return [each.spec.name for each in open_faults(directory)]


def test_the_ledger_knows_of_a_fault_before_it_is_injected(
    bench: Bench, run_directory: Path
) -> None:
    seen: list[list[str]] = []
    bench.first.acts["inject"] = lambda: seen.append(left(run_directory))

    bench.run()

    assert seen == [["a"]]


def test_the_ledger_closes_a_fault_only_when_its_cure_is_read_back(
    bench: Bench, run_directory: Path
) -> None:
    during: list[list[str]] = []
    bench.second.acts["healed"] = lambda: during.append(left(run_directory))

    bench.run()

    assert during == [["b", "a"]]
    assert left(run_directory) == []


def test_a_fault_undone_by_schedule_is_closed_then_and_open_again_with_the_next_flap(
    bench: Bench, run_directory: Path
) -> None:
    bench.a = {"duration_s": 2.0, "times": 2, "pause_s": 1.0}
    during: list[list[str]] = []
    bench.first.acts["inject"] = lambda: during.append(left(run_directory))

    bench.run(lambda: during.append(left(run_directory)), scheduled=True)

    assert during == [["a"], ["a", "b"], ["b"]]


def test_a_fault_that_could_not_be_healed_stays_in_the_ledger(
    bench: Bench, run_directory: Path
) -> None:
    bench.first.acts["heal"] = raising(EnvironmentProblem("stuck"))

    with pytest.raises(EnvironmentProblem, match="stuck"):
        bench.run()

    assert left(run_directory) == ["a"]


def test_what_a_fault_learns_while_it_is_injected_is_in_the_ledger(
    bench: Bench, run_directory: Path
) -> None:
    bench.first.acts["inject"] = lambda: bench.first.memory.update(networks=["front"])
    memories: list[dict[str, Any]] = []

    bench.run(lambda: memories.extend(each.memory for each in open_faults(run_directory)))

    assert {"networks": ["front"]} in memories


def test_a_half_done_injection_leaves_its_memory_in_the_ledger(
    bench: Bench, run_directory: Path
) -> None:
    def half() -> None:
        bench.first.memory["done"] = "half"
        raise EnvironmentProblem("the engine hiccupped")

    bench.first.acts["inject"] = half
    bench.first.acts["heal"] = raising(EnvironmentProblem("stuck"))

    with pytest.raises(EnvironmentProblem):
        bench.run()

    (fault,) = open_faults(run_directory)
    assert fault.memory == {"done": "half"}


class FullDisk:
    """A ledger whose disk is full from its *nth* line on."""

    def __init__(self, directory: Path, nth: int) -> None:
        self._ledger = Ledger(directory)
        self._left = nth

    def opened(self, spec: Any, fault: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise RecordProblem("No space left on device")
        self._ledger.opened(spec, fault)

    def closed(self, spec: Any) -> None:
        self._ledger.closed(spec)


def test_nothing_is_injected_when_the_ledger_cannot_be_written(
    bench: Bench, run_directory: Path
) -> None:
    full: Any = FullDisk(run_directory, 0)
    bench.ledger = full

    with pytest.raises(RecordProblem, match="No space"):
        bench.run()

    assert bench.log == ["healthy a", "healthy b"]
    assert bench.told("fault") == []


def test_a_disk_that_is_full_after_the_injection_does_not_keep_it_from_being_healed(
    bench: Bench, run_directory: Path
) -> None:
    full: Any = FullDisk(run_directory, 1)
    bench.ledger = full

    with pytest.raises(RecordProblem, match="No space"):
        bench.run()

    assert bench.log == ["healthy a", "healthy b", "inject a", "heal a", "healed a"]


def test_everything_is_healed_when_the_history_cannot_be_written(
    bench: Bench, run_directory: Path
) -> None:
    bench.run(bench.history.close)

    assert bench.log[-4:] == ["heal b", "heal a", "healed b", "healed a"]
    assert left(run_directory) == []


def test_what_is_not_json_is_refused_before_anything_is_broken(
    bench: Bench, run_directory: Path
) -> None:
    bench.first.memory["target"] = object()

    with pytest.raises(RecordProblem, match="fault ledger"):
        bench.run()

    assert "inject a" not in bench.log
    assert left(run_directory) == []
