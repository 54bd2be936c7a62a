"""Which acknowledged items a recovery had to give back or to keep, by the way it went."""

from __future__ import annotations

from dataclasses import dataclass

from colordrill.clock import NS_PER_S
from colordrill.scenario.fault_spec import Recovery
from colordrill.scenario.model import Scenario
from colordrill.verify.observations import Observations


@dataclass(frozen=True, slots=True)
class Owed:
    """Whatever was acknowledged before *before_ns* must be there.

    Attributes:
        before_ns: None where nobody can tell, because no step says which point was restored.
        holder: who owes it, in words.
    """

    before_ns: int | None
    holder: str


def what_must_be_there(observations: Observations, scenario: Scenario, t_fault_ns: int) -> Owed:
    """What must be there after recovery; of two promises the one that covers more counts."""
    if scenario.recovery is Recovery.UNAIDED:
        if scenario.unflushed_max_s is None:
            return Owed(t_fault_ns, "a site that nobody restored")
        return _flushed(scenario.unflushed_max_s, t_fault_ns)
    point, began_ns = _restored_point(observations)
    restored = Owed(began_ns, f"the restored point {point or '(none needed)'}")
    if scenario.recovery is Recovery.FAILOVER:
        return restored
    if scenario.unflushed_max_s is not None:
        flushed = _flushed(scenario.unflushed_max_s, t_fault_ns)
        covers_more = began_ns is not None and began_ns >= (flushed.before_ns or 0)
        return restored if covers_more else flushed
    if point is None and not scenario.repair:
        return Owed(t_fault_ns, "a site from which nothing was restored")
    return restored


def _flushed(unflushed_max_s: float, t_fault_ns: int) -> Owed:
    before_ns = t_fault_ns - round(unflushed_max_s * NS_PER_S)
    return Owed(before_ns, f"the disk ({unflushed_max_s:g} s before the fault)")


def _restored_point(observations: Observations) -> tuple[str | None, int | None]:
    named = [step.point for step in observations.steps if step.ok and step.point is not None]
    if not named:
        return None, None
    began = [each.began_ns for each in observations.points if each.point == named[-1]]
    return named[-1], began[-1] if began else None
