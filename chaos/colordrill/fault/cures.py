"""Undoes a fault, reads back that it is undone, and writes both down."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, RecordProblem, WaitExpired
from colordrill.fault.ledger import Ledger
from colordrill.fault.planned import Planned
from colordrill.fault.protocol import Evidence, Fault
from colordrill.fault.witness import a_look
from colordrill.history import History, Operation
from colordrill.stack.target import Target

HEALED_LIMIT_S = 60.0
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Cure:
    """A cure that was begun: its line in the history, and why it failed; empty if it did not."""

    operation: Operation | None
    named: dict[str, Any]
    problem: str


@a_look
def look_healed(fault: Fault, target: Target) -> Evidence:
    """One look at whether *fault* is undone; who cannot look has not seen it."""
    return fault.healed(target)


class Cures:
    """Cures of one drill's faults, from any thread.

    Args:
        target: the stack.
        history: gets ``heal``.
        clock: bounds the read-back.
        ledger: a fault that was read back as healed is closed there; None: there is none.

    Attributes:
        over: set once the drill is over: scheduled cures are not read back any more.
    """

    def __init__(
        self, target: Target, history: History, clock: Clock, ledger: Ledger | None
    ) -> None:
        self._target = target
        self._history = history
        self._clock = clock
        self._ledger = ledger
        self.over = threading.Event()

    def begin(self, planned: Planned, *, scheduled: bool) -> Cure:
        """Heal the fault; what goes wrong is kept for the end."""
        spec = planned.spec
        named = {"name": spec.name, "target": spec.target, "scheduled": scheduled}
        operation = None
        # recording never blocks healing: on a full disk the cure still runs, unrecorded
        with suppress(RecordProblem):
            operation = self._history.invoke("heal", **named)
        problem = ""
        with planned.lock:
            try:
                planned.fault.heal(self._target)
            except Exception as error:  # noqa: BLE001 (the other cures must still run; reported)
                problem = f"the cure failed: {error}"
        return Cure(operation, named, problem)

    def end(self, planned: Planned, cure: Cure) -> str | None:
        """Read the cure back and write down its end; None when it worked, else what is wrong."""
        seen, detail = (False, cure.problem) if cure.problem else self._read_back(planned, cure)
        with planned.lock:
            planned.undone = seen
        if seen and self._ledger is not None:
            self._ledger.closed(planned.spec)
        with suppress(RecordProblem):
            if cure.operation is not None:
                end = cure.operation.ok if seen else cure.operation.fail
                end(**cure.named, detail=detail)
        spec = planned.spec
        return None if seen else f"{spec.name} on {spec.target}: {detail}"

    def _read_back(self, planned: Planned, cure: Cure) -> tuple[bool, str]:
        last = Evidence(seen=False, detail="")

        def look() -> Evidence | None:
            nonlocal last
            if cure.named["scheduled"] and self.over.is_set():
                raise EnvironmentProblem("the drill ended before it was read back")
            with planned.lock:
                last = look_healed(planned.fault, self._target)
            return last if last.seen else None

        try:
            poll(
                self._clock,
                look,
                awaited="the read-back",
                timeout_s=HEALED_LIMIT_S,
                every_s=LOOK_EVERY_S,
            )
        except WaitExpired:
            return False, f"not healed within {HEALED_LIMIT_S:g} s: {last.detail}"
        except Exception as error:  # noqa: BLE001 (the other cures must still run; it is reported)
            return False, f"the cure failed: {error}"
        return True, last.detail
