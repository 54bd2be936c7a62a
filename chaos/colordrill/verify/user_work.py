"""Check ``user_work``: after the switch, does the service do what its users ask of it?

Canaries say that the restored site colours as it should. They do not say that users can save a
workflow, upload and fetch: a site with a read-only volume, or half of its routes, passes canaries.
"""

from __future__ import annotations

from colordrill.history import EventType
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Observations, Work

NAME = "user_work"
NEEDED = ("fetch", "edit")
"""Of each of these at least one must succeed: a delivered picture and a saved workflow."""


def judge_user_work(observations: Observations, scenario: Scenario) -> Judged:  # noqa: ARG001 (one signature for all judges)
    """Judge what users began once the gateway had been switched; nothing of it may be refused."""
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, 0, NO_FAULT))
    switched = [step.ended_ns for step in observations.steps if step.name == "switch" and step.ok]
    if not switched or switched[-1] is None:
        return Judged(unknown(NAME, 0, "the public address was never switched"))
    work = [each for each in observations.work if each.began_ns >= switched[-1]]
    refused = [each for each in work if each.outcome is EventType.FAIL]
    open_ended = [each for each in work if each.outcome not in {EventType.OK, EventType.FAIL}]
    done = {each.kind for each in work if each.outcome is EventType.OK}
    missing = [kind for kind in NEEDED if kind not in done]
    told = f"{len(work)} operations of users began after the switch, {len(refused)} were refused"
    if refused:
        detail = f"{told}: {listed(_named(refused))}"
        return Judged(Check(NAME, Verdict.FAIL, len(refused), 0, detail))
    if open_ended:
        return Judged(unknown(NAME, 0, f"{told}; without an answer: {listed(_named(open_ended))}"))
    if missing:
        return Judged(unknown(NAME, 0, f"{told}; no {' and no '.join(missing)} succeeded"))
    if observations.disturbances:
        detail = f"{told}; but clients were disturbed: {listed(list(observations.disturbances))}"
        return Judged(unknown(NAME, 0, detail))
    return Judged(Check(NAME, Verdict.PASS, 0, 0, told))


def _named(work: list[Work]) -> list[str]:
    return [each.op for each in work]
