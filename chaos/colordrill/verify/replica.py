"""Check ``replica``: the storage's replica holds whatever was acknowledged, byte for byte.

It applies where the scenario says that it is about storage, or where somebody looked.
"""

from __future__ import annotations

from collections.abc import Iterable

from colordrill.outcome import Check, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.judged import NO_FAULT, Judged, listed, unknown
from colordrill.verify.observations import Item, Observations
from colordrill.verify.probed import Replica

NAME = "replica"
OUTPUT = "output/"
"""What the replica is there for: the names of outputs begin so."""


def judge_replica(observations: Observations, scenario: Scenario) -> Judged | None:
    """Judge what was found at the end; figures that do not add up say nothing."""
    found = observations.replica
    if found is None:
        if not scenario.replica:
            return None
        return Judged(unknown(NAME, None, "nobody looked at what the replica holds"))
    count, present = found.acknowledged, found.present
    told = f"{present} of {count} acknowledged items are in the replica"
    if found.missing or found.differs or present < count:
        detail = f"{told}; {_wrong(found)}"
        return Judged(Check(NAME, Verdict.FAIL, present, count, detail))
    if observations.t_fault_ns is None:
        return Judged(unknown(NAME, count, NO_FAULT))
    doubt = _doubt(found, observations.t_fault_ns, observations.items)
    if doubt:
        return Judged(unknown(NAME, count, f"{told}{doubt}"))
    return Judged(Check(NAME, Verdict.PASS, present, count, told))


def _wrong(found: Replica) -> str:
    """Which items are not as they were acknowledged."""
    named = {"missing": found.missing, "with other bytes": found.differs}
    told = [f"{what}: {listed(list(names))}" for what, names in named.items() if names]
    return "; ".join(told) or "missing: nobody said which"


def _doubt(found: Replica, t_fault_ns: int, items: Iterable[Item]) -> str:
    """What keeps a replica that misses nothing from being proof; empty where nothing does."""
    if found.noted_ns < t_fault_ns:
        return ", but nobody looked after the fault"
    if not found.acknowledged or max(found.present, found.compared) > found.acknowledged:
        return ", which proves nothing"
    if found.compared < found.acknowledged:
        unseen = found.acknowledged - found.compared
        return f", but nobody compared the bytes of {unseen} of them"
    outputs = sum(item.name.startswith(OUTPUT) for item in items)
    if outputs != found.acknowledged:
        return f", but clients were acknowledged {outputs} outputs"
    return ""
