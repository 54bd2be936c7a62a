"""A fault with its schedule, and how far it has come."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from colordrill.fault.protocol import Fault
from colordrill.scenario.fault_spec import FaultSpec


@dataclass(slots=True)
class Planned:
    """One fault of a drill.

    Attributes:
        spec: what the scenario says of it.
        fault: what it resolved to.
        undone: the last cure was read back as good.
        read_back: under way since the last scheduled cure; None where there was none.
        lock: held by whoever acts on the fault; schedule and drill are two threads.
    """

    spec: FaultSpec
    fault: Fault
    undone: bool = False
    read_back: Future[None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
