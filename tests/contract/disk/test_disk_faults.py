"""Every fault of the disk takes effect where the site's agent can see it, and is undone."""

from __future__ import annotations

import json

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.fault.disk import DiskErrors, DiskFull, DiskReadOnly, DiskSlow
from colordrill.fault.protocol import Evidence, Fault
from colordrill.stack.parts import Part
from fakes.disk_lab import DiskLab

pytestmark = pytest.mark.docker

EVIDENCE_LIMIT_S = 10.0
KINDS = (DiskErrors, DiskSlow, DiskFull, DiskReadOnly)


def awaited_evidence(fault: Fault, lab: DiskLab) -> Evidence:
    """As the drill does: looks until it is seen."""
    return poll(
        SystemClock(),
        lambda: found if (found := fault.evidence(lab.target)).seen else None,
        awaited=f"evidence of {fault.name}",
        timeout_s=EVIDENCE_LIMIT_S,
    )


def awaited_healed(fault: Fault, lab: DiskLab) -> Evidence:
    """As the drill does: looks until everything is as it was."""
    return poll(
        SystemClock(),
        lambda: found if (found := fault.healed(lab.target)).seen else None,
        awaited=f"{fault.name} to be healed",
        timeout_s=EVIDENCE_LIMIT_S,
        explain=lambda: fault.healed(lab.target).detail,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_agent_sees_it_come_and_go(lab: DiskLab, kind: type[DiskErrors]) -> None:
    lab.put({"output/kept.png": b"kept"})
    fault = kind("primary")
    healthy = fault.healthy(lab.target)
    assert healthy.seen, healthy.detail
    assert not fault.evidence(lab.target).seen

    fault.inject(lab.target)
    awaited_evidence(fault, lab)
    assert not fault.healed(lab.target).seen

    fault.heal(lab.target)
    awaited_healed(fault, lab)
    assert not fault.evidence(lab.target).seen
    lab.await_service()
    assert list(lab.site()) == ["output/kept.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_heals_it_and_healing_again_changes_nothing(
    lab: DiskLab, kind: type[DiskErrors]
) -> None:
    fault = kind("primary")
    assert fault.healthy(lab.target).seen
    fault.inject(lab.target)
    awaited_evidence(fault, lab)
    later = kind("primary")
    later.memory = json.loads(json.dumps(fault.memory))

    later.heal(lab.target)
    pid = lab.target.pid(Part.PRIMARY_AGENT)
    later.heal(lab.target)

    assert lab.target.pid(Part.PRIMARY_AGENT) == pid
    awaited_healed(later, lab)


def test_a_file_system_that_gave_up_is_brought_back_with_what_it_held(lab: DiskLab) -> None:
    lab.put({"output/kept.png": b"kept"})
    lab.agent("import os; os.sync()")
    fault = DiskErrors("primary")
    assert fault.healthy(lab.target).seen
    fault.inject(lab.target)

    poll(
        SystemClock(),
        lambda: True if "EROFS" in fault.evidence(lab.target).detail else None,
        awaited="ext4 to give up",
        timeout_s=30.0,
    )
    assert lab.disk.state().read_only

    fault.heal(lab.target)

    awaited_healed(fault, lab)
    lab.await_service()
    assert list(lab.site()) == ["output/kept.png"]


def test_the_slowness_is_that_of_the_rate(lab: DiskLab) -> None:
    slow, slower = DiskSlow("primary", bytes_per_s=400_000), DiskSlow("primary", bytes_per_s=50_000)
    for fault in (slow, slower):
        assert fault.healthy(lab.target).seen
        fault.inject(lab.target)
        assert fault.evidence(lab.target).seen
        fault.heal(lab.target)
        awaited_healed(fault, lab)
