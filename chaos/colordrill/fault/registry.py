"""Every fault by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from colordrill.clock import Clock
from colordrill.errors import UnknownName, UsageProblem
from colordrill.fault import (
    clock_skew,
    configuration,
    configuration_accounts,
    configuration_checkpoints,
    configuration_dr_container,
    disk,
    disk_damage,
    host,
    network,
    network_dns,
    network_slow,
    partition,
    power,
    process,
    process_loop,
    process_memory,
    process_saving,
    process_site,
    service_state,
    service_state_cache,
)
from colordrill.fault.protocol import Fault
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.target import Capability

_FAMILIES: tuple[Any, ...] = (
    clock_skew,
    configuration,
    configuration_accounts,
    configuration_checkpoints,
    configuration_dr_container,
    disk,
    disk_damage,
    host,
    network,
    network_dns,
    network_slow,
    partition,
    power,
    process,
    process_loop,
    process_memory,
    process_saving,
    process_site,
    service_state,
    service_state_cache,
)

_GIVEN = frozenset({"target_name", "memory"})
"""Not parameters: a scenario names the target itself, and the memory is the fault's own."""

FAULTS: Mapping[str, Any] = {each.name: each for family in _FAMILIES for each in family.FAULTS}


def capabilities_of(specs: Iterable[FaultSpec]) -> frozenset[Capability]:
    """What a target must be able to do to carry *specs*.

    Raises:
        UnknownName: there is no such fault.
    """
    return frozenset(capability for spec in specs for capability in _class_of(spec.name).requires)


def parameters_of(fault: Any) -> dict[str, Any]:
    """The parameters of a fault's class and their defaults; its clock is none."""
    return {
        each.name: _default_of(each)
        for each in fields(fault)
        # annotations are text in modules that postpone them
        if each.init and each.name not in _GIVEN and each.type not in {Clock, "Clock"}
    }


def _default_of(parameter: Field[Any]) -> Any:
    """None where it has none; the registry's test refuses such a fault."""
    if parameter.default_factory is not MISSING:
        return parameter.default_factory()
    return None if parameter.default is MISSING else parameter.default


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
