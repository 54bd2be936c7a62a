"""Every fault by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from colordrill.errors import UnknownName, UsageProblem
from colordrill.fault import (
    host,
    process,
    process_loop,
    process_memory,
    process_saving,
    process_site,
)
from colordrill.fault.protocol import Fault
from colordrill.scenario.model import FaultSpec
from colordrill.stack.target import Capability

_FAMILIES: tuple[Any, ...] = (
    host,
    process,
    process_loop,
    process_memory,
    process_saving,
    process_site,
)

_NOT_FOR_SCENARIOS = frozenset({"target_name", "memory", "clock"})

FAULTS: Mapping[str, Any] = {each.name: each for family in _FAMILIES for each in family.FAULTS}


def capabilities_of(specs: Iterable[FaultSpec]) -> frozenset[Capability]:
    """What a target must be able to do to carry *specs*.

    Raises:
        UnknownName: there is no such fault.
    """
    return frozenset(capability for spec in specs for capability in _class_of(spec.name).requires)


def parameters_of(fault: Any) -> dict[str, Any]:
    """The parameters of a fault's class and their defaults."""
    return {
        each.name: each.default
        for each in fields(fault)
        if each.init and each.name not in _NOT_FOR_SCENARIOS
    }


def build_fault(spec: FaultSpec) -> Fault:
    """The fault that *spec* names.

    Raises:
        UnknownName: there is no such fault, or no such target for it.
        UsageProblem: the fault does not take these parameters.
    """
    made_of = _class_of(spec.name)
    taken = parameters_of(made_of)
    strange = sorted(set(spec.parameters) - set(taken))
    if strange:
        raise UsageProblem(
            f"fault {spec.name} does not take {', '.join(strange)}",
            f"its parameters: {', '.join(taken) or 'none'}",
        )
    fault: Fault = made_of(target_name=spec.target, **spec.parameters)
    return fault


def _class_of(name: str) -> Any:
    if name not in FAULTS:
        raise UnknownName("fault", name, FAULTS)
    return FAULTS[name]
