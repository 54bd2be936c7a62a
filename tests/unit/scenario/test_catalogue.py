from __future__ import annotations

import dataclasses

import pytest
import yaml

from colordrill.errors import UnknownName
from colordrill.fault.registry import build_fault
from colordrill.fault.sabotage import SABOTAGES as IMPLEMENTED
from colordrill.fault.sabotage import find_sabotage
from colordrill.scenario.catalogue import (
    SABOTAGES,
    SCENARIOS,
    TWIN_MARK,
    find_scenario,
    red_twins,
)
from colordrill.scenario.model import Scenario
from colordrill.verify.conclude import JUDGES

ALL = {**SCENARIOS, **red_twins()}
each_scenario = pytest.mark.parametrize("scenario", list(ALL.values()), ids=list(ALL))
each_twin = pytest.mark.parametrize("twin", list(red_twins().values()), ids=list(red_twins()))


def test_the_red_twins_that_the_gate_asks_for_are_there() -> None:
    wanted = {
        "only_oldest_point": "rpo",
        "other_weights": "colour",
        "slow_start": "rto",
        "gateway_not_switched": "rto",
        "liar_uncoloured": "colour",
        "liar_previous": "colour",
        "liar_golden": "colour",
    }

    found = {
        twin.sabotage.name: twin.sabotage.expected_check
        for twin in red_twins().values()
        if twin.sabotage is not None
    }

    assert found == wanted


@pytest.mark.parametrize("name", list(ALL))
def test_every_scenario_and_twin_is_found_by_its_name(name: str) -> None:
    assert find_scenario(name).name == name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("host_power_los", "host_power_loss"),
        ("host-power-loss", "host_power_loss"),
        ("host_power_loss@liar_goldn", "host_power_loss@liar_golden"),
    ],
)
def test_a_misspelt_name_is_answered_by_the_nearest_and_the_list(name: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        find_scenario(name)

    assert caught.value.nearest == nearest
    assert all(known in str(caught.value) for known in ALL)


@pytest.mark.parametrize("name", ["", "@", "host_power_loss@", "\x00", "../..", "x" * 100_000])
def test_a_hostile_name_is_only_an_unknown_one(name: str) -> None:
    with pytest.raises(UnknownName):
        find_scenario(name)


@each_twin
def test_a_twin_differs_from_its_drill_in_name_title_and_sabotage_alone(twin: Scenario) -> None:
    base = SCENARIOS[twin.name.partition(TWIN_MARK)[0]]

    differing = {
        field.name
        for field in dataclasses.fields(Scenario)
        if getattr(twin, field.name) != getattr(base, field.name)
    }

    assert differing == {"name", "title", "sabotage"}


@each_twin
def test_a_twins_sabotage_exists_and_its_overlay_is_a_compose_file(twin: Scenario) -> None:
    assert twin.sabotage is not None
    sabotage = find_sabotage(twin.sabotage.name)

    assert (sabotage.overlay is None) != (sabotage.after_fault is None)
    if sabotage.overlay_path is not None:
        overlay = yaml.safe_load(sabotage.overlay_path.read_text(encoding="utf-8"))
        assert set(overlay) <= {"services", "volumes"}
        assert overlay["services"]


@each_twin
def test_a_twins_expected_check_is_one_that_is_judged(twin: Scenario) -> None:
    assert twin.sabotage is not None
    assert twin.sabotage.expected_check in JUDGES


@each_scenario
def test_every_fault_of_a_scenario_can_be_built(scenario: Scenario) -> None:
    faults = [build_fault(spec) for spec in scenario.faults]

    assert faults
    assert any(fault.starts_clock for fault in faults)


def test_every_sabotage_is_used_by_a_twin() -> None:
    used = {spec.name for specs in SABOTAGES.values() for spec in specs}

    assert used == set(IMPLEMENTED)


@pytest.mark.parametrize("scenario", list(SCENARIOS.values()), ids=list(SCENARIOS))
def test_every_scenario_has_a_red_twin(scenario: Scenario) -> None:
    assert SABOTAGES[scenario.name]


def test_a_scenario_cannot_be_changed_by_who_holds_it() -> None:
    scenario = find_scenario("host_power_loss")

    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.name = "other"  # type: ignore[misc]
