"""Check ``steady_after``: once it was back, did the service stay, until nobody looked any more?

``rto`` asks when the service was back. This one asks about the end: a service that was back, and
is not at the end of the drill, fails here whatever its recovery time was.
"""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Pace, Scenario
from colordrill.verify.judged import NO_FAULT, Judged, unknown
from colordrill.verify.observations import Canary, CanaryState, Observations
from colordrill.verify.rto import overdue
from colordrill.verify.turning_points import back_ns, not_back

NAME = "steady_after"


def judge_steady_after(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the canaries at the very end of the observed phase, in the order of submission."""
    wanted = scenario.pace.stability_count
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, wanted, NO_FAULT))
    since_ns, evidence_ns = back_ns(observations, scenario), observations.evidence_ns
    if since_ns is None or evidence_ns is None:
        return Judged(unknown(NAME, wanted, not_back(scenario)))
    since_ns = max(since_ns, evidence_ns)
    after = [each for each in observations.canaries if each.sent_ns > since_ns]
    return Judged(_judge(after, observations, scenario))


def _judge(after: list[Canary], observations: Observations, scenario: Scenario) -> Check:
    wanted = scenario.pace.stability_count
    states = [_state(each, observations, scenario) for each in after]
    in_a_row = _trailing_correct(states)
    if _longest_correct(states) < wanted:
        detail = (
            f"the service never gave {wanted} correct pictures in a row, so there is nothing that "
            "could have stayed"
        )
        return unknown(NAME, wanted, detail)
    if in_a_row < wanted:
        last = states[-wanted:]
        broke = after[-1 - in_a_row]
        detail = (
            f"only the last {in_a_row} canaries are correct; before them {broke.op} was "
            f"{states[-1 - in_a_row]} although the service had been back"
        )
        failed = any(each not in {CanaryState.CORRECT, CanaryState.UNDECIDED} for each in last)
        if failed:
            return Check(NAME, Verdict.FAIL, in_a_row, wanted, detail)
        return unknown(NAME, wanted, detail)
    age_s = seconds_between(after[-1].ended_ns or 0, observations.watched_until_ns or 0)
    recent_s = recent(scenario.pace)
    if age_s > recent_s:
        detail = (
            f"the last answer is {age_s:.1f} s older than the end of the observed phase, "
            f"{recent_s:g} s at most"
        )
        return unknown(NAME, wanted, detail)
    detail = f"the last {in_a_row} canaries were correct, the last one {age_s:.1f} s before the end"
    return Check(NAME, Verdict.PASS, in_a_row, wanted, detail)


def recent(pace: Pace) -> float:
    """How old the last answer may be: what is under way at the end is waited for, and scored."""
    return 2 * pace.canary_limit_s + pace.canary_interval_s


def _state(canary: Canary, observations: Observations, scenario: Scenario) -> CanaryState:
    """What a canary says of the expected site; one from elsewhere says that this one is not up."""
    if overdue(canary, observations, scenario.pace):
        return CanaryState.UNANSWERED
    if canary.answered and canary.site != scenario.expected_site:
        return CanaryState.WRONG
    return canary.state


def _trailing_correct(states: list[CanaryState]) -> int:
    count = 0
    for state in reversed(states):
        if state is not CanaryState.CORRECT:
            break
        count += 1
    return count


def _longest_correct(states: list[CanaryState]) -> int:
    longest = count = 0
    for state in states:
        count = count + 1 if state is CanaryState.CORRECT else 0
        longest = max(longest, count)
    return longest
