"""A service that dies while it saves a picture, against a stack in memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault import process_saving
from colordrill.fault.process_saving import KilledWhileSaving
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.machine import Machine


def saving(machine: Machine, content: bytes, exit_code: int = 0) -> KilledWhileSaving:
    """A fault whose watcher has found *content* written when it killed the service."""
    fault = KilledWhileSaving()
    assert fault.healthy(machine.target).seen

    def watched() -> Executed:
        (machine.target.folder / "output" / "half.png").write_bytes(content)
        machine.target.crash(Part.PRIMARY_COLORIZATION)
        machine.target.parts[Part.PRIMARY_COLORIZATION].end(137)
        found = {"file": "half.png", "bytes": len(content), "whole": exit_code == 3}
        return Executed(exit_code, f"watching\n{json.dumps(found)}\n", "")

    machine.watched = watched
    return fault


def test_half_a_picture_is_seen_by_the_agent_and_goes_with_the_cure(machine: Machine) -> None:
    fault, target = saving(machine, b"\x89PNG half of it"), machine.target
    assert not fault.evidence(target).seen

    fault.inject(target)
    assert fault.evidence(target).seen
    fault.heal(target)
    fault.heal(target)

    assert fault.healed(target).seen
    assert not (target.folder / "output" / "half.png").exists()


def test_a_picture_that_was_whole_is_no_evidence_and_is_never_removed(machine: Machine) -> None:
    fault = saving(machine, b"\x89PNG" + process_saving.PNG_END, exit_code=3)

    with pytest.raises(EnvironmentProblem, match="was whole before the service died"):
        fault.inject(machine.target)
    assert not fault.evidence(machine.target).seen
    fault.heal(machine.target)

    assert (machine.target.folder / "output" / "half.png").exists()
    assert fault.healed(machine.target).seen


def test_without_a_picture_being_saved_nothing_can_be_cut_off(machine: Machine) -> None:
    fault = KilledWhileSaving(wait_s=0.5)
    fault.healthy(machine.target)

    with pytest.raises(EnvironmentProblem, match=r"no picture was cut off within 0\.5 s"):
        fault.inject(machine.target)


@pytest.fixture
def service() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for the service: something that can be held and killed."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def watch(folder: Path, process: int, monkeypatch: pytest.MonkeyPatch, acts: Any) -> list[Any]:
    """Run the watcher here; *acts* follow the signals that it sends. Returns these."""
    sent: list[Any] = []
    kill = os.kill

    def followed(whom: int, number: int) -> None:
        kill(whom, number)
        sent.append(signal.Signals(number).name)
        acts.get(len(sent), lambda: None)()

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "kill", followed)
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    monkeypatch.setattr(sys, "argv", ["watch", str(folder), str(process), "5"])
    with pytest.raises(SystemExit) as ended:
        exec(process_saving.WATCH, {})  # noqa: S102 (as the host's helper runs it)
    return [*sent, ended.value.code]


def test_a_picture_that_the_service_still_finishes_is_let_go_and_the_next_one_is_cut_off(
    service: subprocess.Popen[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    walk = os.walk

    def begun(folder: str) -> Any:
        # the first look is at what was there before
        found = list(walk(folder))
        if not first.exists():
            first.write_bytes(b"\x89PNG half of it")
        return found

    monkeypatch.setattr(os, "walk", begun)
    acts = {
        1: lambda: first.write_bytes(b"\x89PNG" + process_saving.PNG_END),
        2: lambda: second.write_bytes(b"\x89PNG half"),
    }

    sent = watch(tmp_path, service.pid, monkeypatch, acts)

    assert sent == ["SIGSTOP", "SIGCONT", "SIGSTOP", "SIGKILL", "SIGCONT", 0]
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "file": "second.png",
        "bytes": 9,
        "whole": False,
    }
    assert service.wait(5.0) == -signal.SIGKILL


def test_a_service_that_a_dead_watcher_still_holds_goes_on_with_the_cure(machine: Machine) -> None:
    fault = KilledWhileSaving()
    fault.healthy(machine.target)
    machine.target.signal(Part.PRIMARY_COLORIZATION, "SIGSTOP")
    assert not fault.healed(machine.target).seen

    fault.heal(machine.target)

    assert fault.healed(machine.target).seen
