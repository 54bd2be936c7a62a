"""Faults of configuration, data and people's mistakes against a stack in memory."""

from __future__ import annotations

import json

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.machine import Machine
from fakes.machine_courses import COURSES, files_of, with_work

RECREATED = [name for name in COURSES if name.startswith("dr_") and "owner" not in name]


@pytest.fixture
def machine(machine: Machine) -> Machine:
    return with_work(machine)


@pytest.mark.parametrize("name", COURSES)
def test_seen_only_between_injection_and_cure_which_another_object_can_do(
    machine: Machine, name: str
) -> None:
    fault, target = COURSES[name](), machine.target
    files = files_of(machine)
    described = {part: target.description(part) for part in Part}

    assert fault.healthy(target).seen
    assert not fault.evidence(target).seen
    fault.inject(target)
    seen = fault.evidence(target)
    assert seen.seen, seen.detail

    later = COURSES[name]()
    later.memory = json.loads(json.dumps(fault.memory))
    later.heal(target)
    later.heal(target)
    found = later.healed(target)
    assert found.seen, found.detail
    assert not later.evidence(target).seen
    assert files_of(machine) == files
    assert {part: target.description(part) for part in Part} == described
    assert (machine.read_only, machine.rights) == ("no", "1000:1000 755")


@pytest.mark.parametrize("name", COURSES)
def test_healing_before_anything_changes_nothing(machine: Machine, name: str) -> None:
    COURSES[name]().heal(machine.target)

    assert machine.target.calls == []


@pytest.mark.parametrize("name", COURSES)
def test_a_cure_from_what_was_known_before_the_injection_is_a_whole_one(
    machine: Machine, name: str
) -> None:
    fault, target = COURSES[name](), machine.target
    files = files_of(machine)
    fault.healthy(target)
    known = json.loads(json.dumps(fault.memory))
    fault.inject(target)

    later = COURSES[name]()
    later.memory = known
    later.heal(target)

    assert later.healed(target).seen
    assert files_of(machine) == files


@pytest.mark.parametrize("name", COURSES)
def test_a_peer_that_cannot_look_has_seen_nothing(machine: Machine, name: str) -> None:
    fault = COURSES[name]()
    fault.healthy(machine.target)
    fault.inject(machine.target)
    machine.target.remove(Part.DR_COLORIZATION)
    machine.target.broken["execute"] = EnvironmentProblem("the engine does not answer")

    assert not fault.evidence(machine.target).seen
    assert not fault.healed(machine.target).seen


@pytest.mark.parametrize("name", RECREATED)
def test_a_recreation_without_effect_gives_no_evidence(machine: Machine, name: str) -> None:
    fault = COURSES[name]()
    fault.healthy(machine.target)
    fault.inject(machine.target)
    machine.target.recreate(Part.DR_COLORIZATION)

    assert not fault.evidence(machine.target).seen


@pytest.mark.parametrize("name", RECREATED)
def test_what_is_wrong_already_is_not_healthy(machine: Machine, name: str) -> None:
    first = COURSES[name]()
    first.healthy(machine.target)
    first.inject(machine.target)

    found = COURSES[name]().healthy(machine.target)

    assert not found.seen
    assert "like that already" in found.detail


@pytest.mark.parametrize("name", COURSES)
def test_no_secret_is_remembered(machine: Machine, name: str) -> None:
    fault = COURSES[name]()
    fault.healthy(machine.target)
    fault.inject(machine.target)

    assert "not for the ledger" not in json.dumps(fault.memory)
    assert "right" not in json.dumps(fault.memory.get("before", {}))
