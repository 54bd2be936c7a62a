"""Faults of processes, containers and sites against a stack in memory."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault import process, process_loop, process_memory, process_saving, process_site
from colordrill.fault.process import (
    ContainerFrozen,
    ContainerRemoved,
    ContainerStopped,
    ProcessKilled,
    ProcessTerminated,
)
from colordrill.fault.process_loop import CrashLoop
from colordrill.fault.process_memory import OutOfMemory
from colordrill.fault.process_saving import KilledWhileSaving
from colordrill.fault.process_site import SiteDown, SiteUnreachable
from colordrill.fault.protocol import About, Fault
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Executed
from fakes.machine import Machine

MODULES = (process, process_loop, process_memory, process_saving, process_site)
STORAGE = Part.PRIMARY_STORAGE
COURSES: dict[str, tuple[Callable[[], Fault], str]] = {
    "killed": (lambda: ProcessKilled(STORAGE), "signal"),
    "terminated": (lambda: ProcessTerminated(STORAGE), "signal"),
    "stopped": (lambda: ContainerStopped(STORAGE), "stop"),
    "frozen": (lambda: ContainerFrozen(STORAGE), "signal"),
    "removed": (lambda: ContainerRemoved(STORAGE), "remove"),
    "out_of_memory": (OutOfMemory, "limit_memory"),
    "site_down": (SiteDown, "isolate"),
    "site_down_half": (SiteDown, "stop"),
    "site_unreachable": (SiteUnreachable, "isolate"),
}


@pytest.mark.parametrize("name", COURSES)
def test_seen_only_between_injection_and_cure_which_another_object_can_do(
    machine: Machine, name: str
) -> None:
    build, _ = COURSES[name]
    fault, target = build(), machine.target
    before = {part: (target.state(part).running, target.state(part).networks) for part in Part}

    assert fault.healthy(target).seen
    assert not fault.evidence(target).seen
    fault.inject(target)
    assert fault.evidence(target).seen

    later = build()
    later.memory = json.loads(json.dumps(fault.memory))
    later.heal(target)
    later.heal(target)
    assert later.healed(target).seen
    after = {part: (target.state(part).running, target.state(part).networks) for part in Part}
    assert after == before
    assert not target.held
    assert target.parts[Part.PRIMARY_COLORIZATION].limit_mb is None


@pytest.mark.parametrize("name", COURSES)
def test_an_injection_that_fails_half_way_can_be_healed_from_what_was_known_before(
    machine: Machine, name: str
) -> None:
    build, method = COURSES[name]
    fault, target = build(), machine.target
    fault.healthy(target)
    known = json.loads(json.dumps(fault.memory))
    target.broken[method] = EnvironmentProblem("the engine hiccupped")
    with pytest.raises(EnvironmentProblem):
        fault.inject(target)
    target.broken.clear()

    later = build()
    later.memory = known
    later.heal(target)

    assert later.healed(target).seen


@pytest.mark.parametrize("name", COURSES)
def test_healing_before_anything_changes_nothing(machine: Machine, name: str) -> None:
    fault = COURSES[name][0]()

    fault.heal(machine.target)

    assert machine.target.calls == []


@pytest.mark.parametrize("name", ["killed", "terminated", "stopped", "frozen", "removed"])
def test_an_injector_without_effect_gives_no_evidence(machine: Machine, name: str) -> None:
    build, method = COURSES[name]
    fault = build()
    fault.healthy(machine.target)

    class Idle(type(machine.target)):  # type: ignore[misc]
        """Says OK and does nothing."""

    setattr(Idle, method, lambda *_arguments, **_options: None)
    machine.target.__class__ = Idle
    fault.inject(machine.target)

    assert not fault.evidence(machine.target).seen


@pytest.mark.parametrize("name", COURSES)
def test_a_peer_that_cannot_look_has_seen_nothing(machine: Machine, name: str) -> None:
    fault = COURSES[name][0]()
    fault.healthy(machine.target)
    fault.inject(machine.target)
    fault.memory.pop("connection", None)
    machine.target.broken["execute"] = EnvironmentProblem("the engine does not answer")

    found = fault.evidence(machine.target)

    assert not found.seen
    assert "could not" in found.detail


@pytest.mark.parametrize("name", ["killed", "stopped", "frozen", "removed", "out_of_memory"])
def test_a_part_that_is_down_already_cannot_be_broken(machine: Machine, name: str) -> None:
    fault = COURSES[name][0]()
    fault.healthy(machine.target)
    machine.target.kill([STORAGE, Part.PRIMARY_COLORIZATION])

    assert not COURSES[name][0]().healthy(machine.target).seen
    with pytest.raises(EnvironmentProblem, match="down already"):
        fault.inject(machine.target)


@pytest.mark.parametrize("kind", [SiteDown, SiteUnreachable])
def test_a_site_where_nothing_runs_cannot_be_broken(
    machine: Machine, kind: Callable[[], Fault]
) -> None:
    fault = kind()
    fault.healthy(machine.target)
    machine.target.kill(parts_of(Site.PRIMARY))

    with pytest.raises(EnvironmentProblem, match="nothing runs at primary"):
        fault.inject(machine.target)


def test_a_site_whose_parts_have_died_is_not_merely_unreachable(machine: Machine) -> None:
    fault = SiteUnreachable()
    fault.healthy(machine.target)
    fault.inject(machine.target)
    machine.target.kill([Part.PRIMARY_AGENT])

    found = fault.evidence(machine.target)

    assert not found.seen
    assert "primary-agent runs no command" in found.detail


def test_a_part_on_other_networks_than_before_is_not_healed(machine: Machine) -> None:
    fault = ContainerStopped(STORAGE)
    fault.healthy(machine.target)
    fault.inject(machine.target)
    machine.target.parts[STORAGE].networks["other"] = []
    fault.heal(machine.target)

    found = fault.healed(machine.target)

    assert not found.seen
    assert "other" in found.detail


def test_a_limit_that_stays_is_not_healed(machine: Machine) -> None:
    fault = OutOfMemory()
    fault.healthy(machine.target)
    fault.inject(machine.target)
    machine.target.start(Part.PRIMARY_COLORIZATION)

    assert not fault.healed(machine.target).seen


def test_memory_pressure_that_kills_nothing_is_said(machine: Machine) -> None:
    fault = OutOfMemory()
    fault.healthy(machine.target)
    ask = machine.target.programs["bash"]
    machine.target.programs["bash"] = lambda part, command: (
        Executed(1, "", "") if command[2] == process_memory.PRESSURE else ask(part, command)
    )

    with pytest.raises(EnvironmentProblem, match=r"nothing in primary-colorization was killed"):
        fault.inject(machine.target)
    fault.heal(machine.target)

    assert fault.healed(machine.target).seen


def test_an_outage_without_a_word_of_the_kernels_killer_is_no_evidence_of_it(
    machine: Machine,
) -> None:
    fault = OutOfMemory()
    fault.healthy(machine.target)
    machine.target.stop(Part.PRIMARY_COLORIZATION)

    assert not fault.evidence(machine.target).seen


def test_a_crash_loop_goes_on_until_it_is_healed(machine: Machine) -> None:
    fault, target = CrashLoop(STORAGE), machine.target
    assert fault.healthy(target).seen
    assert not fault.evidence(target).seen

    fault.inject(target)
    target.parts[STORAGE].networks, networks = {}, target.parts[STORAGE].networks
    assert fault.evidence(target).seen
    target.parts[STORAGE].networks = networks
    assert not fault.healed(target).seen

    fault.heal(target)
    kills = target.calls.count(("signal", STORAGE, "SIGKILL"))
    fault.heal(target)
    assert fault.healed(target).seen
    assert kills >= process_loop.FIRST_KILLS
    assert target.calls.count(("signal", STORAGE, "SIGKILL")) == kills


def test_a_crash_loop_has_a_bound_of_its_own(machine: Machine) -> None:
    fault = CrashLoop(STORAGE, kills_max=2)
    fault.healthy(machine.target)

    fault.inject(machine.target)
    assert fault._thread is not None
    fault._thread.join(5.0)

    assert machine.target.calls.count(("signal", STORAGE, "SIGKILL")) == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda: ProcessKilled("primary-agent"),
        lambda: ProcessKilled("nothing"),
        lambda: ContainerFrozen(""),
        lambda: SiteDown("backup"),
        lambda: SiteUnreachable("primary-storage"),
        lambda: KilledWhileSaving("backup"),
        lambda: CrashLoop("host"),
    ],
)
def test_what_nobody_would_miss_is_an_unknown_name(build: Callable[[], Fault]) -> None:
    with pytest.raises(UnknownName):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: ProcessKilled(service_port=0),
        lambda: OutOfMemory(margin_mb=float("nan")),
        lambda: OutOfMemory(margin_mb=-1),
        lambda: CrashLoop(kills_max=1),
        lambda: CrashLoop(kills_max=2.5),  # type: ignore[arg-type]
        lambda: CrashLoop(duration_max_s=1e9),
        lambda: KilledWhileSaving(wait_s=86_400),
        lambda: SiteDown(service_port=70_000),
    ],
)
def test_absurd_parameters_are_refused_before_anything_is_touched(
    build: Callable[[], Fault],
) -> None:
    with pytest.raises(UsageProblem, match=r"must (lie|be)"):
        build()


@pytest.mark.parametrize("kind", [kind for module in MODULES for kind in module.FAULTS])
def test_every_fault_describes_itself(kind: type[Fault]) -> None:
    about: About = kind.about

    assert kind.name
    assert kind.requires
    assert all(len(getattr(about, each)) > 20 for each in ("effect", "method", "evidence", "cure"))
    assert about.incidents
    assert about.targets
