from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.scenario.catalogue import SCENARIOS, find_scenario, red_twins
from colordrill.scenario.fault_spec import FaultSpec, Recovery
from colordrill.scenario.model import Pace, Scenario
from colordrill.scenario.recorded import scenario_from_note

ALL = {**SCENARIOS, **red_twins()}
KNOWN = find_scenario("host_power_loss")


def as_written(scenario: Scenario) -> dict[str, Any]:
    """The note's data after it went through the history's file."""
    whole: dict[str, Any] = json.loads(json.dumps(asdict(scenario)))
    return {"name": scenario.name, "scenario": whole}


@pytest.mark.parametrize("name", list(ALL))
def test_every_scenario_comes_back_as_it_was(name: str) -> None:
    assert scenario_from_note(as_written(ALL[name])) == ALL[name]


def test_one_that_no_catalogue_has_comes_back_too() -> None:
    own = replace(
        KNOWN,
        name="ours",
        faults=(FaultSpec("down", "link", {"seconds": [1, 2.5]}, duration_s=2.0, times=3),),
        recovery=Recovery.IN_PLACE,
        repair=("output",),
        unflushed_max_s=5.5,
        replica=True,
        pace=Pace(job_interval_s=3.5),
    )
    assert scenario_from_note(as_written(own)) == own


def test_what_an_earlier_version_did_not_know_has_its_default() -> None:
    note = as_written(KNOWN)
    for name in ("recovery", "detection", "repair", "replica", "unflushed_max_s"):
        del note["scenario"][name]
    assert scenario_from_note(note) == KNOWN


def test_an_early_note_takes_the_rest_from_the_catalogue() -> None:
    pace, objectives = asdict(Pace(job_interval_s=9.0)), asdict(KNOWN.objectives)
    objectives["rto_s"] = 17.0
    found = scenario_from_note({"name": "host_power_loss", "pace": pace, "objectives": objectives})
    assert found.pace.job_interval_s == 9.0
    assert found.objectives.rto_s == 17.0
    assert found.faults == KNOWN.faults


def test_an_early_note_of_a_name_alone_is_the_catalogues() -> None:
    assert scenario_from_note({"name": "host_power_loss"}) == KNOWN


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"name": 7},
        {"name": "no_such_drill"},
        {"name": "host_power_loss", "pace": []},
        {"name": "host_power_loss", "pace": {"job_interval_s": "2"}},
        {"name": "host_power_loss", "pace": {"job_interval_s": -1}},
        {"name": "host_power_loss", "pace": {"steady_canaries": 1.5}},
        {"name": "host_power_loss", "objectives": {"rto_s": None}},
        {"name": "host_power_loss", "objectives": {"rto_s": True}},
        {"name": "host_power_loss", "objectives": {"invented": 1}},
        {"scenario": []},
        {"scenario": "host_power_loss"},
        {"scenario": {}},
    ],
    ids=str,
)
def test_what_is_no_scenario_is_refused_with_its_cause(note: dict[str, Any]) -> None:
    with pytest.raises(RecordProblem, match="note of its scenario cannot be used") as caught:
        scenario_from_note(note)
    assert caught.value.next_step


@pytest.mark.parametrize(
    "changed",
    [
        {"recovery": "prayer"},
        {"faults": []},
        {"faults": [{"name": "down", "target": "link", "times": 1000, "duration_s": 1.0}]},
        {"faults": [{"name": "down", "target": "link", "invented": 1}]},
        {"pace": {"invented": 1}},
        {"objectives": None},
        {"invented": 1},
        {"unflushed_max_s": 0},
        {"outage_expected": "yes"},
        {"name": None},
    ],
    ids=str,
)
def test_a_whole_scenario_that_means_nothing_here_is_refused(changed: dict[str, Any]) -> None:
    note = as_written(KNOWN)
    note["scenario"] |= changed
    with pytest.raises(RecordProblem, match="cannot be used"):
        scenario_from_note(note)
