"""From when on a drill's service must be whole again, by the way in which it recovers."""

from __future__ import annotations

from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.observations import Observations


def back_ns(observations: Observations, scenario: Scenario) -> int | None:
    """When whoever recovers the service had done so; None: not yet, or nobody can tell.

    The end of the runbook's last successful switch, or, where nobody helps, the end of the last
    disaster. Not the first correct picture: that is for judges to find from here on.
    """
    if scenario.recovery is Recovery.UNAIDED:
        return observations.passed_ns
    return observations.step_ended_ns("switch")


def not_back(scenario: Scenario) -> str:
    """Why `back_ns` is None, in words."""
    if scenario.recovery is Recovery.UNAIDED:
        return "no peer saw the disaster take effect"
    return "the public address was never switched"
