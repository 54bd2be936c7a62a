"""How long the network faults of the catalogue take to inject and to heal, on a real stack.

What is timed is the call. That it took effect is seen by the fault's own peer each time, and the
heal is read back, both outside the timing: a fault that is quick because it does nothing would not
be a figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from colordrill.clock import SystemClock, poll, seconds_between
from colordrill.fault.protocol import Fault
from colordrill.fault.registry import build_fault
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.scenario.network_drills import NETWORK_DRILLS
from colordrill.stack.target import Target

SECONDS_MAX = 0.250
SEEN_LIMIT_S = 20.0

CLOCK = SystemClock()


def specs() -> tuple[FaultSpec, ...]:
    """Every network fault of the catalogue once, as a drill injects it first."""
    found: dict[str, FaultSpec] = {}
    for scenario in NETWORK_DRILLS:
        for spec in scenario.faults:
            found.setdefault(spec.name, spec)
    return tuple(found.values())


def measure(target: Target, times: int) -> Iterator[tuple[str, Mapping[str, float]]]:
    """For each fault its name and figures in seconds; the slowest call counts."""
    # as in a drill, which asks for it before anything else: it starts the privileged helper
    _ = target.capabilities
    for spec in specs():
        fault = build_fault(spec)
        pairs = [_inject_and_heal(fault, target) for _ in range(times)]
        injected, healed = ([pair[number] for pair in pairs] for number in (0, 1))
        yield (
            f"{spec.name} of {spec.target}",
            {
                "ratio": max(*injected, *healed) / SECONDS_MAX,
                "bound": 1.0,
                "inject_p50_s": median(injected),
                "inject_max_s": max(injected),
                "heal_p50_s": median(healed),
                "heal_max_s": max(healed),
            },
        )


def _inject_and_heal(fault: Fault, target: Target) -> tuple[float, float]:
    poll(
        CLOCK,
        lambda: fault.healthy(target).seen or None,
        awaited=f"{fault.name}'s peer to be served before the fault",
        timeout_s=SEEN_LIMIT_S,
    )
    began_ns = CLOCK.now_ns()
    try:
        fault.inject(target)
        injected_ns = CLOCK.now_ns()
        poll(
            CLOCK,
            lambda: fault.evidence(target).seen or None,
            awaited=f"{fault.name} to be seen by its peer",
            timeout_s=SEEN_LIMIT_S,
        )
    finally:
        healing_ns = CLOCK.now_ns()
        fault.heal(target)
        healed_ns = CLOCK.now_ns()
    poll(
        CLOCK,
        lambda: fault.healed(target).seen or None,
        awaited=f"{fault.name} to be read back as healed",
        timeout_s=SEEN_LIMIT_S,
    )
    return seconds_between(began_ns, injected_ns), seconds_between(healing_ns, healed_ns)
