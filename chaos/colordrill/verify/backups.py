"""Check ``backup_promise``: no backup before the fault took longer than declared, or failed."""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations

NAME = "backup_promise"


def judge_backups(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the backups that began before the fault.

    One that the fault interrupted counts only for the time that it had taken until then: how it
    ended is the fault's doing.
    """
    bound_s = scenario.pace.backup_duration_max_s
    t_fault_ns = observations.t_fault_ns
    if t_fault_ns is None:
        return Judged(unknown(NAME, bound_s, NO_FAULT))
    longest_s, finished, broken = 0.0, 0, []
    for point in observations.points:
        if point.began_ns >= t_fault_ns:
            continue
        before_fault = point.ended_ns is not None and point.ended_ns < t_fault_ns
        until_ns = point.ended_ns if before_fault and point.ended_ns is not None else t_fault_ns
        took_s = seconds_between(point.began_ns, until_ns)
        longest_s = max(longest_s, took_s)
        finished += before_fault
        if took_s > bound_s:
            broken.append(f"{point.point} took {took_s:.2f} s")
        elif before_fault and not point.published:
            broken.append(f"{point.point} failed")
    if broken:
        detail = f"{len(broken)} backups broke the promise of {bound_s:g} s: {listed(broken)}"
        return Judged(Check(NAME, Verdict.FAIL, longest_s, bound_s, detail))
    if not finished:
        return Judged(unknown(NAME, bound_s, "no backup had ended before the fault"))
    detail = f"{finished} backups before the fault, none took more than {longest_s:.2f} s"
    return Judged(Check(NAME, Verdict.PASS, longest_s, bound_s, detail))
