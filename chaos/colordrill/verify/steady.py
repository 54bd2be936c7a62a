"""Check ``steady_state``: the service was healthy directly before it was broken."""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, unknown
from colordrill.verify.observations import CanaryState, Observations

NAME = "steady_state"
PRIMARY = "primary"


def judge_steady_state(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the last canaries that had ended before the fault; never fails, only lacks.

    Canaries under way at the fault are not counted: what became of them is the fault's doing.
    """
    pace = scenario.pace
    wanted = pace.steady_canaries
    t_fault_ns = observations.t_fault_ns
    if t_fault_ns is None:
        return Judged(unknown(NAME, wanted, NO_FAULT))
    before = [
        each
        for each in observations.canaries
        if each.ended_ns is not None and each.ended_ns < t_fault_ns
    ]
    in_a_row = 0
    for canary in reversed(before):
        if canary.state is not CanaryState.CORRECT or canary.site != PRIMARY:
            break
        in_a_row += 1
    if in_a_row < wanted:
        detail = (
            f"{in_a_row} correct canaries in a row from {PRIMARY} before the fault, {wanted} wanted"
        )
        if in_a_row < len(before):
            broke = before[-1 - in_a_row]
            reasons = "" if broke.score is None else ": " + "; ".join(broke.score.reasons)
            detail += f"; before them {broke.op} was {broke.state} (site {broke.site}){reasons}"
        return Judged(unknown(NAME, wanted, detail))
    age_s = seconds_between(before[-1].sent_ns, t_fault_ns)
    recent_s = pace.canary_limit_s + pace.canary_interval_s
    if age_s > recent_s:
        detail = (
            f"the last canary was submitted {age_s:.1f} s before the fault, {recent_s:g} s at most"
        )
        return Judged(unknown(NAME, wanted, detail))
    detail = (
        f"{in_a_row} correct canaries in a row from {PRIMARY}, the last submitted {age_s:.1f} s "
        "before the fault"
    )
    return Judged(Check(NAME, Verdict.PASS, in_a_row, wanted, detail))
