"""Where the recovery time went: detection, the steps of the runbook, the first picture."""

from __future__ import annotations

from colordrill.clock import seconds_between
from colordrill.verify.observations import Observations

STEPS = ("start", "mount", "verify", "switch")


def breakdown_of(observations: Observations) -> dict[str, float | None]:
    """Seconds until detection and of each step, summed where it was taken more than once.

    None where it was not taken or has not ended; ``first_correct_s`` is the caller's.
    """
    detected_ns = observations.detected_ns
    parts: dict[str, float | None] = {
        "detect_s": None if detected_ns is None else observations.since_fault(detected_ns)
    }
    for name in STEPS:
        spans = [
            seconds_between(step.began_ns, step.ended_ns)
            for step in observations.steps
            if step.name == name and step.ended_ns is not None
        ]
        parts[f"{name}_s"] = sum(spans) if spans else None
    return parts | {"first_correct_s": None}


def first_correct_s(observations: Observations, recovered_ns: int) -> float | None:
    """Seconds from the end of the switch to the recovery; None where nothing was switched."""
    switched = [
        step.ended_ns
        for step in observations.steps
        if step.name == "switch" and step.ended_ns is not None
    ]
    # a picture may come back before the switch step has read its own success back
    return max(0.0, seconds_between(switched[-1], recovered_ns)) if switched else None
