"""Check ``duplicates``: nothing was done twice.

Every job has a prefix of its own. An output that two jobs were given means that one of them has the
other's picture; a job that was accepted twice is queued twice, one that was completed twice was run
twice.
"""

from __future__ import annotations

from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations

NAME = "duplicates"


def judge_duplicates(observations: Observations, scenario: Scenario) -> Judged:  # noqa: ARG001 (one signature for all judges)
    """Judge the completed jobs and their outputs, before and after the fault."""
    found = observations.duplicates
    if found:
        detail = f"{len(found)} times something was done twice: {listed(list(found))}"
        return Judged(Check(NAME, Verdict.FAIL, len(found), 0, detail))
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, 0, NO_FAULT))
    if not observations.completed:
        return Judged(unknown(NAME, 0, "no job was completed"))
    detail = f"{observations.completed} jobs were completed once each, every output by one job"
    return Judged(Check(NAME, Verdict.PASS, 0, 0, detail))
