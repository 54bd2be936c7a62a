from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from colordrill.fault.witness import SILENT
from colordrill.history import Event, History
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.faults import Bench
from fakes.machine import Machine, machine_stack
from fakes.target import FakePart, FakeTarget


@pytest.fixture
def target() -> FakeTarget:
    """A primary site of running parts, and a gateway that reaches it over a network."""
    parts = {part: FakePart(networks={"primary": [part]}) for part in parts_of(Site.PRIMARY)}
    target = FakeTarget(parts={**parts, Part.GATEWAY: FakePart(networks={"front": ["gateway"]})})

    def ask(_part: Part, _command: Sequence[str]) -> Executed:
        service = target.parts[Part.PRIMARY_COLORIZATION]
        if service.running and service.networks:
            return Executed(0, "HTTP/1.1 200 OK\r\n", "")
        return Executed(SILENT, "", "")

    target.programs["bash"] = ask
    return target


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A whole stack in memory."""
    return machine_stack(tmp_path)


@pytest.fixture
def bench(target: FakeTarget, history: History, clock: ManualClock, events: list[Event]) -> Bench:
    return Bench(target, history, clock, events)
