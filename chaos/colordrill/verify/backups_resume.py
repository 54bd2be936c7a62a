"""Check ``backups_resume``: a service that is back is backed up again.

Not after a failover: the primary, which the backups are taken from, is gone, and failing back is
another drill.
"""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Pace, Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations
from colordrill.verify.turning_points import back_ns, not_back

NAME = "backups_resume"
POINTS_MIN = 1


def judge_backups_resume(observations: Observations, scenario: Scenario) -> Judged | None:
    """Judge the backups whose copy began once the service was back."""
    if scenario.recovery is Recovery.FAILOVER:
        return None
    since_ns = back_ns(observations, scenario)
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, POINTS_MIN, NO_FAULT))
    if since_ns is None:
        return Judged(unknown(NAME, POINTS_MIN, not_back(scenario)))
    begun = [point for point in observations.points if point.began_ns > since_ns]
    if not begun:
        return Judged(_none_began(since_ns, observations, scenario.pace))
    published = [point.point for point in begun if point.published]
    failed = [point.point for point in begun if not point.published and point.ended_ns is not None]
    if published:
        detail = f"recovery points were published again: {listed(published)}"
        check = Check(NAME, Verdict.PASS, len(published), POINTS_MIN, detail)
    elif len(failed) < len(begun):
        check = unknown(NAME, POINTS_MIN, "a backup was still under way at the end")
    else:
        detail = f"no backup succeeded since the service was back: {listed(failed)} failed"
        check = Check(NAME, Verdict.FAIL, 0, POINTS_MIN, detail)
    return Judged(check)


def _none_began(since_ns: int, observations: Observations, pace: Pace) -> Check:
    allowed_s = pace.backup_interval_s + pace.backup_duration_max_s
    watched_s = seconds_between(since_ns, observations.watched_until_ns or since_ns)
    detail = f"no backup began in the {watched_s:.2f} s since the service was back"
    if watched_s > allowed_s:
        return Check(NAME, Verdict.FAIL, 0, POINTS_MIN, detail)
    return unknown(NAME, POINTS_MIN, f"{detail}, and {allowed_s:g} s may pass without one")
