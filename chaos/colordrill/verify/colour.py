"""Check ``colour``: every picture that the recovered service gave out has the right colours.

Which pictures those are depends on who recovers it: after a failover all of the DR site; after a
repair in place those that were submitted once the repair was done; where nobody helps those after
the outage. A wrong picture in the outage itself counts into ``bad_output_s``, and not here.
"""

from __future__ import annotations

from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Objectives, Scenario
from colordrill.verify.availability import bad_output_s
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.likeness import LEAST, MOST, beyond, measured, unmeasured
from colordrill.verify.observations import Canary, CanaryState, Observations

NAME = "colour"


def judge_colour(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the pictures of the expected site, the runbook's own canaries included."""
    bound = scenario.objectives.chroma_ssim_min
    bad_output = {"bad_output_s": bad_output_s(observations)}
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, bound, NO_FAULT), bad_output)
    evidence_ns = observations.evidence_ns
    pictures = _judged_pictures(observations, scenario, observations.t_fault_ns)
    scored = [each for each in pictures if each.score and each.score.correct is not None]
    wrong = [each for each in pictures if each.state is CanaryState.WRONG]
    broken = [each.op for each in scored if beyond(each, scenario.objectives)]
    undecided = [each for each in pictures if each.state is CanaryState.UNDECIDED]
    worst = _worst_figures(scored)
    value = worst["chroma_ssim_min"]
    told = _told(worst, scenario.objectives, len(scored))
    if wrong:
        first = wrong[0]
        reasons = "; ".join(first.score.reasons if first.score else ()) or "no reason given"
        detail = (
            f"{len(wrong)} of {len(scored)} pictures are wrong, first {first.op}: {reasons}; {told}"
        )
        check = Check(NAME, Verdict.FAIL, value, bound, detail)
    elif broken:
        detail = f"called correct, and not within the bounds: {listed(broken)}; {told}"
        check = Check(NAME, Verdict.FAIL, value, bound, detail)
    elif evidence_ns is None:
        check = unknown(NAME, bound, "no peer saw the disaster take effect")
    elif _unrepaired(observations, scenario):
        check = unknown(NAME, bound, "nothing was repaired, so there is no picture from after it")
    elif not scored:
        detail = f"none of {len(pictures)} pictures from {scenario.expected_site} was scored"
        check = unknown(NAME, bound, detail)
    elif undecided:
        detail = (
            f"{len(undecided)} of {len(pictures)} pictures were not scored or came from a cache, "
            f"first {undecided[0].op}; {told}"
        )
        check = unknown(NAME, bound, detail)
    elif lacking := _lacking(scored):
        check = unknown(NAME, bound, f"{lacking}; {told}")
    else:
        check = Check(NAME, Verdict.PASS, value, bound, told)
    return Judged(check, worst | bad_output)


def _judged_pictures(
    observations: Observations, scenario: Scenario, t_fault_ns: int
) -> list[Canary]:
    # without evidence nothing can pass, but a wrong picture after the fault is still wrong
    evidence_ns = observations.evidence_ns
    seen_ns = t_fault_ns if evidence_ns is None else evidence_ns
    public = observations.canaries
    if scenario.recovery is Recovery.IN_PLACE:
        repaired_ns = observations.step_ended_ns("mount")
        public = () if repaired_ns is None else _sent_after(public, repaired_ns)
    elif scenario.recovery is Recovery.UNAIDED and scenario.outage_expected:
        public = _sent_after(public, observations.passed_ns or seen_ns)
    return [
        each
        for each in _sent_after((*public, *observations.runbook_canaries), seen_ns)
        if each.answered and each.site == scenario.expected_site
    ]


def _sent_after(canaries: tuple[Canary, ...], t_ns: int) -> tuple[Canary, ...]:
    return tuple(each for each in canaries if each.sent_ns > t_ns)


def _unrepaired(observations: Observations, scenario: Scenario) -> bool:
    in_place = scenario.recovery is Recovery.IN_PLACE
    return in_place and observations.step_ended_ns("mount") is None


def _lacking(scored: list[Canary]) -> str:
    """Which pictures are called correct without all four figures; empty where none is."""
    lacking = [each for each in scored if unmeasured(each)]
    if not lacking:
        return ""
    first = lacking[0]
    return (
        f"{len(lacking)} of {len(scored)} pictures are called correct and not measured, first "
        f"{first.op}: no {listed(unmeasured(first))}"
    )


def _worst_figures(scored: list[Canary]) -> dict[str, float | None]:
    worst = {name: min(measured(scored, key), default=None) for name, key in LEAST.items()}
    return worst | {name: max(measured(scored, key), default=None) for name, key in MOST.items()}


def _told(worst: dict[str, float | None], objectives: Objectives, count: int) -> str:
    figures = ", ".join(
        f"{name} {'unmeasured' if value is None else f'{value:.4f}'} "
        f"(bound {getattr(objectives, name):g})"
        for name, value in worst.items()
    )
    return f"worst of {count} scored pictures: {figures}"
