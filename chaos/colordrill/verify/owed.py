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

    def owes(self, acked_ns: int) -> bool:
        """Whether what was acknowledged at *acked_ns* must certainly be there."""
        return self.before_ns is not None and acked_ns < self.before_ns


@dataclass(frozen=True, slots=True)
class Debts:
    """Who owes an item depends on where it lies.

    Attributes:
        main: of what was restored, or, where that is everything or nothing, of all.
        untouched: of what lies outside *repair*.
        repair: the files and folders that were brought back one by one; empty: none was, and
            *main* is of all.
    """

    main: Owed
    untouched: Owed
    repair: tuple[str, ...] = ()

    def of(self, name: str) -> Owed:
        """Who owes the item *name*."""
        if not self.repair or any(_lies_in(name, each) for each in self.repair):
            return self.main
        return self.untouched


def what_must_be_there(observations: Observations, scenario: Scenario, t_fault_ns: int) -> Debts:
    """What must be there after recovery, item by item."""
    main = _main(observations, scenario, t_fault_ns)
    if scenario.recovery is not Recovery.IN_PLACE or not scenario.repair:
        return Debts(main, main)
    if scenario.unflushed_max_s is not None:
        untouched = _flushed(scenario.unflushed_max_s, t_fault_ns)
    else:
        brought = ", ".join(scenario.repair)
        untouched = Owed(t_fault_ns, f"a site of which only {brought} was brought back")
    return Debts(main, untouched, scenario.repair)


def _main(observations: Observations, scenario: Scenario, t_fault_ns: int) -> Owed:
    """Of two promises the one that covers more counts."""
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


def _lies_in(name: str, place: str) -> bool:
    """Whether the item *name* is the file *place*, or lies below that folder."""
    return name == place or name.startswith(f"{place.rstrip('/')}/")


def _flushed(unflushed_max_s: float, t_fault_ns: int) -> Owed:
    before_ns = t_fault_ns - round(unflushed_max_s * NS_PER_S)
    return Owed(before_ns, f"the disk ({unflushed_max_s:g} s before the fault)")


def _restored_point(observations: Observations) -> tuple[str | None, int | None]:
    named = [step.point for step in observations.steps if step.ok and step.point is not None]
    if not named:
        return None, None
    began = [each.began_ns for each in observations.points if each.point == named[-1]]
    return named[-1], began[-1] if began else None
