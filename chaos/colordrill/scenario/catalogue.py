"""The scenarios that can be run by name, and their red twins."""

from __future__ import annotations

import math
from dataclasses import replace

from colordrill.errors import UnknownName
from colordrill.scenario.disk_drills import DISK_DRILLS
from colordrill.scenario.fault_spec import StackKind
from colordrill.scenario.host_drills import HOST_DRILLS, HOST_POWER_LOSS
from colordrill.scenario.model import SabotageSpec, Scenario
from colordrill.scenario.network_drills import NETWORK_DRILLS
from colordrill.scenario.people_drills import PEOPLE_DRILLS
from colordrill.scenario.red_twins import SABOTAGES

__all__ = [
    "HOST_POWER_LOSS",
    "SABOTAGES",
    "SCENARIOS",
    "find_scenario",
    "red_twins",
    "scenario_names",
    "twin",
]

TWIN_MARK = "@"

SCENARIOS: dict[str, Scenario] = {
    each.name: each for each in (*HOST_DRILLS, *NETWORK_DRILLS, *DISK_DRILLS, *PEOPLE_DRILLS)
}


def scenario_names() -> tuple[str, ...]:
    """Every scenario, those that can share a stack one after another."""
    ordered = sorted(SCENARIOS.values(), key=lambda each: each.stack is not StackKind.PLAIN)
    return tuple(each.name for each in ordered)


def twin(scenario: Scenario, sabotage: SabotageSpec) -> Scenario:
    """The same drill with one thing sabotaged.

    Where the sabotage looks back, so many recovery points come before the fault that the oldest
    lacks something acknowledged longer ago than the backups promise; nothing else is changed.
    """
    pace = scenario.pace
    if sabotage.looks_back:
        promised_s = pace.backup_interval_s + pace.backup_duration_max_s
        # after its copy begins, a job is acknowledged within an interval; slower hosts stretch that
        spanned_s = promised_s + 1.5 * pace.job_interval_s
        points = math.ceil(spanned_s / pace.backup_interval_s) + 1
        pace = replace(pace, points_before_fault=max(points, pace.points_before_fault))
    return replace(
        scenario,
        pace=pace,
        name=f"{scenario.name}{TWIN_MARK}{sabotage.name}",
        title=f"red twin of {scenario.name}: {sabotage.description}",
        sabotage=sabotage,
    )


def red_twins() -> dict[str, Scenario]:
    """Every red twin by name."""
    twins = (
        twin(SCENARIOS[name], sabotage)
        for name, sabotages in SABOTAGES.items()
        for sabotage in sabotages
    )
    return {each.name: each for each in twins}


def find_scenario(name: str) -> Scenario:
    """The scenario or red twin called *name*.

    Raises:
        UnknownName: there is none; the message lists them and names the nearest.
    """
    known = SCENARIOS | red_twins()
    if name not in known:
        raise UnknownName("scenario", name, known)
    return known[name]
