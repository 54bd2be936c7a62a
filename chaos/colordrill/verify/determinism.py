"""Check ``determinism``: same image, workflow and data give the same picture, wherever they run.

Of each canary the correct pictures from before the fault (primary) are held against those from
after it (the restored site; without a failover the primary again). Equal pixels are the best that
there is. Pictures that differ in their pixels and are each within the colour bounds are the same
for people. A wrong picture is not this check's matter: ``colour`` judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.likeness import beyond, measured, unmeasured
from colordrill.verify.observations import Canary, CanaryState, Observations

NAME = "determinism"
PRIMARY = "primary"


@dataclass(frozen=True, slots=True)
class _Sides:
    """The correct pictures of one canary before and after the fault."""

    before: tuple[Canary, ...]
    after: tuple[Canary, ...]

    @property
    def both(self) -> tuple[Canary, ...]:
        return (*self.before, *self.after)

    @property
    def hashes(self) -> set[str | None]:
        return {each.score.pixels_sha256 for each in self.both if each.score}


def judge_determinism(observations: Observations, scenario: Scenario) -> Judged:
    """Judge every canary of which there is a correct picture."""
    bound = scenario.objectives.chroma_ssim_min
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, bound, NO_FAULT))
    sides = _gather(observations, scenario, observations.t_fault_ns)
    unlike = {name: each for name, each in sides.items() if not _equal(each)}
    pictures = [canary for each in unlike.values() for canary in each.both]
    known = measured(pictures, "chroma_ssim")
    broken = [each.op for each in pictures if beyond(each, scenario.objectives)]
    if broken:
        detail = f"called correct, and not within the bounds: {listed(broken)}"
        return Judged(Check(NAME, Verdict.FAIL, min(known, default=None), bound, detail))
    lacking = _lacking(sides, scenario)
    if lacking:
        return Judged(unknown(NAME, bound, lacking))
    absent = [(each.op, unmeasured(each)) for each in pictures if unmeasured(each)]
    if absent:
        op, keys = absent[0]
        detail = (
            f"pixels of {listed(sorted(unlike))} differ or have no hash, and {len(absent)} of "
            f"{len(pictures)} pictures lack figures, first {op}: no {listed(keys)}"
        )
        return Judged(unknown(NAME, bound, detail))
    return Judged(Check(NAME, Verdict.PASS, min(known, default=1.0), bound, _told(sides, unlike)))


def _gather(
    observations: Observations, scenario: Scenario, t_fault_ns: int
) -> Mapping[str, _Sides]:
    before: dict[str, list[Canary]] = {}
    after: dict[str, list[Canary]] = {}
    for canary in (*observations.canaries, *observations.runbook_canaries):
        if canary.state is not CanaryState.CORRECT:
            continue
        if canary.ended_ns is not None and canary.ended_ns < t_fault_ns:
            if canary.site == PRIMARY:
                before.setdefault(canary.name, []).append(canary)
        elif canary.sent_ns > t_fault_ns and canary.site == scenario.expected_site:
            after.setdefault(canary.name, []).append(canary)
    return {
        name: _Sides(tuple(before.get(name, ())), tuple(after.get(name, ())))
        for name in sorted({*before, *after})
    }


def _equal(sides: _Sides) -> bool:
    return len(sides.hashes) == 1 and None not in sides.hashes


def _lacking(sides: Mapping[str, _Sides], scenario: Scenario) -> str:
    if not sides:
        return "there is no correct picture"
    other = scenario.expected_site if scenario.recovery is Recovery.FAILOVER else "after the fault"
    early = [name for name, each in sides.items() if not each.after]
    late = [name for name, each in sides.items() if not each.before]
    told = []
    if early:
        told.append(f"no correct picture {other} of {listed(early)}")
    if late:
        told.append(f"no correct picture before the fault of {listed(late)}")
    return " and ".join(told)


def _told(sides: Mapping[str, _Sides], unlike: Mapping[str, _Sides]) -> str:
    count = sum(len(each.both) for each in sides.values())
    if not unlike:
        return f"{count} pictures of {listed(list(sides))} have equal pixels, before and after"
    unhashed = [name for name, each in unlike.items() if None in each.hashes]
    told = f"of {count} pictures those of {listed(list(unlike))} differ in their pixels"
    if unhashed:
        told = f"of {count} pictures those of {listed(unhashed)} have no hash of their pixels"
    return f"{told}; each is within the bounds"
