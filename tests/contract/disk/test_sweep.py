"""A disk never outlives its run: neither a mount nor a loop device, also after a killed harness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.disk import DISK_LABEL
from colordrill.stack.parts import Part
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, Run, owned_run, owner
from colordrill.stack.sweep import remove_run, sweep
from fakes.disk_lab import DiskLab, disk_lab

pytestmark = pytest.mark.docker

LEFT = """
import pathlib, sys
run = sys.argv[1]
for line in pathlib.Path("/proc/1/mounts").read_text().splitlines():
    if run in line:
        print(line)
for backing in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
    name = backing.parts[3]
    try:
        print(name, backing.read_text().strip())
    except OSError:
        pass
"""
HARNESS = """
import sys, threading
from colordrill.stack.runs import owned_run
from fakes.disk_lab import disk_lab
images = dict(zip(("host", "backup"), sys.argv[1:]))
with owned_run() as run, disk_lab(run, images.__getitem__):
    print(run.id, flush=True)
    threading.Event().wait()
"""
HARNESS_LIMIT_S = 120.0


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of this test alone: no other run is swept, and nobody sweeps this one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def left(engine: Any, image_of: Callable[[str], str]) -> Callable[[str], list[str]]:
    """Mounts of a run and every loop device in use, seen from the host."""
    image = image_of("host")

    def look(run_id: str) -> list[str]:
        said: bytes = engine.containers.run(
            image,
            ["python3", "-c", LEFT, run_id],
            entrypoint=[],
            labels={RUN_LABEL: run_id, OWNER_LABEL: owner()},
            privileged=True,
            pid_mode="host",
            network_mode="none",
            remove=True,
        )
        return [line for line in said.decode().splitlines() if run_id in line or " /" in line]

    return look


def mine(found: list[str], run_id: str) -> list[str]:
    """What is this run's, or a loop device whose file nobody can name any more."""
    return [line for line in found if run_id in line or line.endswith(" /")]


def break_nothing(_: DiskLab) -> None:
    """The disk is up."""


def kill_helper(lab: DiskLab) -> None:
    lab.target.kill([Part.HOST])


def cut_power(lab: DiskLab) -> None:
    lab.disk.cut([Part.PRIMARY_AGENT])


def remove_parts(lab: DiskLab) -> None:
    lab.target.remove(Part.HOST)
    lab.target.remove(Part.PRIMARY_AGENT)


@pytest.mark.parametrize("spoil", [break_nothing, kill_helper, cut_power, remove_parts])
def test_removing_a_run_removes_its_disk(
    left: Callable[[str], list[str]],
    image_of: Callable[[str], str],
    spoil: Callable[[DiskLab], None],
) -> None:
    with owned_run() as run:
        try:
            with disk_lab(run, image_of) as lab:
                assert mine(left(run.id), run.id)
                spoil(lab)
        finally:
            remove_run(run.id)

        assert mine(left(run.id), run.id) == []


def test_a_disk_whose_harness_was_killed_is_swept_at_the_next_start(
    own_state: None, left: Callable[[str], list[str]], image_of: Callable[[str], str]
) -> None:
    command = [sys.executable, "-c", HARNESS, image_of("host"), image_of("backup")]
    # it imports what this process imports, tests included
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as harness:
        assert harness.stdout is not None
        run_id = harness.stdout.readline().strip()
        os.kill(harness.pid, signal.SIGKILL)
        harness.wait(HARNESS_LIMIT_S)
    try:
        assert mine(left(run_id), run_id)

        assert sweep(print) == 1
    finally:
        remove_run(run_id)

    assert mine(left(run_id), run_id) == []


def test_a_disk_that_no_image_can_take_down_is_said_and_not_forgotten(
    engine: Any, own_state: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owned_run() as run:
        labels = {RUN_LABEL: run.id, OWNER_LABEL: owner(), DISK_LABEL: "colordrill/host:gone"}
        volume = engine.volumes.create(f"{run.project}_disk", labels=labels)
        monkeypatch.setattr("colordrill.stack.sweep.HOST_IMAGES", "colordrill.image=nothing")
        try:
            with pytest.raises(EnvironmentProblem, match="colordrill/host:gone"):
                remove_run(run.id)
            volume.reload()
        finally:
            volume.remove()


def test_a_disk_is_taken_down_by_another_image_where_its_own_is_gone(
    engine: Any, run: Run, image_of: Callable[[str], str]
) -> None:
    assert image_of("host")
    labels = {RUN_LABEL: run.id, OWNER_LABEL: owner(), DISK_LABEL: "colordrill/host:gone"}
    engine.volumes.create(f"{run.project}_disk", labels=labels)

    remove_run(run.id)

    assert engine.volumes.list(filters={"label": f"{RUN_LABEL}={run.id}"}) == []
