"""Check ``colour``: every picture that the restored site gave out has the right colours."""

from __future__ import annotations

import math
from collections.abc import Iterable

from colordrill.clock import seconds_between
from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Objectives, Scenario
from colordrill.verify.judged import NO_FAULT, Judged, unknown
from colordrill.verify.observations import Canary, CanaryState, Observations

NAME = "colour"

_LEAST = {
    "chroma_ssim_min": "chroma_ssim",
    "chroma_tile_min": "chroma_tile",
    "luma_ssim_min": "luma_ssim",
}
_MOST = {"delta_e_max": "delta_e"}


def judge_colour(observations: Observations, scenario: Scenario) -> Judged:
    """Judge the pictures of the expected site, the runbook's own canaries included."""
    bound = scenario.objectives.chroma_ssim_min
    bad_output = {"bad_output_s": bad_output_s(observations)}
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, bound, NO_FAULT), bad_output)
    evidence_ns = observations.evidence_ns
    # without evidence nothing can pass, but a wrong picture after the fault is still wrong
    since_ns = observations.t_fault_ns if evidence_ns is None else evidence_ns
    pictures = [
        each
        for each in (*observations.canaries, *observations.runbook_canaries)
        if each.answered and each.sent_ns > since_ns and each.site == scenario.expected_site
    ]
    scored = [each for each in pictures if each.score and each.score.correct is not None]
    wrong = [each for each in pictures if each.state is CanaryState.WRONG]
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
    elif evidence_ns is None:
        check = unknown(NAME, bound, "no peer saw the disaster take effect")
    elif not scored:
        detail = f"none of {len(pictures)} pictures from {scenario.expected_site} was scored"
        check = unknown(NAME, bound, detail)
    elif undecided:
        detail = (
            f"{len(undecided)} of {len(pictures)} pictures were not scored or came from a cache, "
            f"first {undecided[0].op}; {told}"
        )
        check = unknown(NAME, bound, detail)
    else:
        check = Check(NAME, Verdict.PASS, value, bound, told)
    return Judged(check, worst | bad_output)


def bad_output_s(observations: Observations) -> float | None:
    """Seconds in which the public address gave out wrong pictures while it seemed up.

    From each wrong picture to the next canary that says otherwise: a correct picture when it was
    held, or an unanswered canary when it was submitted (the service was then seen to be down).
    Wrong pictures at the end count until the last canary that said anything. None where no picture
    was scored.
    """
    turns = [
        (_speaks_ns(canary), canary.state)
        for canary in observations.canaries
        if canary.state is not CanaryState.UNDECIDED
    ]
    if not any(state is not CanaryState.UNANSWERED for _, state in turns):
        return None
    turns.sort(key=lambda turn: turn[0])
    ends = [t_ns for t_ns, _ in turns[1:]] + [turns[-1][0]]
    return math.fsum(
        seconds_between(began_ns, ended_ns)
        for (began_ns, state), ended_ns in zip(turns, ends, strict=True)
        if state is CanaryState.WRONG
    )


def _speaks_ns(canary: Canary) -> int:
    if canary.state is CanaryState.UNANSWERED or canary.ended_ns is None:
        return canary.sent_ns
    return canary.ended_ns


def _worst_figures(scored: Iterable[Canary]) -> dict[str, float | None]:
    figures = [each.score.figures for each in scored if each.score]
    worst: dict[str, float | None] = {}
    for name, key in _LEAST.items():
        worst[name] = min((each[key] for each in figures if key in each), default=None)
    for name, key in _MOST.items():
        worst[name] = max((each[key] for each in figures if key in each), default=None)
    return worst


def _told(worst: dict[str, float | None], objectives: Objectives, count: int) -> str:
    figures = ", ".join(
        f"{name} {'unmeasured' if value is None else f'{value:.4f}'} "
        f"(bound {getattr(objectives, name):g})"
        for name, value in worst.items()
    )
    return f"worst of {count} scored pictures: {figures}"
