"""How long the public address was up, down, or up and wrong: figures, not a check.

The state of the service between two canaries is what the last one said. A picture speaks when it is
held, an unanswered canary when it was submitted (the service was then seen to be down); one that
says nothing changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from colordrill.clock import seconds_between
from colordrill.verify.observations import Canary, CanaryState, Observations


@dataclass(frozen=True, slots=True)
class Span:
    """From *began_ns* to *ended_ns* the last canary had said *state*."""

    began_ns: int
    ended_ns: int
    state: CanaryState


def timeline(canaries: Iterable[Canary]) -> tuple[Span, ...]:
    """What users met, from the first canary that said anything to the last one."""
    turns = sorted(
        ((_speaks_ns(each), each.state) for each in canaries if _says_something(each)),
        key=lambda turn: turn[0],
    )
    return tuple(
        Span(began_ns, ended_ns, state) for (began_ns, state), (ended_ns, _) in pairwise(turns)
    )


def bad_output_s(observations: Observations) -> float | None:
    """Seconds in which the public address gave out wrong pictures while it seemed up.

    From each wrong picture to the next canary that says otherwise. Wrong pictures at the end count
    until the last canary that said anything. None where no picture was scored.
    """
    pictures = (CanaryState.CORRECT, CanaryState.WRONG)
    if not any(each.state in pictures for each in observations.canaries):
        return None
    return _seconds(timeline(observations.canaries), CanaryState.WRONG)


def availability(observations: Observations) -> dict[str, float | None]:
    """Seconds up and down from the fault until the last canary; None where there is no saying.

    What is neither is the time of wrong pictures, and the time at the fault for which no earlier
    canary speaks.
    """
    t_fault_ns = observations.t_fault_ns
    spans = () if t_fault_ns is None else tuple(_since(timeline(observations.canaries), t_fault_ns))
    if not spans:
        return {"available_s": None, "outage_s": None}
    return {
        "available_s": _seconds(spans, CanaryState.CORRECT),
        "outage_s": _seconds(spans, CanaryState.UNANSWERED),
    }


def _says_something(canary: Canary) -> bool:
    return canary.state is not CanaryState.UNDECIDED


def _speaks_ns(canary: Canary) -> int:
    if canary.state is CanaryState.UNANSWERED or canary.ended_ns is None:
        return canary.sent_ns
    return canary.ended_ns


def _since(spans: Iterable[Span], t_ns: int) -> Iterator[Span]:
    return (
        Span(max(each.began_ns, t_ns), each.ended_ns, each.state)
        for each in spans
        if each.ended_ns > t_ns
    )


def _seconds(spans: Iterable[Span], state: CanaryState) -> float:
    return math.fsum(
        seconds_between(each.began_ns, each.ended_ns) for each in spans if each.state is state
    )
