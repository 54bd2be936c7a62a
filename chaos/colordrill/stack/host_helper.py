"""The privileged helper container: what only a host's root can do to the other parts."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from docker.models.containers import Container

from colordrill.errors import EnvironmentProblem
from colordrill.stack.engine import Engine, engine_errors
from colordrill.stack.inspection import is_up
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, Executed

NEEDS_HELPER = frozenset(
    {Capability.PROCESS_SIGNAL, Capability.PACKET_FILTER, Capability.BLOCK_DEVICE}
)
"""What a target can do through the helper alone."""

PROBE_LIMIT_S = 20.0
ABSENT = "the engine has no privileged helper container for this stack"
NEXT_STEP = "see `colordrill doctor`; such faults need an engine that allows privileged containers"


@dataclass(slots=True)
class HostHelper:
    """Started by the first command that is run in it, probed once by the first who asks.

    Args:
        engine: holds the helper's container, which was created and not started.

    Attributes:
        refusal: why the engine would not create it; empty when it did.
    """

    engine: Engine
    refusal: str = ""
    _missing: Mapping[Capability, str] | None = field(init=False, default=None)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def run(self, command: Sequence[str], timeout_s: float) -> Executed:
        """Run *command* in the helper."""
        with engine_errors(f"run {command[0]} in the privileged helper"):
            return self.engine.execute(self._running(), command, timeout_s)

    def missing(self) -> Mapping[Capability, str]:
        """What this host does not allow after all, each with the reason."""
        with self._lock:
            if self._missing is None:
                self._missing = MappingProxyType(self._probe())
            return self._missing

    def _probe(self) -> dict[Capability, str]:
        try:
            with engine_errors("probe the privileged helper"):
                helper = self._running()
                command = ["host-capabilities", str(helper.attrs["State"]["Pid"])]
                done = self.engine.execute(helper, command, PROBE_LIMIT_S)
            reasons = json.loads(done.stdout)
            found = {each: reasons[each.value] for each in NEEDS_HELPER}
        except EnvironmentProblem as problem:
            return dict.fromkeys(NEEDS_HELPER, problem.cause)
        except (ValueError, LookupError, TypeError):
            said = (done.stderr or done.stdout)[-300:]
            return dict.fromkeys(NEEDS_HELPER, f"its probe ended with {done.exit_code}: {said}")
        return {each: str(reason) for each, reason in found.items() if reason is not None}

    def _running(self) -> Container:
        helper = self.engine.find(Part.HOST)
        if helper is None:
            raise EnvironmentProblem(self.refusal or ABSENT, NEXT_STEP)
        if not is_up(helper.attrs):
            helper.start()
            helper.reload()
        return helper
