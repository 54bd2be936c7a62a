"""Checks ``integrity``, ``lost_after_fault``, ``jobs_lost``: what became of acknowledged work."""

from __future__ import annotations

from collections import Counter

from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Detection, Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Item, Job, Observations, ReadOutcome
from colordrill.verify.owed import what_must_be_there

INTEGRITY = "integrity"
LOST_AFTER_FAULT = "lost_after_fault"
JOBS_LOST = "jobs_lost"

_GONE = {ReadOutcome.LOST, ReadOutcome.CORRUPT}


def judge_integrity(observations: Observations, scenario: Scenario) -> Judged:
    """Judge whether everything is there, unaltered, that recovery had to give back or to keep.

    A restored recovery point must hold whatever was acknowledged before its copy began; the site's
    own disk whatever is older than its unflushed writes may be; and where nothing is restored and
    no write may be lost, everything acknowledged before the fault must be there. Where single files
    or folders are brought back, that goes for whatever lies outside of them. What came later
    belongs to the recovery point actual. Also counts what was acknowledged and what became of it.
    """
    counts = _counts(observations)
    t_fault_ns, items = observations.t_fault_ns, observations.items
    if t_fault_ns is None:
        return Judged(unknown(INTEGRITY, 0, NO_FAULT), counts=counts)
    if not items:
        return Judged(unknown(INTEGRITY, 0, "nothing was acknowledged"), counts=counts)
    gone = [item for item in items if item.acked_ns < t_fault_ns and item.outcome in _GONE]
    debts = what_must_be_there(observations, scenario, t_fault_ns)
    broken = [item for item in gone if debts.of(item.name).owes(item.acked_ns)]
    unread = [item.name for item in items if item.outcome is ReadOutcome.UNKNOWN]
    if broken:
        told = listed([f"{item.name} ({item.outcome}{_because(item)})" for item in broken])
        holders = " and ".join(dict.fromkeys(debts.of(item.name).holder for item in broken))
        detail = f"{len(broken)} items that {holders} must hold are not right: {told}"
        check = Check(INTEGRITY, Verdict.FAIL, len(broken), 0, detail)
    elif unread:
        detail = f"{len(unread)} of {len(items)} items were not read: {listed(unread)}"
        check = unknown(INTEGRITY, 0, detail)
    elif any(debts.of(item.name).before_ns is None for item in gone):
        detail = f"{len(gone)} items are lost or corrupt, and no step says which point was restored"
        check = unknown(INTEGRITY, 0, detail)
    else:
        detail = (
            f"{len(items)} items were read back; {len(gone)} are gone, and none that "
            f"{debts.main.holder} must hold"
        )
        check = Check(INTEGRITY, Verdict.PASS, 0, 0, detail)
    return Judged(check, counts=counts)


def judge_lost_after_fault(observations: Observations, scenario: Scenario) -> Judged:
    """Judge what was acknowledged after the fault and is gone all the same."""
    bound = scenario.objectives.lost_after_fault_max
    t_fault_ns = observations.t_fault_ns
    if t_fault_ns is None:
        return Judged(unknown(LOST_AFTER_FAULT, bound, NO_FAULT))
    items = [item for item in observations.items if item.acked_ns >= t_fault_ns]
    gone = [item for item in items if item.outcome in _GONE]
    counts = {"lost_after_fault": len(gone)}
    unread = [item.name for item in items if item.outcome is ReadOutcome.UNKNOWN]
    told = listed(
        [f"{item.name} at {observations.since_fault(item.acked_ns):.2f} s" for item in gone]
    )
    seen_ns = observations.evidence_ns
    if scenario.recovery is Recovery.IN_PLACE:
        # the site that is repaired goes on acknowledging until it is
        seen_ns = observations.step_ended_ns("mount") or seen_ns
    elif scenario.recovery is Recovery.UNAIDED and scenario.unflushed_max_s is not None:
        # so does one whose disk fails under it: what it is told goes to memory
        seen_ns = observations.passed_ns or seen_ns
    # the slack is for what the dying site acknowledged: once it was seen dead, nothing may go
    late = [item for item in gone if seen_ns is not None and item.acked_ns > seen_ns]
    if late or len(gone) > bound:
        detail = f"{len(gone)} items acknowledged after the fault are lost or corrupt: {told}"
        check = Check(LOST_AFTER_FAULT, Verdict.FAIL, len(gone), bound, detail)
    elif not items:
        check = unknown(LOST_AFTER_FAULT, bound, "nothing was acknowledged after the fault")
    elif unread:
        detail = f"{len(unread)} of {len(items)} items were not read: {listed(unread)}"
        check = unknown(LOST_AFTER_FAULT, bound, detail)
    else:
        detail = f"{len(items)} items were acknowledged after the fault, {len(gone)} are gone"
        check = Check(LOST_AFTER_FAULT, Verdict.PASS, len(gone), bound, detail)
    return Judged(check, counts=counts)


def judge_jobs_lost(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the jobs that were accepted and never completed: the service's queue is in memory.

    Bound: in flight at the fault, plus accepted until detection (until the evidence, where the
    scenario detects nothing), plus the scenario's slack. Jobs that were still awaited when the
    history ended may yet complete: they are neither.
    """
    t_fault_ns, jobs = observations.t_fault_ns, observations.jobs
    if t_fault_ns is None:
        return Judged(unknown(JOBS_LOST, None, NO_FAULT))
    if not jobs:
        return Judged(unknown(JOBS_LOST, None, "no job was accepted"))
    uncompleted = [job for job in jobs if job.completed_ns is None]
    detected_ns = observations.detected_ns
    if scenario.detection is Detection.NONE:
        # nobody waits for a detector; a peer that saw the disaster is the next best
        detected_ns = observations.evidence_ns
    lost = [job for job in uncompleted if _is_lost(job, detected_ns)]
    counts = {"jobs_lost": len(lost)}
    in_flight = sum(_in_flight(job, t_fault_ns) for job in jobs)
    undetected = [
        job
        for job in jobs
        if job.accepted_ns > t_fault_ns and (detected_ns is None or job.accepted_ns <= detected_ns)
    ]
    certain = 0 if detected_ns is None else len(undetected)
    bound = in_flight + certain + scenario.objectives.jobs_lost_max_slack
    told = (
        f"{len(lost)} of {len(jobs)} accepted jobs never completed and "
        f"{len(uncompleted) - len(lost)} are undecided; {in_flight} were in flight at the fault, "
        f"{len(undetected)} were accepted "
        f"{'after it, undetected' if detected_ns is None else 'until detection'}"
    )
    if len(uncompleted) <= bound:
        check = Check(JOBS_LOST, Verdict.PASS, len(lost), bound, told)
    elif detected_ns is not None and len(lost) > bound:
        check = Check(JOBS_LOST, Verdict.FAIL, len(lost), bound, told)
    else:
        check = unknown(JOBS_LOST, bound, told)
    return Judged(check, counts=counts)


def _in_flight(job: Job, t_ns: int) -> bool:
    ended_ns = job.given_up_ns if job.completed_ns is None else job.completed_ns
    return job.accepted_ns <= t_ns and (ended_ns is None or ended_ns > t_ns)


def _is_lost(job: Job, detected_ns: int | None) -> bool:
    """Given up for good; one that the restored site accepted and is slow with may yet complete."""
    by_dead_site = detected_ns is None or job.accepted_ns <= detected_ns
    return job.given_up_ns is not None and (by_dead_site or job.refused)


def _because(item: Item) -> str:
    return f": {item.detail}" if item.detail else ""


def _counts(observations: Observations) -> dict[str, int]:
    t_fault_ns = observations.t_fault_ns
    outcomes = Counter(
        item.outcome
        for item in observations.items
        if t_fault_ns is None or item.acked_ns < t_fault_ns or item.outcome is ReadOutcome.UNKNOWN
    )
    return {
        "accepted": len(observations.jobs),
        "completed": observations.completed,
        "delivered": observations.delivered,
        "lost": outcomes[ReadOutcome.LOST],
        "corrupt": outcomes[ReadOutcome.CORRUPT],
        "unknown": outcomes[ReadOutcome.UNKNOWN],
    }
