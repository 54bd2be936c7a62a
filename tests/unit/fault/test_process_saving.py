"""A service that dies while it saves a picture, against a stack in memory."""

from __future__ import annotations

import json

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

    with pytest.raises(EnvironmentProblem, match=r"no picture was being saved within 0\.5 s"):
        fault.inject(machine.target)
