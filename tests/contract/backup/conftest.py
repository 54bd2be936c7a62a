"""Starts the containers of the backup programs' contract, one set per module."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.stack.runs import RUN_LABEL, Run
from fakes.backup_lab import BackupLab, Box

SMALL_DISK = "size=8m,uid=1000,gid=1000"


@pytest.fixture(scope="module")
def standing(engine: Any, run: Run, image_of: Callable[[str], str]) -> BackupLab:
    """The containers of a module; their owner (the run) removes them."""
    return stand(engine, run, image_of("backup"), "backup")


@pytest.fixture
def small(engine: Any, run: Run, image_of: Callable[[str], str]) -> BackupLab:
    """The same with a server whose disk holds 8 MB."""
    return stand(engine, run, image_of("backup"), "small", tmpfs={"/backup": SMALL_DISK})


def stand(engine: Any, run: Run, image: str, name: str, **server_options: Any) -> BackupLab:
    """A server and its agents on a network of their own."""
    password, labels = secrets.token_hex(8), {RUN_LABEL: run.id}
    network = engine.networks.create(f"{run.project}-{name}", labels=labels)

    def box(role: str, command: list[str], environment: dict[str, str], **options: Any) -> Box:
        return Box(
            engine.containers.run(
                image,
                command,
                name=f"{run.project}-{name}-{role}",
                hostname=role,
                detach=True,
                labels=labels,
                network=network.name,
                environment=environment,
                healthcheck={"test": ["NONE"]},
                **options,
            )
        )

    account = {"BACKUP_ACCOUNT": "agent", "BACKUP_PASSWORD": password}
    server = box("server", ["colordrill-backup-server"], account, **server_options)
    address = f"{run.project}-{name}-server"
    agent = {
        "BACKUP_SERVER": f"{address}:8730",
        "BACKUP_ACCOUNT": "agent",
        "RSYNC_PASSWORD": password,
        "GIT_SERVER": f"{address}:9418",
    }
    idle = ["sleep", "infinity"]
    lab = BackupLab(
        server,
        box("primary", idle, agent),
        box("dr", idle, agent),
        box("stranger", idle, {**agent, "RSYNC_PASSWORD": "wrong"}),
    )
    server.await_true("rsync-ok 8730")
    return lab


@pytest.fixture
def lab(standing: BackupLab) -> Iterator[BackupLab]:
    """The containers with empty sites and no recovery point."""
    yield standing
    folders = (f"/backup/{each}" for each in ("points", "incoming", "verified", "leases"))
    standing.server.checked("find", *folders, "-mindepth", "1", "-delete")
    standing.primary.clear()
    standing.dr.clear()
