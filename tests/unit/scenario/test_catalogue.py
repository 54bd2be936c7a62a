from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest
import yaml

from colordrill.errors import UnknownName
from colordrill.fault.registry import FAULTS, build_fault
from colordrill.fault.sabotage import SABOTAGES as IMPLEMENTED
from colordrill.fault.sabotage import find_sabotage
from colordrill.scenario.catalogue import (
    SABOTAGES,
    SCENARIOS,
    TWIN_MARK,
    find_scenario,
    red_twins,
    scenario_names,
)
from colordrill.scenario.fault_spec import Detection, Recovery, StackKind, StrategyKind
from colordrill.scenario.model import RPO_OF_RECORD_S, RTO_OF_RECORD_S, Scenario
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

    found = {spec.name: spec.expected_check for spec in SABOTAGES["host_power_loss"]}

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
def test_a_twin_differs_from_its_drill_in_its_sabotage_and_in_what_it_waits_for(
    twin: Scenario,
) -> None:
    base = SCENARIOS[twin.name.partition(TWIN_MARK)[0]]

    differing = {
        field.name
        for field in dataclasses.fields(Scenario)
        if getattr(twin, field.name) != getattr(base, field.name)
    }

    looks_back = twin.sabotage is not None and twin.sabotage.looks_back
    assert differing - ({"pace"} if looks_back else set()) == {"name", "title", "sabotage"}
    assert replace(twin.pace, points_before_fault=base.pace.points_before_fault) == base.pace


@each_twin
def test_what_only_the_oldest_point_lacks_is_older_than_the_backups_promise(
    twin: Scenario,
) -> None:
    if twin.sabotage is None or not twin.sabotage.looks_back:
        return
    pace = twin.pace
    oldest_s = (pace.points_before_fault - 1) * pace.backup_interval_s
    assert oldest_s - pace.job_interval_s > pace.backup_interval_s + pace.backup_duration_max_s


@each_twin
def test_a_twins_sabotage_exists_and_its_overlay_is_a_compose_file(twin: Scenario) -> None:
    assert twin.sabotage is not None
    sabotage = find_sabotage(twin.sabotage.name)

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
    built = [build_fault(spec) for spec in scenario.faults]

    assert [fault.name for fault in built] == [spec.name for spec in scenario.faults]


def test_every_fault_is_drilled() -> None:
    drilled = {spec.name for scenario in SCENARIOS.values() for spec in scenario.faults}

    assert drilled == set(FAULTS)


@each_scenario
def test_every_scenario_says_what_happens_and_what_is_wanted(scenario: Scenario) -> None:
    assert scenario.title
    assert scenario.description.rstrip().endswith(".")
    assert scenario.objectives.rto_s < RTO_OF_RECORD_S
    assert scenario.objectives.rpo_s < RPO_OF_RECORD_S


def test_every_way_of_recovery_detection_and_storage_is_drilled() -> None:
    drilled = SCENARIOS.values()

    assert {each.recovery for each in drilled} == set(Recovery)
    assert {each.detection for each in drilled} == set(Detection)
    assert {each.stack for each in drilled} == set(StackKind)
    assert {each.strategy for each in drilled} == set(StrategyKind)


def test_scenarios_that_can_share_a_stack_come_one_after_another() -> None:
    kinds = [SCENARIOS[name].stack for name in scenario_names()]

    assert sorted(scenario_names()) == sorted(SCENARIOS)
    assert kinds == sorted(kinds, key=lambda kind: kind is not StackKind.PLAIN)


@each_scenario
def test_what_nobody_repairs_passes_by_itself_or_is_restarted(scenario: Scenario) -> None:
    """An unaided drill whose fault stays until the end could never end well."""
    restarted = {"process_killed", "process_terminated", "killed_while_saving"}

    if scenario.recovery is Recovery.UNAIDED:
        left = {spec.name for spec in scenario.faults if spec.ends_s is None}
        assert left <= restarted


@each_scenario
def test_a_drill_without_an_outage_is_not_detected_by_canaries(scenario: Scenario) -> None:
    if not scenario.outage_expected:
        assert scenario.detection is not Detection.CANARY


def test_every_sabotage_is_used_by_a_twin() -> None:
    used = {spec.name for specs in SABOTAGES.values() for spec in specs}

    assert used == set(IMPLEMENTED)


@pytest.mark.parametrize("scenario", list(SCENARIOS.values()), ids=list(SCENARIOS))
def test_every_scenario_has_a_red_twin(scenario: Scenario) -> None:
    assert SABOTAGES[scenario.name]


def test_only_scenarios_have_red_twins() -> None:
    assert set(SABOTAGES) == set(SCENARIOS)


def test_a_scenario_cannot_be_changed_by_who_holds_it() -> None:
    scenario = find_scenario("host_power_loss")

    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.name = "other"  # type: ignore[misc]
