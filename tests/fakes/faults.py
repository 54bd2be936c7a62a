"""A fault that does what a test wants, and what it takes to inject some of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.fault.injection import Injection
from colordrill.fault.ledger import Ledger
from colordrill.fault.planned import Planned
from colordrill.fault.protocol import About, Evidence
from colordrill.history import Event, EventType, History
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.target import Capability, Target
from fakes.clock import SAFETY_S, ManualClock
from fakes.target import FakeTarget

HORIZON_S = 500.0
BEYOND_S = 1000.0
"""A wait that ends beyond the clock's horizon is a real one, for another thread."""

Act = Callable[[], object]
NOTHING = About("none", "none", "none", "none", "none", targets=("primary",))


def raising(error: BaseException) -> Callable[[], None]:
    """What raises *error* when it is called."""

    def act() -> None:
        raise error

    return act


@dataclass(eq=False)
class ScriptedFault:
    """A fault that does what a test wants, and tells a shared log.

    Attributes:
        label: how the log calls it.
        log: gets each call once in a row.
        acts: also done by a method, by the method's name.
    """

    name: ClassVar[str] = "scripted"
    about: ClassVar[About] = NOTHING
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.KILL})

    label: str
    log: list[str]
    target_name: str = "primary"
    memory: dict[str, Any] = field(default_factory=dict)
    healthy_before: bool = True
    effective: bool = True
    curable: bool = True
    acts: dict[str, Act] = field(default_factory=dict)

    def healthy(self, _target: Target) -> Evidence:
        return self._look("healthy", seen=self.healthy_before)

    def inject(self, _target: Target) -> None:
        self._do("inject")

    def evidence(self, _target: Target) -> Evidence:
        return self._look("evidence", seen=self.effective)

    def heal(self, _target: Target) -> None:
        self._do("heal")

    def healed(self, _target: Target) -> Evidence:
        return self._look("healed", seen=self.curable)

    def _look(self, what: str, *, seen: bool) -> Evidence:
        self._do(what)
        return Evidence(seen=seen, detail=f"a peer saw {self.label}: {seen}")

    def _do(self, what: str) -> None:
        entry = f"{what} {self.label}"
        if not self.log or self.log[-1] != entry:
            self.log.append(entry)
        self.acts.get(what, bool)()


@dataclass
class Bench:
    """Two faults, and what is needed to inject them.

    Attributes:
        a: how the first one's spec differs from a fault that begins at once and ends at the end.
        b: the same for the second.
        ledger: where they are written down, or None.
    """

    target: FakeTarget
    history: History
    clock: ManualClock
    events: list[Event]
    log: list[str] = field(default_factory=list)
    a: dict[str, Any] = field(default_factory=dict)
    b: dict[str, Any] = field(default_factory=dict)
    ledger: Ledger | None = None

    def __post_init__(self) -> None:
        """Two faults that work."""
        self.first, self.second = ScriptedFault("a", self.log), ScriptedFault("b", self.log)

    def injection(self) -> Injection:
        """Both faults, not injected yet."""
        specs = (FaultSpec("a", "primary", **self.a), FaultSpec("b", "primary", **self.b))
        faults = (self.first, self.second)
        planned = [Planned(spec, fault) for spec, fault in zip(specs, faults, strict=True)]
        return Injection(planned, self.target, self.history, self.clock, self.ledger)

    def run(self, act: Act = bool, *, scheduled: bool = False) -> None:
        """Plant, strike, wait for the schedule where asked, act, heal.

        The schedule begins once the first evidence was taken: its waits take no real time.
        """
        proven = threading.Event()
        if scheduled:
            self.clock.at(0.001, lambda: proven.wait(SAFETY_S))
        with self.injection() as injection:
            injection.plant()
            injection.strike()
            proven.set()
            if scheduled:
                injection.await_schedule(BEYOND_S)
            self.log.append("block")
            act()

    def told(self, kind: str, type_: EventType | None = None) -> list[Event]:
        """The history's events of *kind*."""
        return [e for e in self.events if e.kind == kind and type_ in {None, e.type}]

    def times(self, kind: str, name: str) -> list[float]:
        """Seconds from the first injection to each beginning of *kind* for the fault *name*."""
        start_ns = self.told("fault", EventType.INVOKE)[0].t_ns
        return [
            (event.t_ns - start_ns) / 1e9
            for event in self.told(kind, EventType.INVOKE)
            if event.data["name"] == name
        ]
