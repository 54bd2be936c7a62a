"""Check ``backup_promise``: no backup before the fault took longer than declared, or failed."""

from __future__ import annotations

import itertools

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Pace, Scenario
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
    began = [each.began_ns for each in observations.points if each.began_ns < t_fault_ns]
    broken += _gaps([*sorted(began), t_fault_ns], scenario.pace)
    if broken:
        detail = f"{len(broken)} times the promise was broken: {listed(broken)}"
        return Judged(Check(NAME, Verdict.FAIL, longest_s, bound_s, detail))
    if not finished:
        return Judged(unknown(NAME, bound_s, "no backup had ended before the fault"))
    detail = f"{finished} backups before the fault, none took more than {longest_s:.2f} s"
    return Judged(Check(NAME, Verdict.PASS, longest_s, bound_s, detail))


def _gaps(began: list[int], pace: Pace) -> list[str]:
    """Where more time passed between two beginnings, or until the fault, than the interval allows.

    A backup may delay the next one by its declared duration; more means that one was left out.
    """
    allowed_s = pace.backup_interval_s + pace.backup_duration_max_s
    spans = [seconds_between(first, second) for first, second in itertools.pairwise(began)]
    return [f"no backup began for {span:.2f} s" for span in spans if span > allowed_s]
