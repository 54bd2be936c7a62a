"""What a run leaves on a host that only its removal takes away again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker

from colordrill.stack.runs import OWNER_LOCK, RUN_LABEL, state_directory

PROC = Path("/proc")


def run_of(pid: int) -> str | None:
    """The run that the process *pid* owns: the one whose lock it holds open."""
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            file = descriptor.readlink()
            if file.name == OWNER_LOCK:
                return file.parent.name
    return None


def traces_of(run_id: str) -> list[str]:
    """Everything of the run *run_id* that is still there."""
    return [*_in_engine(run_id), *_processes(run_id), *_mounts(run_id), *_files(run_id)]


def loop_devices() -> set[str]:
    """The loop devices in use."""
    used = Path("/sys/block").glob("loop*/loop/backing_file")
    return {each.parents[1].name for each in used}


def _in_engine(run_id: str) -> Iterator[str]:
    label: dict[str, str | list[str] | bool] = {"label": f"{RUN_LABEL}={run_id}"}
    client = docker.from_env()
    try:
        for each in client.containers.list(all=True, filters=label, ignore_removed=True):
            yield f"container {each.name}"
        for network in client.networks.list(filters=label):
            yield f"network {network.name}"
        for volume in client.volumes.list(filters=label):
            yield f"volume {volume.name}"
    finally:
        client.close()


def _processes(run_id: str) -> Iterator[str]:
    """The programs of a virtual disk name their run's files."""
    for entry in PROC.glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if run_id.encode() in words:
                yield f"process {entry.name}: {words.replace(bytes(1), b' ').decode()}"


def _mounts(run_id: str) -> Iterator[str]:
    """In every mount namespace: the engine may have one of its own."""
    found = set()
    for entry in PROC.glob("[0-9]*"):
        with suppress(OSError):
            lines = (entry / "mounts").read_text(encoding="utf-8").splitlines()
            found |= {line for line in lines if run_id in line}
    return (f"mount {line}" for line in sorted(found))


def _files(run_id: str) -> Iterator[str]:
    directory = state_directory() / "runs" / run_id
    return (f"directory {each}" for each in [directory] if each.exists())
