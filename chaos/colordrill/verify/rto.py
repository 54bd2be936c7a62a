"""Check ``rto``: did the first correct picture come back in time, and did it stay?

Recovered (DESIGN, "Definitions"): the moment at which the client holds the first correct picture
after the last wrong or unanswered canary. Only canaries count that were submitted after a peer had
seen every disaster. Order is the order of submission: a canary that hangs on the dead site does not
undo what a later one got from the restored site, and one sent later that fails does.

A picture from another site than the expected one is a failure here: the switch is not over.

A site that goes on serving while single files of it are wrong has recovered when they are brought
back, which the canaries do not see: the repair itself must have ended in time too.

Where the peers saw the disaster only after the outage had passed, the first counted canary says
when they looked and not when the service was back: nothing passes on that.
"""

from __future__ import annotations

from dataclasses import dataclass

from colordrill.clock import NS_PER_S, seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Pace, Scenario
from colordrill.verify.fault import never_injected
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Canary, CanaryState, Observations
from colordrill.verify.rta_breakdown import breakdown_of, first_correct_s

NAME = "rto"

_FAILURES = {CanaryState.WRONG, CanaryState.UNANSWERED}


@dataclass(frozen=True, slots=True)
class _Run:
    """The canaries after the last failure, in order of submission.

    Attributes:
        correct: correct, from the expected site.
        unscored: a picture came from the expected site, and nobody knows whether it is correct.
        pending: neither answered nor given up when the history ended.
        whole: no counted canary failed at all.
    """

    correct: tuple[Canary, ...]
    unscored: tuple[Canary, ...]
    pending: tuple[Canary, ...]
    whole: bool


def recovered_ns(observations: Observations, scenario: Scenario) -> int | None:
    """When the service had recovered, as the check has it; None where the check does not pass."""
    if observations.t_fault_ns is None:
        return None
    return _judge(observations, scenario)[1]


def judge_rto(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the recovery time; ``rta_s`` is measured only where the check passes."""
    bound_s = scenario.objectives.rto_s
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, bound_s, NO_FAULT))
    breakdown = breakdown_of(observations)
    actuals: dict[str, object] = {"rta_breakdown": breakdown}
    check, held_ns = _judge(observations, scenario)
    if held_ns is not None:
        actuals["rta_s"] = observations.since_fault(held_ns)
        if observations.detected_ns is not None:
            actuals["rta_from_detection_s"] = seconds_between(observations.detected_ns, held_ns)
        breakdown["first_correct_s"] = first_correct_s(observations, held_ns)
    return Judged(check, actuals)


def _judge(observations: Observations, scenario: Scenario) -> tuple[Check, int | None]:
    """The check, and when the service had recovered where it passes."""
    bound_s = scenario.objectives.rto_s
    evidence_ns = observations.evidence_ns
    if evidence_ns is None:
        return unknown(NAME, bound_s, "no peer saw the disaster take effect"), None
    counted = [each for each in observations.canaries if each.sent_ns > evidence_ns]
    lacking = _lacking(counted, observations, scenario)
    if lacking:
        return unknown(NAME, bound_s, lacking), None
    run = _last_run(counted, observations, scenario)
    held = [each.ended_ns for each in (*run.correct, *run.unscored) if each.ended_ns is not None]
    if not held:
        return _not_recovered(observations, scenario, counted), None
    held_ns = min(held)
    rta_s = observations.since_fault(held_ns)
    late = _late(rta_s, observations, scenario)
    if late:
        return Check(
            NAME, Verdict.FAIL, None, bound_s, f"{late}, and not within {bound_s:g} s"
        ), None
    doubt = _doubt(run, held_ns, observations, scenario.pace)
    if not doubt and run.whole:
        doubt = _passed_unseen(observations, scenario, evidence_ns)
    if doubt:
        detail = f"perhaps recovered {rta_s:.2f} s after the fault, but {doubt}"
        return unknown(NAME, bound_s, detail), None
    span_s = max(seconds_between(held_ns, each.ended_ns or 0) for each in run.correct)
    detail = (
        f"the first correct picture from {scenario.expected_site} was held {rta_s:.2f} s after the "
        f"fault; {len(run.correct) - 1} more followed within {span_s:.1f} s and none failed"
    )
    return Check(NAME, Verdict.PASS, rta_s, bound_s, detail), held_ns


def _late(rta_s: float, observations: Observations, scenario: Scenario) -> str:
    """What came too late; empty where nothing did."""
    bound_s = scenario.objectives.rto_s
    if rta_s > bound_s:
        return f"recovered {rta_s:.2f} s after the fault at the earliest"
    repaired_ns = observations.step_ended_ns("mount")
    if scenario.recovery is Recovery.IN_PLACE and repaired_ns is not None:
        repaired_s = observations.since_fault(repaired_ns)
        return f"repaired {repaired_s:.2f} s after the fault" if repaired_s > bound_s else ""
    return ""


def _passed_unseen(observations: Observations, scenario: Scenario, evidence_ns: int) -> str:
    """What the canaries before the evidence say of an outage that was over by then, if anything.

    Only asked where no canary failed after the evidence.
    """
    t_fault_ns = observations.t_fault_ns or 0
    failed, back = False, None
    for canary in observations.canaries:
        if canary.sent_ns > evidence_ns:
            break
        if _failed_after(canary, t_fault_ns, observations, scenario.pace):
            failed, back = True, None
        elif failed and canary.site == scenario.expected_site and _ended_by(canary, evidence_ns):
            back = back or canary
    if back is None:
        return ""
    return f"canary {back.op} was answered before a peer had seen the disaster: it had passed"


def _ended_by(canary: Canary, t_ns: int) -> bool:
    return canary.answered and canary.ended_ns is not None and canary.ended_ns <= t_ns


def _lacking(counted: list[Canary], observations: Observations, scenario: Scenario) -> str:
    """What keeps the check from meaning anything; empty where nothing does."""
    missing = never_injected(observations.faults, scenario, disasters=True)
    if missing:
        return f"not every disaster was injected: {listed(missing)}"
    if not counted:
        return f"no canary was submitted after the fault was seen{_stopped_by(observations)}"
    if scenario.outage_expected and not _outage_seen(observations, scenario.pace):
        return "an outage was expected, and no canary saw one"
    return ""


def _last_run(counted: list[Canary], observations: Observations, scenario: Scenario) -> _Run:
    correct: list[Canary] = []
    unscored: list[Canary] = []
    pending: list[Canary] = []
    whole = True
    for canary in counted:
        late = overdue(canary, observations, scenario.pace)
        if canary.ended_ns is None and not late:
            pending.append(canary)
        elif late or canary.state in _FAILURES or canary.site != scenario.expected_site:
            correct, unscored, pending, whole = [], [], [], False
        elif canary.state is CanaryState.CORRECT:
            correct.append(canary)
        else:
            unscored.append(canary)
    return _Run(tuple(correct), tuple(unscored), tuple(pending), whole)


def _doubt(run: _Run, held_ns: int, observations: Observations, pace: Pace) -> str:
    """What keeps a recovery in time from being certain; empty where nothing does."""
    if run.unscored:
        worst = run.unscored[0]
        why = "was answered from a cache" if worst.cached else "has no score"
        return f"canary {worst.op} {why} ({len(run.unscored)} such)"
    stable_ns = held_ns + int(pace.stability_s * NS_PER_S)
    followers = len(run.correct) - 1
    if followers < pace.stability_count:
        return f"{followers} correct canaries followed where {pace.stability_count} must"
    watched_ns = _watched_until_ns(held_ns, run.correct, observations, pace)
    if watched_ns < stable_ns:
        watched_s = seconds_between(held_ns, watched_ns)
        return f"it was watched for {watched_s:.1f} s more where {pace.stability_s:g} s are wanted"
    late = [each for each in run.pending if each.sent_ns <= stable_ns]
    if late:
        return f"canary {late[0].op} was still under way when the history ended"
    seen = {each.name for each in run.correct}
    unseen = sorted({each.name for each in observations.canaries} - seen)
    if unseen:
        # correct people say nothing of buildings, whose canary comes more seldom
        return f"no canary {' and none '.join(unseen)} has come back correct since"
    return ""


def _not_recovered(observations: Observations, scenario: Scenario, counted: list[Canary]) -> Check:
    bound_s = scenario.objectives.rto_s
    # who failed late had not recovered before, whoever watched meanwhile
    failed = (_failed_ns(each, observations, scenario.pace) for each in counted)
    since_ns = max(observations.evidence_ns or 0, *failed)
    watched_s = observations.since_fault(
        _watched_until_ns(since_ns, tuple(counted), observations, scenario.pace)
    )
    last = counted[-1]
    seen = f"the last of {len(counted)} canaries ({last.op}) was {_told(last)}"
    if watched_s < bound_s:
        detail = (
            f"no correct picture from {scenario.expected_site}, but canaries were only watched for "
            f"{watched_s:.2f} s of {bound_s:g} s{_stopped_by(observations)}; {seen}"
        )
        return unknown(NAME, bound_s, detail)
    detail = (
        f"no correct picture from {scenario.expected_site} in the {watched_s:.2f} s that were "
        f"watched; {seen}"
    )
    return Check(NAME, Verdict.FAIL, None, bound_s, detail)


def _failed_ns(canary: Canary, observations: Observations, pace: Pace) -> int:
    """When a canary that did not come back correct had failed for certain; 0: it has not yet."""
    if overdue(canary, observations, pace):
        return canary.sent_ns + int(pace.canary_limit_s * NS_PER_S)
    return canary.ended_ns or 0


def _told(canary: Canary) -> str:
    if canary.answered and canary.state is not CanaryState.WRONG:
        return f"answered by {canary.site or 'an unnamed site'}"
    reasons = "" if canary.score is None else ": " + "; ".join(canary.score.reasons)
    return f"{canary.state}{reasons}"


def _stopped_by(observations: Observations) -> str:
    failed = [step for step in observations.steps if step.ok is False]
    return (
        f" (the runbook stopped at step {failed[-1].name}: {failed[-1].detail})" if failed else ""
    )


def _outage_seen(observations: Observations, pace: Pace) -> bool:
    t_fault_ns = observations.t_fault_ns or 0
    return any(
        _failed_after(each, t_fault_ns, observations, pace) for each in observations.canaries
    )


def _failed_after(canary: Canary, t_ns: int, observations: Observations, pace: Pace) -> bool:
    """Whether a canary that was still open at *t_ns*, or sent later, failed."""
    if overdue(canary, observations, pace):
        return canary.sent_ns + int(pace.canary_limit_s * NS_PER_S) > t_ns
    return canary.state in _FAILURES and canary.ended_ns is not None and canary.ended_ns > t_ns


def overdue(canary: Canary, observations: Observations, pace: Pace) -> bool:
    """Whether a canary without an end was unanswered for its whole limit while it was awaited."""
    until_ns = observations.awaited_until_ns
    if canary.ended_ns is not None or until_ns is None:
        return False
    return seconds_between(canary.sent_ns, until_ns) > pace.canary_limit_s


def _watched_until_ns(
    since_ns: int, canaries: tuple[Canary, ...], observations: Observations, pace: Pace
) -> int:
    """Until when *canaries*, in order of submission, watched from *since_ns* on without a pause.

    Each speaks until it ends, and until the next is due; nobody watches where none was submitted
    for as long as a canary may take besides.
    """
    interval_ns, limit_ns = (
        int(each * NS_PER_S) for each in (pace.canary_interval_s, pace.canary_limit_s)
    )
    until_ns = since_ns
    for canary in canaries:
        if canary.sent_ns > until_ns + limit_ns:
            break
        until_ns = max(until_ns, canary.ended_ns or 0, canary.sent_ns + interval_ns)
    return min(until_ns, observations.last_ns or 0)
