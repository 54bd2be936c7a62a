"""Check ``backups_resume``: a service that is back is backed up again, and stays so.

The last backup that ended decides: one that worked once is no schedule that works.

Not after a failover: the primary, which the backups are taken from, is gone, and failing back is
another drill.
"""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Pace, Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations, Snapshot
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
    ended = sorted(
        (point for point in begun if point.ended_ns is not None),
        key=lambda point: point.ended_ns or 0,
    )
    published = [point.point for point in ended if point.published]
    if ended and ended[-1].published:
        detail = f"recovery points were published again: {listed(published)}"
        check = Check(NAME, Verdict.PASS, len(published), POINTS_MIN, detail)
    elif len(ended) < len(begun):
        # it may yet do what those before it did not
        check = unknown(NAME, POINTS_MIN, "a backup was still under way at the end")
    else:
        check = Check(NAME, Verdict.FAIL, len(published), POINTS_MIN, _failed(ended))
    return Judged(check)


def _failed(ended: list[Snapshot]) -> str:
    """What is wrong where the last backup failed."""
    since = [point.point for point in ended]
    worked = next((point.point for point in reversed(ended) if point.published), None)
    if worked is None:
        return f"no backup succeeded since the service was back: {listed(since)} failed"
    since = since[since.index(worked) + 1 :]
    return f"backups were published again, and none after {worked}: {listed(since)} failed"


def _none_began(since_ns: int, observations: Observations, pace: Pace) -> Check:
    allowed_s = pace.backup_interval_s + pace.backup_duration_max_s
    watched_s = seconds_between(since_ns, observations.watched_until_ns or since_ns)
    detail = f"no backup began in the {watched_s:.2f} s since the service was back"
    if watched_s > allowed_s:
        return Check(NAME, Verdict.FAIL, 0, POINTS_MIN, detail)
    return unknown(NAME, POINTS_MIN, f"{detail}, and {allowed_s:g} s may pass without one")
