"""Backup and restore of a service that runs as any user: the files belong to it again."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.backup.points import restore_point
from colordrill.clock import SystemClock, poll
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.ownership import Owner
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.runs import RUN_LABEL, Run

pytestmark = pytest.mark.docker

POINT = "20261122T201530.123Z"
PRIVATE = 0o600


@pytest.fixture(params=[Owner(0, 0), Owner(4321, 8765)], ids=str)
def owner(request: pytest.FixtureRequest) -> Owner:
    found: Owner = request.param
    return found


@pytest.fixture
def target(
    engine: Any, run: Run, image_of: Callable[[str], str], owner: Owner
) -> Iterator[DockerTarget]:
    """A backup server and both agents, which run as *owner*."""
    project = f"{run.project}-{owner.uid}"
    network = engine.networks.create(project, labels={RUN_LABEL: run.id})
    secret = {"BACKUP_ACCOUNT": "agent", "BACKUP_PASSWORD": secrets.token_hex(8)}
    agent = {
        "BACKUP_SERVER": f"{project}-backup:8730",
        "BACKUP_ACCOUNT": "agent",
        "RSYNC_PASSWORD": secret["BACKUP_PASSWORD"],
    }
    programs = {
        Part.BACKUP: (["colordrill-backup-server"], secret, None),
        Part.PRIMARY_AGENT: (["sleep", "infinity"], agent, str(owner)),
        Part.DR_AGENT: (["sleep", "infinity"], agent, str(owner)),
    }
    for part, (command, environment, user) in programs.items():
        engine.containers.run(
            image_of("backup"),
            command,
            name=f"{project}-{part}",
            user=user,
            detach=True,
            network=network.name,
            environment=environment,
            healthcheck={"test": ["NONE"]},
            labels={
                RUN_LABEL: run.id,
                "com.docker.compose.project": project,
                "com.docker.compose.service": str(part),
            },
        )
    target = DockerTarget(project, owner)
    poll(
        SystemClock(),
        lambda: target.execute(Part.BACKUP, ["rsync-ok", "8730"]).exit_code == 0 or None,
        awaited="the backup server",
        timeout_s=20.0,
    )
    yield target
    target.close()


def checked(target: DockerTarget, part: Part, *command: str) -> str:
    done = target.execute(part, command)
    assert done.exit_code == 0, f"{command}: {done}"
    return done.stdout


def test_what_is_restored_belongs_to_the_services_user_with_the_same_rights(
    target: DockerTarget, owner: Owner
) -> None:
    for agent in (Part.PRIMARY_AGENT, Part.DR_AGENT):
        for folder in SiteFolder:
            target.put_files(agent, folder, {})
    target.put_files(Part.PRIMARY_AGENT, SiteFolder.OUTPUT, {"sub/a.png": b"a picture"})
    checked(target, Part.PRIMARY_AGENT, "chmod", f"{PRIVATE:o}", "/site/output/sub/a.png")

    checked(target, Part.PRIMARY_AGENT, "colordrill-snapshot", POINT)
    checked(target, Part.BACKUP, "colordrill-publish", POINT)
    files = restore_point(target, Part.DR_AGENT, POINT)

    assert files == 1
    seen = checked(
        target,
        Part.DR_AGENT,
        "stat",
        "--format=%u:%g %a",
        "/site/output/sub",
        "/site/output/sub/a.png",
    )
    assert seen.split("\n")[:2] == [f"{owner} 755", f"{owner} {PRIVATE:o}"]
