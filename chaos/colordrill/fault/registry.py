"""Every fault by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from colordrill.errors import UnknownName, UsageProblem
from colordrill.fault.host import HostPowerLoss
from colordrill.fault.protocol import Fault
from colordrill.scenario.model import FaultSpec

FAULTS: Mapping[str, Callable[..., Fault]] = {"host_power_loss": HostPowerLoss}


def build_fault(spec: FaultSpec) -> Fault:
    """The fault that *spec* names.

    Raises:
        UnknownName: there is no such fault, or no such target for it.
        UsageProblem: the fault does not take these parameters.
    """
    if spec.name not in FAULTS:
        raise UnknownName("fault", spec.name, FAULTS)
    try:
        return FAULTS[spec.name](target_name=spec.target, **spec.parameters)
    except TypeError as error:
        raise UsageProblem(f"fault {spec.name} does not take {dict(spec.parameters)}") from error
