"""Check ``rpo``: how much acknowledged work is gone, in seconds before the fault.

Computed from what clients were told, never from a backup's timestamp. Two bounds: the objective,
and what is promised, so that a drill with an interval of seconds still fails when it is not kept.
The backups promise their interval plus their declared duration, the interval being that of the
copies off site in a scenario that may have to restore one; a site that is recovered from its
own disk promises that only writes younger than its scenario declares are lost.
"""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Item, Observations, ReadOutcome, Snapshot

NAME = "rpo"
POINTS_MIN = 3
"""Fewer recovery points before the fault than this prove nothing about the backups."""

_GONE = {ReadOutcome.LOST, ReadOutcome.CORRUPT}


def rpo_bound_s(scenario: Scenario) -> float:
    """The stricter of the two bounds.

    A loss beyond it can only be seen where work was acknowledged longer ago than that.
    """
    return min(scenario.objectives.rpo_s, _promised_s(scenario))


def judge_rpo(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the recovery point; ``rpa_s`` is measured where every item was read."""
    bound_s = rpo_bound_s(scenario)
    t_fault_ns = observations.t_fault_ns
    if t_fault_ns is None:
        return Judged(unknown(NAME, bound_s, NO_FAULT))
    items = [item for item in observations.items if item.acked_ns < t_fault_ns]
    lacking = _lacking(points_before(observations.points, t_fault_ns), items, observations)
    if lacking:
        return Judged(unknown(NAME, bound_s, lacking))
    gone = sorted((item for item in items if item.outcome in _GONE), key=lambda i: i.acked_ns)
    rpa_s = max(0.0, seconds_between(gone[0].acked_ns, t_fault_ns)) if gone else 0.0
    unread = [item.name for item in items if item.outcome is ReadOutcome.UNKNOWN]
    told = _told(gone, rpa_s, len(items))
    if rpa_s > bound_s:
        detail = f"{told}; {_exceeded(rpa_s, scenario)}"
        return Judged(Check(NAME, Verdict.FAIL, rpa_s, bound_s, detail), {"rpa_s": rpa_s})
    if unread:
        detail = f"{len(unread)} of {len(items)} items were not read ({listed(unread)}); {told}"
        return Judged(unknown(NAME, bound_s, detail))
    return Judged(Check(NAME, Verdict.PASS, rpa_s, bound_s, told), {"rpa_s": rpa_s})


def points_before(points: tuple[Snapshot, ...], t_fault_ns: int) -> list[Snapshot]:
    """The recovery points that were published before the fault, oldest first."""
    published = [
        point
        for point in points
        if point.published and point.ended_ns is not None and point.ended_ns < t_fault_ns
    ]
    return sorted(published, key=lambda point: point.began_ns)


def _lacking(points: list[Snapshot], items: list[Item], observations: Observations) -> str:
    """What keeps the check from meaning anything; empty where nothing does."""
    count = len({each.point for each in points})
    if count < POINTS_MIN:
        return f"{count} recovery points precede the fault, and {POINTS_MIN} must"
    # a copy that was under way at the fault may be published after it, and be what was restored;
    # one that a cut-off primary began later is no measure of what was at risk
    restored = [step.point for step in observations.steps if step.ok and step.point is not None]
    t_fault_ns = observations.t_fault_ns or 0
    newest = next(
        (
            each
            for each in observations.points
            if restored and each.point == restored[-1] and each.began_ns < t_fault_ns
        ),
        points[-1],
    )
    if not any(item.acked_ns > newest.began_ns for item in items):
        return (
            f"nothing was acknowledged between the newest point ({newest.point}) and the fault, "
            "so nothing could have been lost"
        )
    return ""


def _told(gone: list[Item], rpa_s: float, count: int) -> str:
    if not gone:
        return f"all {count} items acknowledged before the fault that were read are there"
    oldest = gone[0]
    return (
        f"{len(gone)} of {count} items acknowledged before the fault are gone; the oldest, "
        f"{oldest.name} ({oldest.outcome}), was acknowledged {rpa_s:.2f} s before it"
    )


def _promised_s(scenario: Scenario) -> float:
    if scenario.unflushed_max_s is not None:
        return scenario.unflushed_max_s
    return _interval_s(scenario) + scenario.pace.backup_duration_max_s


def _interval_s(scenario: Scenario) -> float:
    """From one state that may have to be restored to the next."""
    return scenario.pace.backup_interval_s * max(1, scenario.offsite_every)


def _exceeded(rpa_s: float, scenario: Scenario) -> str:
    pace, objective_s, promised_s = (
        scenario.pace,
        scenario.objectives.rpo_s,
        _promised_s(scenario),
    )
    limits = []
    if rpa_s > objective_s:
        limits.append(f"the objective is {objective_s:g} s")
    if rpa_s > promised_s and scenario.unflushed_max_s is not None:
        limits.append(f"what is older than {promised_s:g} s should have been on the disk")
    elif rpa_s > promised_s:
        limits.append(
            f"the backups promise {promised_s:g} s (every {_interval_s(scenario):g} s, taking at "
            f"most {pace.backup_duration_max_s:g} s)"
        )
    return " and ".join(limits)
