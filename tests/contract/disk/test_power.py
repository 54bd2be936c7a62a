"""Power loss is power loss: what was never flushed is gone, what was flushed is there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault.power import PowerLoss, restore_power
from colordrill.stack.disk import helper_refusals, not_on_disk, why_no_disk
from colordrill.stack.parts import Part
from colordrill.stack.runs import RUN_LABEL
from fakes.disk_lab import DiskLab

pytestmark = pytest.mark.docker

FILES = 120
FLUSHED_EVERY = 10
SIZE_BYTES = 20_000

WRITE = """
import os, sys
count, every, size = map(int, sys.argv[1:])
for number in range(count):
    with open(f"/site/output/{number:05d}.png", "wb") as file:
        file.write(b"%05d" % number * (size // 5))
        file.flush()
        if number % every == 0:
            os.fsync(file.fileno())
"""
COUNT = """
import json, pathlib, sys
count, every, size = map(int, sys.argv[1:])
told = {"whole": [], "empty": [], "other": [], "absent": []}
for number in range(count):
    path = pathlib.Path(f"/site/output/{number:05d}.png")
    content = path.read_bytes() if path.exists() else None
    whole = b"%05d" % number * (size // 5)
    kind = {None: "absent", b"": "empty", whole: "whole"}.get(content, "other")
    told[kind].append(number)
print(json.dumps(told))
"""
ARGUMENTS = tuple(map(str, (FILES, FLUSHED_EVERY, SIZE_BYTES)))


def strike(lab: DiskLab) -> PowerLoss:
    fault = PowerLoss("primary")
    healthy = fault.healthy(lab.target)
    assert healthy.seen, healthy.detail
    fault.inject(lab.target)
    return fault


def test_the_primarys_data_really_lie_on_the_disk(lab: DiskLab) -> None:
    assert not_on_disk(lab.target) == []


def test_a_host_that_can_carry_a_disk_is_told_from_one_that_cannot(
    lab: DiskLab, image_of: Callable[[str], str]
) -> None:
    image, labels = image_of("host"), {RUN_LABEL: lab.run_id}

    assert why_no_disk(image, labels) == ""
    assert why_no_disk(image, labels, privileged=False)
    assert "privileged" in why_no_disk("colordrill/host:absent", labels)
    assert not any(helper_refusals(image, labels).values())
    assert all(helper_refusals(image, labels, privileged=False).values())


def test_flushed_files_survive_whole_and_the_others_are_gone(lab: DiskLab) -> None:
    lab.agent(WRITE, *ARGUMENTS)
    fault = strike(lab)
    assert fault.evidence(lab.target).seen

    fault.heal(lab.target)

    lab.await_service()
    told = json.loads(lab.agent(COUNT, *ARGUMENTS))
    flushed = list(range(0, FILES, FLUSHED_EVERY))
    assert set(flushed) <= set(told["whole"])
    assert told["other"] == []
    lost = len(told["empty"]) + len(told["absent"])
    assert lost >= (FILES - len(flushed)) // 2, told
    healed = fault.healed(lab.target)
    assert healed.seen, healed.detail


def test_the_same_files_survive_where_the_disk_is_taken_down_in_peace(lab: DiskLab) -> None:
    """The loss is the disk's: containers that are killed alone lose nothing."""
    lab.agent(WRITE, *ARGUMENTS)
    parts = [Part.PRIMARY_COLORIZATION, Part.PRIMARY_AGENT]
    lab.target.kill(parts)

    lab.disk.detach()
    restore_power(lab.target)

    told = json.loads(lab.agent(COUNT, *ARGUMENTS))
    assert told["whole"] == list(range(FILES))


def test_another_process_heals_from_memory_alone_and_healing_again_changes_nothing(
    lab: DiskLab,
) -> None:
    fault = strike(lab)
    later = PowerLoss("primary")
    later.memory = json.loads(json.dumps(fault.memory))

    later.heal(lab.target)
    lab.await_service()
    pid = lab.target.pid(Part.PRIMARY_AGENT)
    later.heal(lab.target)

    assert lab.target.pid(Part.PRIMARY_AGENT) == pid
    assert later.healed(lab.target).seen


def test_the_runbook_restores_power_and_healing_after_it_is_harmless(lab: DiskLab) -> None:
    fault = strike(lab)

    said = restore_power(lab.target)

    assert "journal" in said
    lab.await_service()
    pid = lab.target.pid(Part.PRIMARY_COLORIZATION)
    fault.heal(lab.target)
    assert lab.target.pid(Part.PRIMARY_COLORIZATION) == pid
    assert fault.healed(lab.target).seen


@pytest.mark.parametrize("done", ["cut", "killed", "helper-gone"])
def test_a_loss_that_stopped_half_way_can_be_healed(lab: DiskLab, done: str) -> None:
    fault = PowerLoss("primary")
    assert fault.healthy(lab.target).seen
    parts = [Part(each) for each in fault.memory["running"]]
    lab.disk.cut(parts)
    if done != "cut":
        lab.target.kill(parts)
    if done == "helper-gone":
        lab.target.kill([Part.HOST])

    fault.heal(lab.target)

    lab.await_service()
    healed = fault.healed(lab.target)
    assert healed.seen, healed.detail


def test_healing_before_anything_touches_nothing(lab: DiskLab) -> None:
    pid = lab.target.pid(Part.PRIMARY_AGENT)

    PowerLoss("primary").heal(lab.target)

    assert lab.target.pid(Part.PRIMARY_AGENT) == pid


def test_a_site_where_nothing_runs_cannot_lose_power(lab: DiskLab) -> None:
    lab.target.kill([Part.PRIMARY_COLORIZATION, Part.PRIMARY_AGENT])
    fault = PowerLoss("primary")

    assert not fault.healthy(lab.target).seen
    with pytest.raises(EnvironmentProblem, match="nothing runs"):
        fault.inject(lab.target)


def test_without_the_disk_the_peer_says_so(lab: DiskLab) -> None:
    lab.disk.detach()

    found = PowerLoss("primary").healthy(lab.target)

    assert not found.seen
    assert "primary-agent" in found.detail
