from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.fault.ledger import LEDGER, Ledger, open_faults
from colordrill.scenario.fault_spec import FaultSpec
from fakes.faults import ScriptedFault

FIRST = FaultSpec("network_down", "gateway-primary", {"direction": "to"}, duration_s=2.0, times=3)
SECOND = FaultSpec("host_power_loss", "primary")


def fault(**memory: Any) -> ScriptedFault:
    return ScriptedFault("x", [], memory=memory)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def specs(directory: Path) -> list[FaultSpec]:
    return [each.spec for each in open_faults(directory)]


def test_without_a_ledger_nothing_is_open(tmp_path: Path) -> None:
    assert open_faults(tmp_path) == ()


def test_open_faults_come_newest_first_with_their_specs_and_memories(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.opened(FIRST, fault(proxy="down"))
    ledger.opened(SECOND, fault())

    newest, oldest = open_faults(tmp_path)

    assert (newest.spec, newest.memory) == (SECOND, {})
    assert (oldest.spec, oldest.memory) == (FIRST, {"proxy": "down"})


def test_the_last_memory_counts_and_makes_the_fault_the_newest(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.opened(FIRST, fault(step=1))
    ledger.opened(SECOND, fault())
    ledger.opened(FIRST, fault(step=2))

    assert [(each.spec, each.memory) for each in open_faults(tmp_path)] == [
        (FIRST, {"step": 2}),
        (SECOND, {}),
    ]


def test_a_closed_fault_is_not_open_until_it_is_opened_again(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.opened(FIRST, fault())
    ledger.opened(SECOND, fault())
    ledger.closed(FIRST)
    assert specs(tmp_path) == [SECOND]

    ledger.opened(FIRST, fault())
    assert specs(tmp_path) == [FIRST, SECOND]


def test_the_same_fault_on_two_targets_is_two_faults(tmp_path: Path, ledger: Ledger) -> None:
    other = FaultSpec("network_down", "primary-backup")
    ledger.opened(FIRST, fault())
    ledger.opened(other, fault())

    ledger.closed(other)

    assert specs(tmp_path) == [FIRST]


def test_a_torn_last_line_is_passed_over(tmp_path: Path, ledger: Ledger) -> None:
    ledger.opened(FIRST, fault())
    ledger.opened(SECOND, fault())
    path = tmp_path / LEDGER
    path.write_bytes(path.read_bytes()[:-20])

    assert specs(tmp_path) == [FIRST]


def test_what_is_written_after_a_torn_line_is_whole(tmp_path: Path, ledger: Ledger) -> None:
    ledger.opened(FIRST, fault())
    ledger.opened(SECOND, fault())
    path = tmp_path / LEDGER
    path.write_bytes(path.read_bytes()[:-20])

    ledger.closed(FIRST)

    assert specs(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "\x00",
        "null",
        "[]",
        "{}",
        '{"open": true}',
        '{"open": true, "spec": {}}',
        '{"open": true, "spec": {"name": "a", "target": "b"}}',
        '{"open": true, "spec": {"name": "a", "target": "b"}, "memory": 7}',
        '{"open": true, "spec": {"name": "a", "target": "b", "strength": 1}, "memory": {}}',
        '{"open": true, "spec": {"name": "a", "target": "b", "at_s": -1}, "memory": {}}',
        '{"open": true, "spec": {"name": ["a"], "target": "b"}, "memory": {}}',
    ],
)
def test_a_foreign_line_is_refused_with_a_next_step(
    tmp_path: Path, ledger: Ledger, line: str
) -> None:
    ledger.opened(FIRST, fault())
    with (tmp_path / LEDGER).open("a", encoding="utf-8") as file:
        file.write(line + "\n")

    with pytest.raises(RecordProblem, match="not its own") as caught:
        open_faults(tmp_path)

    assert "colordrill down" in caught.value.next_step


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / LEDGER).mkdir()

    with pytest.raises(RecordProblem, match="cannot be read"):
        open_faults(tmp_path)


def test_a_ledger_that_cannot_be_written_refuses_to_open_and_lets_close(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "absent")

    with pytest.raises(RecordProblem, match="nothing is injected"):
        ledger.opened(FIRST, fault())
    ledger.closed(FIRST)


def test_every_line_is_on_the_disk_before_the_call_returns(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(_descriptor: int) -> None:
        synced.append((tmp_path / LEDGER).read_text(encoding="utf-8"))

    monkeypatch.setattr("os.fsync", fsync)

    ledger.opened(FIRST, fault())

    assert json.loads(synced[-1])["spec"]["name"] == "network_down"


def test_a_disk_that_is_full_is_no_ledger(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(RecordProblem, match="No space left"):
        ledger.opened(FIRST, fault())
    ledger.closed(FIRST)
