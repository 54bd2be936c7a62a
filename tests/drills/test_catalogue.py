"""Every scenario of the catalogue passes: none skipped, none unknown.

The gate runs some of each family; the others are for the night.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from colordrill.scenario.catalogue import scenario_names

if TYPE_CHECKING:
    from colordrill.drill.run import DrillResult

# host_power_loss, the eighth, has a test of its own (test_gate)
GATE = {
    "process_killed",
    "network_black_hole",
    "bit_flip",
    "workflow_outdated",
    "dr_image_stale",
    "disk_full",
    "power_loss_in_place",
}
NIGHT = [
    pytest.param(name, marks=pytest.mark.nightly) for name in scenario_names() if name not in GATE
]


def test_the_gate_runs_scenarios_that_exist() -> None:
    assert set(scenario_names()) >= GATE


@pytest.mark.drill
@pytest.mark.parametrize("name", [*(name for name in scenario_names() if name in GATE), *NIGHT])
def test_the_service_is_recovered_within_its_objectives(
    name: str, drill: Callable[[str], DrillResult]
) -> None:
    result = drill(name)

    assert result.record["verdict"] == "pass"
    assert all(fault["evidence"] for fault in result.record["faults"])
    assert all(fault["healed_s"] is not None for fault in result.record["faults"])
