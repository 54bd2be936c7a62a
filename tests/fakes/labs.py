"""Two stacks of the same four parts, one in memory and one in containers, for one suite."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run
from colordrill.stack.target import PartDescription, Target
from fakes.part import PLAIN
from fakes.target import FakePart, FakeTarget

RUNNING = (Part.PRIMARY_AGENT, Part.BACKUP, Part.GATEWAY)
STANDBY = Part.DR_AGENT
ABSENT = Part.TOXIPROXY
PUBLISHED_PORT = 8080
GREETING = "it's $5, ${HOME} & more"
MOUNTS = {"/site/models": "models", "/site/output": "output", "/with $HOME": "backup"}
COMPOSE_FILE = Path(__file__).parents[1] / "contract" / "target" / "compose.yaml"
COMPOSE_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Lab:
    """A target under test, and what the suite must see of it by other means than the target.

    Attributes:
        target: three running parts and one that was created and never started.
        network: the full name of the network that all parts share.
        image: the reference that they were created from.
        other_image: another one that is there.
        resolves: whether a part can resolve a name.
        file: content and owner of a file below a part's /site.
        crash: ends a part's main process, as a bug in it would.
        networks: those that each part is on when all is well, with its aliases.
        described: what each part was created with.
    """

    target: Target
    network: str
    image: str
    other_image: str
    resolves: Callable[[Part, str], bool]
    file: Callable[[Part, str], tuple[bytes, int]]
    crash: Callable[[Part], object]
    networks: Mapping[Part, Mapping[str, Sequence[str]]]
    described: Mapping[Part, PartDescription]


def memory_lab() -> Lab:
    """The parts in memory."""
    agent = PartDescription(
        image=PLAIN.image,
        image_id=PLAIN.image_id,
        environment={"GREETING": GREETING},
        mounts=MOUNTS,
        read_only=("/site/models",),
        restart=PLAIN.restart,
        image_created=PLAIN.image_created,
    )
    target = FakeTarget(
        parts={
            Part.PRIMARY_AGENT: FakePart({"primary": ["primary-agent"]}, description=agent),
            Part.BACKUP: FakePart(networks={"primary": ["backup", "store"], "backup": ["backup"]}),
            Part.GATEWAY: FakePart(
                networks={"primary": ["gateway"]},
                ports={PUBLISHED_PORT: 40123},
                printed=["first", "第二", "third"],
            ),
            STANDBY: FakePart(networks={"primary": ["dr-agent"]}, running=False),
        },
        images_missing={"no-such-image:1"},
    )

    def file(part: Part, path: str) -> tuple[bytes, int]:
        return target.parts[part].files[path]

    return Lab(
        target,
        "primary",
        PLAIN.image,
        "image:2",
        target.resolves,
        file,
        target.crash,
        _networks(target),
        _described(target),
    )


@contextmanager
def docker_lab(run: Run, image: str, host_image: str) -> Iterator[Lab]:
    """The parts in containers of a small compose project; the run's owner removes them."""
    project = _project(run, {"RUN": run.id, "IMAGE": image, "HOST_IMAGE": host_image})
    compose = [*shlex.split(project.command), "-p", project.name, "-f", *project.files]
    for arguments in (["up", "--detach"], ["--profile", "standby", "create", STANDBY, Part.HOST]):
        done = subprocess.run(
            [*compose, *arguments],
            capture_output=True,
            text=True,
            timeout=2 * COMPOSE_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    target = DockerTarget(run.project, compose=project)

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
        yield Lab(
            target,
            f"{run.project}_primary",
            image,
            host_image,
            resolves,
            file,
            crash,
            _networks(target),
            _described(target),
        )
    finally:
        target.close()


def restore(lab: Lab) -> None:
    """Bring every part back to what the suite's next test expects."""
    for part in (*RUNNING, STANDBY):
        as_described = (
            lab.target.state(part).exists and lab.target.description(part) == lab.described[part]
        )
        if not as_described:
            lab.target.recreate(part)
        lab.target.thaw(part)
        lab.target.rejoin(part, lab.networks[part])
        if part in RUNNING:
            lab.target.start(part)
    if lab.target.state(STANDBY).running:
        # what does not run is only created
        lab.target.kill([STANDBY])
        lab.target.recreate(STANDBY)


def _networks(target: Target) -> dict[Part, Mapping[str, Sequence[str]]]:
    networks = {}
    for part in (*RUNNING, STANDBY):
        networks[part] = target.isolate(part)
        target.rejoin(part, networks[part])
    return networks


def _described(target: Target) -> dict[Part, PartDescription]:
    return {part: target.description(part) for part in (*RUNNING, STANDBY)}


def _project(run: Run, environment: Mapping[str, str]) -> ComposeProject:
    path = run.directory / "lab.env"
    # single quotes: compose reads what is between them as it is
    greeting = GREETING.replace("'", "\\'")
    lines = [*(f"{key}={value}" for key, value in environment.items()), f"GREETING='{greeting}'"]
    path.write_text("\n".join(lines), encoding="utf-8")
    bounded = ["timeout", "--kill-after=5", str(COMPOSE_LIMIT_S)]
    command = shlex.join([*bounded, "docker", "compose", "--env-file", str(path)])
    return ComposeProject(command, (str(COMPOSE_FILE),), run.project, run.directory)
