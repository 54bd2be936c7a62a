"""Starts the containers of the backup programs' contract, one set per module."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.stack.runs import RUN_LABEL, Run
from fakes.backup_lab import BackupLab, Box

START_LIMIT_S = 20.0


@pytest.fixture(scope="module")
def standing(engine: Any, run: Run, image_of: Callable[[str], str]) -> BackupLab:
    """The containers of a module; their owner (the run) removes them."""
    image, password = image_of("backup"), secrets.token_hex(8)
    labels = {RUN_LABEL: run.id}
    network = engine.networks.create(f"{run.project}-backup", labels=labels)

    def box(name: str, command: list[str], **environment: str) -> Box:
        return Box(
            engine.containers.run(
                image,
                command,
                name=f"{run.project}-{name}",
                hostname=name,
                detach=True,
                labels=labels,
                network=network.name,
                environment=environment,
                healthcheck={"test": ["NONE"]},
            )
        )

    account = {"BACKUP_ACCOUNT": "agent", "BACKUP_PASSWORD": password}
    server = box("server", ["colordrill-backup-server"], **account)
    address = f"{run.project}-server"
    agent = {
        "BACKUP_SERVER": f"{address}:8730",
        "BACKUP_ACCOUNT": "agent",
        "RSYNC_PASSWORD": password,
        "GIT_SERVER": f"{address}:9418",
    }
    idle = ["sleep", "infinity"]
    lab = BackupLab(
        server,
        box("primary", idle, **agent),
        box("dr", idle, **agent),
        box("stranger", idle, **{**agent, "RSYNC_PASSWORD": "wrong"}),
    )
    poll(
        SystemClock(),
        lambda: True if server.run("rsync-ok", "8730").exit_code == 0 else None,
        awaited="the backup server",
        timeout_s=START_LIMIT_S,
    )
    return lab


@pytest.fixture
def lab(standing: BackupLab) -> Iterator[BackupLab]:
    """The containers with empty sites and no recovery point."""
    yield standing
    standing.server.checked(
        "find", "/backup/points", "/backup/incoming", "-mindepth", "1", "-delete"
    )
    standing.primary.clear()
    standing.dr.clear()
