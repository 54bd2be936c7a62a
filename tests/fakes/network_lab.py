"""The parts that the links join, in containers, for the contract of the network faults."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from colordrill.clock import SystemClock, poll
from colordrill.data import fixtures
from colordrill.fault.partition_pairs import PAIRS
from colordrill.fault.peers import LINK_PEERS, Peer
from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.links import replace_toxiproxy
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run

COMPOSE_FILE = Path(__file__).parents[1] / "contract" / "fault" / "network.yaml"
COMPOSE_LIMIT_S = 60
UP_LIMIT_S = 30.0
IMAGES = ("backup", "minio", "toxiproxy", "gateway", "host")


@contextmanager
def network_lab(run: Run, image_of: Callable[[str], str]) -> Iterator[DockerTarget]:
    """The parts, up and answering each other; the run's owner removes them."""
    variables = {f"{name.upper()}_IMAGE": image_of(name) for name in IMAGES}
    variables |= {"RUN": run.id, "STACK": str(fixtures() / "stack")}
    path = run.directory / "lab.env"
    path.write_text("\n".join(f"{key}={value}" for key, value in variables.items()), "utf-8")
    bounded = ["timeout", "--kill-after=5", str(COMPOSE_LIMIT_S)]
    command = shlex.join([*bounded, "docker", "compose", "--env-file", str(path)])
    project = ComposeProject(command, (str(COMPOSE_FILE),), run.project, run.directory)
    compose = [*shlex.split(command), "-p", project.name, "-f", *project.files]
    for words in (["up", "--detach"], ["--profile", "standby", "create", Part.HOST]):
        done = subprocess.run(
            [*compose, *words],
            capture_output=True,
            text=True,
            timeout=2 * COMPOSE_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    target = DockerTarget(run.project, compose=project)
    try:
        # the helper starts with its first command: nobody's time is to include that
        target.on_host(["true"])
        await_answers(target)
        yield target
    finally:
        target.close()


def await_answers(target: DockerTarget) -> None:
    """Wait until every link serves its peer."""
    peers = [*LINK_PEERS.values(), PAIRS[Part.DR_AGENT, Part.BACKUP](target)]
    for peer in peers:
        served = partial(_served, peer, target)
        poll(SystemClock(), served, awaited=str(peer), timeout_s=UP_LIMIT_S)


def _served(peer: Peer, target: DockerTarget) -> bool | None:
    return peer.fine(peer.ask(target)) or None


def restore(target: DockerTarget) -> None:
    """A Toxiproxy without toxics, whatever a test did to it."""
    replace_toxiproxy(target)
    await_answers(target)
