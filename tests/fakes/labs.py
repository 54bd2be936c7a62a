"""Two stacks of the same four parts, one in memory and one in containers, for one suite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run
from colordrill.stack.target import Target
from fakes.target import FakePart, FakeTarget

RUNNING = (Part.PRIMARY_AGENT, Part.BACKUP, Part.GATEWAY)
STANDBY = Part.DR_AGENT
ABSENT = Part.TOXIPROXY
PUBLISHED_PORT = 8080
COMPOSE_FILE = Path(__file__).parents[1] / "contract" / "target" / "compose.yaml"
COMPOSE_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Lab:
    """A target under test, and what the suite must see of it by other means than the target.

    Attributes:
        target: three running parts and one that was created and never started.
        network: the full name of the network that all parts share.
        resolves: whether a part can resolve a name.
        file: content and owner of a file below a part's /site.
        crash: ends a part's main process, as a bug in it would.
    """

    target: Target
    network: str
    resolves: Callable[[Part, str], bool]
    file: Callable[[Part, str], tuple[bytes, int]]
    crash: Callable[[Part], object]


def memory_lab() -> Lab:
    """The parts in memory."""
    target = FakeTarget(
        parts={
            Part.PRIMARY_AGENT: FakePart(networks={"primary": ["primary-agent"]}),
            Part.BACKUP: FakePart(networks={"primary": ["backup", "store"], "backup": ["backup"]}),
            Part.GATEWAY: FakePart(
                networks={"primary": ["gateway"]},
                ports={PUBLISHED_PORT: 40123},
                printed=["first", "第二", "third"],
            ),
            STANDBY: FakePart(networks={"primary": ["dr-agent"]}, running=False),
        }
    )

    def file(part: Part, path: str) -> tuple[bytes, int]:
        return target.parts[part].files[path]

    return Lab(target, "primary", target.resolves, file, target.crash)


@contextmanager
def docker_lab(run: Run, image: str) -> Iterator[Lab]:
    """The parts in containers of a small compose project; the run's owner removes them."""
    compose = ["docker", "compose", "--project-name", run.project, "--file", str(COMPOSE_FILE)]
    for arguments in (["up", "--detach"], ["--profile", "standby", "create", STANDBY]):
        done = subprocess.run(
            [*compose, *arguments],
            env=_environment(run, image),
            capture_output=True,
            text=True,
            timeout=COMPOSE_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    target = DockerTarget(run.project)

    def resolves(part: Part, name: str) -> bool:
        return target.execute(part, ["getent", "hosts", name], timeout_s=10.0).exit_code == 0

    def file(part: Part, path: str) -> tuple[bytes, int]:
        read = target.execute(part, ["cat", f"/site/{path}"])
        owner = target.execute(part, ["stat", "--format=%u", f"/site/{path}"])
        assert read.exit_code == owner.exit_code == 0, read.stderr + owner.stderr
        return read.stdout.encode(), int(owner.stdout)

    def crash(part: Part) -> None:
        # the init passes it on to the main process, and ends with it
        target.execute(part, ["sh", "-c", "kill -TERM 1"])

    try:
        yield Lab(target, f"{run.project}_primary", resolves, file, crash)
    finally:
        target.close()


def restore(lab: Lab) -> None:
    """Bring every part back to what the suite's next test expects."""
    for part in RUNNING:
        lab.target.rejoin(part)
        lab.target.start(part)
    lab.target.rejoin(STANDBY)


def _environment(run: Run, image: str) -> dict[str, str]:
    return {**os.environ, "RUN": run.id, "IMAGE": image}
