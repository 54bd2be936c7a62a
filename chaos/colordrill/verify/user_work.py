"""Check ``user_work``: once it is back, does the service do what its users ask of it?

Canaries say that the restored site colours as it should. They do not say that users can save a
workflow, upload and fetch: a site with a read-only volume, or half of its routes, passes canaries.
"""

from __future__ import annotations

from colordrill.history import EventType
from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations, Work
from colordrill.verify.rto import recovered_ns
from colordrill.verify.turning_points import not_back

NAME = "user_work"
NEEDED = ("fetch", "edit")
"""Of each of these at least one must succeed: a delivered picture and a saved workflow."""


def judge_user_work(observations: Observations, scenario: Scenario) -> Judged:
    """Judge what users began once the service was back; nothing of it may be refused.

    That is when the gateway had been switched; where nobody switches, when the service recovered.
    """
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, 0, NO_FAULT))
    unaided = scenario.recovery is Recovery.UNAIDED
    if unaided:
        since_ns = recovered_ns(observations, scenario)
    else:
        since_ns = observations.step_ended_ns("switch")
    if since_ns is None:
        detail = "the service never recovered" if unaided else not_back(scenario)
        return Judged(unknown(NAME, 0, detail))
    work = [each for each in observations.work if each.began_ns >= since_ns]
    refused = [each for each in work if each.outcome is EventType.FAIL]
    turn = "recovery" if unaided else "switch"
    told = f"{len(work)} operations of users began after the {turn}, {len(refused)} were refused"
    if refused:
        detail = f"{told}: {listed(_named(refused))}"
        return Judged(Check(NAME, Verdict.FAIL, len(refused), 0, detail))
    doubt = _doubt(work, observations.disturbances)
    if doubt:
        return Judged(unknown(NAME, 0, f"{told}; {doubt}"))
    return Judged(Check(NAME, Verdict.PASS, 0, 0, told))


def _doubt(work: list[Work], disturbances: tuple[str, ...]) -> str:
    """What keeps work of which nothing was refused from being proof; empty where nothing does."""
    open_ended = [each for each in work if each.outcome is not EventType.OK]
    if open_ended:
        return f"without an answer: {listed(_named(open_ended))}"
    done = {each.kind for each in work}
    missing = [kind for kind in NEEDED if kind not in done]
    if missing:
        return f"no {' and no '.join(missing)} succeeded"
    if disturbances:
        return f"but clients were disturbed: {listed(list(disturbances))}"
    return ""


def _named(work: list[Work]) -> list[str]:
    return [each.op for each in work]
