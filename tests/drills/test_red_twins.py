"""Each red twin goes red by its named check and by no other: every drill is shown able to fail.

The gate runs one for each kind of check that a twin turns red; the others are for the night and for
`make red`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from colordrill.fault.sabotage import find_sabotage
from colordrill.scenario.catalogue import red_twins

if TYPE_CHECKING:
    from colordrill.drill.run import DrillResult

TWINS = red_twins()
GATE = {
    "host_power_loss@only_oldest_point",
    "host_power_loss@liar_previous",
    "network_black_hole@worker_dies",
    "backup_link_down@points_sealed",
}


def _order(name: str) -> tuple[str, bool, bool]:
    """Twins that share a stack one after another, those with an overlay of their own apart."""
    sabotage = TWINS[name].sabotage
    assert sabotage is not None
    return TWINS[name].stack, find_sabotage(sabotage.name).overlay is not None, name not in GATE


ORDER = sorted(TWINS, key=_order)
CASES = [name if name in GATE else pytest.param(name, marks=pytest.mark.nightly) for name in ORDER]


def test_the_gate_runs_twins_that_exist() -> None:
    assert set(TWINS) >= GATE


@pytest.mark.drill
@pytest.mark.red
@pytest.mark.parametrize("name", CASES)
def test_the_twin_fails_by_its_named_check_alone(
    name: str, run_drill: Callable[[str], DrillResult]
) -> None:
    sabotage = TWINS[name].sabotage
    assert sabotage is not None

    result = run_drill(name)

    failing = {each["name"] for each in result.record["checks"] if each["verdict"] == "fail"}
    assert failing == {sabotage.expected_check}, result.record["checks"]
    assert result.record["verdict"] == "fail"
