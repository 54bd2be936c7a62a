from __future__ import annotations

from collections.abc import Sequence

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault.registry import build_fault
from colordrill.fault.sabotage import find_sabotage, keep_only_oldest_point
from colordrill.scenario.model import FaultSpec
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget


def test_a_fault_is_built_by_name_with_its_target() -> None:
    fault = build_fault(FaultSpec("host_power_loss", "primary"))

    assert (fault.name, fault.target_name) == ("host_power_loss", "primary")
    assert fault.starts_clock


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
    "parameters", [{"strength": 9}, {"target": "x"}, {"_before": {}}, {"name": "other"}]
)
def test_parameters_that_a_fault_does_not_take_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageProblem, match="does not take"):
        build_fault(FaultSpec("host_power_loss", "primary", parameters))


def test_a_parameter_that_repeats_the_target_is_refused() -> None:
    with pytest.raises(UsageProblem):
        build_fault(FaultSpec("host_power_loss", "primary", {"target_name": "dr"}))


@pytest.mark.parametrize("name", ["", "liar", "slow_start ", "../slow-start"])
def test_an_unknown_sabotage_is_answered_by_the_list(name: str) -> None:
    with pytest.raises(UnknownName, match="no sabotage"):
        find_sabotage(name)


def backup_server(exit_code: int, stdout: str, stderr: str = "") -> FakeTarget:
    def bash(_part: Part, _command: Sequence[str]) -> Executed:
        return Executed(exit_code, stdout, stderr)

    return FakeTarget(parts={Part.BACKUP: FakePart()}, programs={"bash": bash})


def test_a_sabotage_that_left_one_point_succeeded() -> None:
    keep_only_oldest_point(backup_server(0, "20261122T201530.123Z\n"))


@pytest.mark.parametrize(
    ("exit_code", "stdout"), [(0, ""), (0, "one\ntwo\n"), (1, "one\n"), (124, "")]
)
def test_a_sabotage_that_did_not_work_is_an_error_and_not_a_green_twin(
    exit_code: int, stdout: str
) -> None:
    with pytest.raises(EnvironmentProblem, match="sabotage failed"):
        keep_only_oldest_point(backup_server(exit_code, stdout))
