"""Injects faults and undoes them, writing both down; the undo never depends on anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from colordrill.clock import Clock, poll
from colordrill.errors import ColordrillError, EnvironmentProblem, RecordProblem, WaitExpired
from colordrill.fault.protocol import Evidence, Fault
from colordrill.history import History
from colordrill.interrupts import shielded
from colordrill.stack.target import Target

EVIDENCE_LIMIT_S = 10.0
HEALED_LIMIT_S = 60.0


def refuse_unsupported(faults: Sequence[Fault], target: Target) -> None:
    """Say before anything is touched that the target cannot carry a fault.

    Raises:
        EnvironmentProblem: names the missing capabilities.
    """
    for fault in faults:
        missing = fault.requires - target.capabilities
        if missing:
            raise EnvironmentProblem(
                f"fault {fault.name} needs {', '.join(sorted(missing))}, which this target lacks"
            )


@contextmanager
def injected(
    faults: Sequence[Fault],
    target: Target,
    history: History,
    clock: Clock,
    gate: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Inject *faults* in order, prove them, run the block, heal them in reverse order.

    The peers' probes must find nothing wrong beforehand, or what they find afterwards proves
    nothing. Missing evidence is written down, not raised: the verdict is unknown, the healing runs.

    Args:
        faults: what to break.
        target: the stack.
        history: gets ``fault``, ``evidence`` and ``heal``.
        clock: bounds the waits.
        gate: called last before the first injection; may wait, and raises to call it off.

    Raises:
        EnvironmentProblem: an injection or a cure failed; every other cure was still tried.
    """
    for fault in faults:
        before = fault.healthy(target)
        if not before.seen:
            raise EnvironmentProblem(
                f"{fault.target_name} is not healthy before {fault.name}: {before.detail}",
                "see the run's logs/",
            )
    gate()
    try:
        for fault in faults:
            _inject(fault, target, history)
        for fault in faults:
            _prove(fault, target, history, clock)
        yield
    finally:
        with shielded():
            problems = [
                problem
                for fault in reversed(faults)
                if (problem := _heal(fault, target, history, clock)) is not None
            ]
        if problems:
            raise EnvironmentProblem(
                f"not everything could be healed: {'; '.join(problems)}",
                "the stack is removed all the same, unless it was kept",
            )


def _inject(fault: Fault, target: Target, history: History) -> None:
    operation = history.invoke(
        "fault", name=fault.name, target=fault.target_name, starts_clock=fault.starts_clock
    )
    try:
        fault.inject(target)
    except ColordrillError as error:
        operation.fail(name=fault.name, target=fault.target_name, error=str(error))
        raise
    operation.ok(name=fault.name, target=fault.target_name)


def _prove(fault: Fault, target: Target, history: History, clock: Clock) -> None:
    last = Evidence(seen=False, detail="no peer has looked yet")

    def look() -> Evidence | None:
        nonlocal last
        last = fault.evidence(target)
        return last if last.seen else None

    try:
        poll(clock, look, awaited="evidence", timeout_s=EVIDENCE_LIMIT_S)
    except ColordrillError as error:
        last = Evidence(seen=False, detail=f"{last.detail}; {error}")
    history.note(
        "evidence", name=fault.name, target=fault.target_name, seen=last.seen, detail=last.detail
    )


def _heal(fault: Fault, target: Target, history: History, clock: Clock) -> str | None:
    named = {"name": fault.name, "target": fault.target_name}
    operation = None
    # recording never blocks healing: on a full disk the cure still runs, unrecorded
    with suppress(RecordProblem):
        operation = history.invoke("heal", **named)
    last = Evidence(seen=False, detail="")

    def look() -> Evidence | None:
        nonlocal last
        last = fault.healed(target)
        return last if last.seen else None

    try:
        fault.heal(target)
        poll(clock, look, awaited="the read-back", timeout_s=HEALED_LIMIT_S)
    except WaitExpired:
        detail = f"not healed within {HEALED_LIMIT_S:g} s: {last.detail}"
    except Exception as error:  # noqa: BLE001 (the other cures must still run; it is reported)
        detail = f"the cure failed: {error}"
    else:
        with suppress(RecordProblem):
            if operation is not None:
                operation.ok(**named, detail=last.detail)
        return None
    with suppress(RecordProblem):
        if operation is not None:
            operation.fail(**named, detail=detail)
    return f"{fault.name} on {fault.target_name}: {detail}"
