"""Faults of processes, containers and sites on a real stack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from colordrill.errors import ColordrillError
from colordrill.fault.process import (
    ContainerFrozen,
    ContainerRemoved,
    ContainerStopped,
    ProcessKilled,
    ProcessTerminated,
)
from colordrill.fault.process_loop import CrashLoop
from colordrill.fault.process_memory import OutOfMemory
from colordrill.fault.process_saving import KilledWhileSaving
from colordrill.fault.process_site import SiteDown, SiteUnreachable
from colordrill.fault.protocol import Fault

from .conftest import Lab

pytestmark = pytest.mark.docker

FAULTS: dict[str, Callable[[], Fault]] = {
    "killed": ProcessKilled,
    "killed_backup": lambda: ProcessKilled("backup"),
    "killed_gateway": lambda: ProcessKilled("gateway"),
    "killed_toxiproxy": lambda: ProcessKilled("toxiproxy"),
    "terminated_storage": lambda: ProcessTerminated("primary-storage"),
    "stopped_storage": lambda: ContainerStopped("primary-storage"),
    "frozen": ContainerFrozen,
    "removed_backup": lambda: ContainerRemoved("backup"),
    "removed": ContainerRemoved,
    "out_of_memory": OutOfMemory,
    "crash_loop": CrashLoop,
    "site_unreachable": SiteUnreachable,
    "site_down": SiteDown,
    "site_down_dr": lambda: SiteDown("dr"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_it_happens_is_seen_by_a_peer_and_is_undone_by_another_object(lab: Lab, name: str) -> None:
    taken = lab.course(FAULTS[name](), FAULTS[name])

    assert float(taken["injected_s"]) <= 10.0


def test_a_service_that_dies_while_it_saves_leaves_half_a_picture(lab: Lab) -> None:
    stop = threading.Event()

    def users() -> None:
        while not stop.is_set():
            with suppress(ColordrillError):
                lab.colour(10.0)

    thread = threading.Thread(target=users)
    thread.start()
    try:
        taken = lab.course(KilledWhileSaving(), KilledWhileSaving)
    finally:
        stop.set()
        thread.join()

    assert "ends after" in str(taken["evidence"])
