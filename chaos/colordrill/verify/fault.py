"""Checks ``fault_evidence`` and ``fault_healed``: it was broken, and it was undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import Judged, listed, unknown
from colordrill.verify.observations import Fault, Observations

EVIDENCE = "fault_evidence"
HEALED = "fault_healed"


def judge_evidence(observations: Observations, scenario: Scenario) -> Judged:
    """Judge whether a peer saw every fault take effect; never fails, only lacks.

    What a peer saw of an injection that failed, or of which nobody knows how it ended, is not
    known to be its doing.
    """
    missing = never_injected(observations.faults, scenario)
    unseen = [_named(fault) for fault in observations.faults if fault.seen_ns is None]
    unproven = [
        _named(fault)
        for fault in observations.faults
        if fault.seen_ns is not None and fault.injected_ns is None
    ]
    count = len(observations.faults) + len(missing)
    if not count:
        return Judged(unknown(EVIDENCE, 0, "there was no fault"))
    if missing or unseen or unproven:
        detail = "; ".join(
            [f"{each} was never injected" for each in missing]
            + [f"no peer saw {each} take effect" for each in unseen]
            + [f"the injection of {each} failed, or never ended" for each in unproven]
        )
        return Judged(unknown(EVIDENCE, count, detail))
    detail = "; ".join(f"{_named(each)}: {each.seen_detail}" for each in observations.faults)
    return Judged(Check(EVIDENCE, Verdict.PASS, count, count, detail))


def judge_healed(observations: Observations, scenario: Scenario) -> Judged:
    """Judge whether every fault was undone, as read back after its cure."""
    missing = never_injected(observations.faults, scenario)
    count = len(observations.faults) + len(missing)
    left = [fault for fault in observations.faults if fault.healed is False]
    unread = [_named(fault) for fault in observations.faults if fault.healed is None]
    healed = sum(fault.healed is True for fault in observations.faults)
    if left:
        told = listed([f"{_named(fault)}: {fault.heal_detail}" for fault in left])
        check = Check(HEALED, Verdict.FAIL, healed, count, f"not undone: {told}")
    elif not count:
        check = unknown(HEALED, 0, "there was no fault")
    elif missing:
        check = unknown(HEALED, count, f"never injected: {listed(missing)}")
    elif unread:
        check = unknown(HEALED, count, f"nobody read back whether it was undone: {listed(unread)}")
    else:
        detail = f"undone and read back: {listed([_named(each) for each in observations.faults])}"
        check = Check(HEALED, Verdict.PASS, healed, count, detail)
    return Judged(check)


def never_injected(
    faults: Iterable[Fault], scenario: Scenario, *, disasters: bool = False
) -> list[str]:
    """What of the scenario's faults, or of its disasters alone, is missing among *faults*.

    A fault that happens several times must have been injected so many times.
    """
    injected = Counter((fault.name, fault.target) for fault in faults)
    missing = []
    for spec in scenario.faults:
        count = injected[spec.name, spec.target]
        if count >= spec.times or (disasters and spec.latent):
            continue
        often = f" ({count} of {spec.times} times)" if spec.times > 1 else ""
        missing.append(f"{spec.name} at {spec.target}{often}")
    return missing


def _named(fault: Fault) -> str:
    return f"{fault.name} at {fault.target}"
