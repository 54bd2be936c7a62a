from __future__ import annotations

import json
import math
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import pytest

from colordrill.clock import Clock, SystemClock
from colordrill.errors import UnknownName, UsageProblem
from colordrill.fault.registry import FAULTS, build_fault, capabilities_of, parameters_of
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.target import Capability

each_fault = pytest.mark.parametrize("name", sorted(FAULTS))


def test_a_fault_is_built_by_name_with_its_target() -> None:
    fault = build_fault(FaultSpec("host_power_loss", "primary"))

    assert (fault.name, fault.target_name) == ("host_power_loss", "primary")


def test_each_build_is_a_fault_of_its_own() -> None:
    spec = FaultSpec("host_power_loss", "primary")

    assert build_fault(spec) is not build_fault(spec)


@pytest.mark.parametrize("name", ["host_power_los", "", "__class__", "HostPowerLoss"])
def test_an_unknown_fault_is_answered_by_the_list(name: str) -> None:
    with pytest.raises(UnknownName, match="no fault") as caught:
        build_fault(FaultSpec(name, "primary"))

    assert "host_power_loss" in caught.value.next_step


def test_an_unknown_target_is_answered_by_the_list() -> None:
    with pytest.raises(UnknownName) as caught:
        build_fault(FaultSpec("host_power_loss", "primry"))

    assert caught.value.nearest == "primary"


@pytest.mark.parametrize(
    "parameters",
    [{"strength": 9}, {"target": "x"}, {"memory": {}}, {"clock": None}, {"name": "other"}],
)
def test_parameters_that_a_fault_does_not_take_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageProblem, match="does not take"):
        build_fault(FaultSpec("host_power_loss", "primary", parameters))


def test_a_parameter_that_repeats_the_target_is_refused() -> None:
    with pytest.raises(UsageProblem):
        build_fault(FaultSpec("host_power_loss", "primary", {"target_name": "dr"}))


@each_fault
def test_every_fault_says_all_that_its_page_needs(name: str) -> None:
    fault = FAULTS[name]

    assert fault.name == name
    assert all(getattr(fault.about, each.name) for each in fields(fault.about))
    assert fault.requires <= frozenset(Capability)


@each_fault
def test_every_parameter_of_a_fault_has_a_default_that_can_be_listed(name: str) -> None:
    parameters = parameters_of(FAULTS[name])

    assert not {"target_name", "memory", "clock"} & set(parameters)
    # asdict, the ledger and `colordrill list --faults --json` need JSON
    assert json.loads(json.dumps(parameters)).keys() == parameters.keys()
    by_name = {each.name: each for each in fields(FAULTS[name])}
    for each in parameters:
        has_default = (by_name[each].default, by_name[each].default_factory) != (MISSING, MISSING)
        assert has_default, each


@each_fault
@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "", {}, object()], ids=repr)
def test_no_numeric_parameter_of_a_fault_takes_what_is_absurd(name: str, value: object) -> None:
    numbers = [
        each
        for each, default in parameters_of(FAULTS[name]).items()
        if isinstance(default, int | float) and not isinstance(default, bool)
        # a clock may be wrong in both directions
        if (each, value) != ("offset_s", -1)
    ]
    target = FAULTS[name].about.targets[0]
    for each in numbers:
        with pytest.raises(UsageProblem):
            build_fault(FaultSpec(name, target, {each: value}))


@each_fault
@pytest.mark.parametrize("target", ["", "nowhere", "../primary", "\x00", "x" * 10_000])
def test_no_fault_takes_a_target_that_does_not_exist(name: str, target: str) -> None:
    with pytest.raises(UsageProblem):
        build_fault(FaultSpec(name, target))


@dataclass
class Timed:
    """A fault that takes a clock, a number, and a list."""

    target_name: str
    strength: float = 2.5
    parts: list[str] = field(default_factory=lambda: ["gateway"])
    clock: Clock = field(default_factory=SystemClock)
    memory: dict[str, Any] = field(default_factory=dict)
    seen: int = field(init=False, default=0)


def test_a_clock_is_no_parameter_and_a_factory_is_called_for_its_default() -> None:
    assert parameters_of(Timed) == {"strength": 2.5, "parts": ["gateway"]}


def test_what_several_faults_need_is_all_that_each_needs() -> None:
    first, second = sorted(FAULTS)[:2]

    assert capabilities_of([FaultSpec(first, "x"), FaultSpec(second, "x")]) == (
        FAULTS[first].requires | FAULTS[second].requires
    )
    assert capabilities_of([]) == frozenset()


def test_what_an_unknown_fault_needs_is_answered_by_the_list() -> None:
    with pytest.raises(UnknownName, match="no fault"):
        capabilities_of([FaultSpec("host_power_los", "primary")])
