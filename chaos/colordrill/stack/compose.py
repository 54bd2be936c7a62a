"""Brings the whole stack up and takes it down again: the one code path for pytest and for the CLI.

pytest-docker does the compose work in both cases.
"""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest_docker.plugin import get_docker_services

from colordrill.data import fixtures, golden_images
from colordrill.errors import EnvironmentProblem
from colordrill.interrupts import shielded
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.ownership import BUNDLED_OWNER, Owner
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run, owner
from colordrill.stack.service_overlay import service_variables, write_service_files
from colordrill.stack.sweep import remove_run

IMAGE_NAMES = ("toxiproxy", "gateway", "backup", "minio", "host", "service")
COMPOSE_LIMIT_S = 180
OFFSITE_REPOSITORY = "s3:http://dr-storage:9000/offsite"
SETUP = ("up --detach --quiet-pull", "--profile standby create dr-colorization")


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What to bring up.

    Attributes:
        images: image reference by name of `IMAGE_NAMES`.
        overlays: compose files laid over the bundled one, in order.
        device: ``cpu`` or ``cuda``.
        keep: leave the stack standing at the end.
        service: what is drilled, and how it differs from the bundled service.
        owner: whom everything in a site's volumes belongs to: the service's user.
        extra_environment: further variables of the compose file.
        before_parts: compose commands that come before the parts are brought up.
    """

    images: dict[str, str]
    overlays: tuple[Path, ...] = ()
    device: str = "cpu"
    keep: bool = False
    service: ServiceSpec = field(default_factory=ServiceSpec)
    owner: Owner = BUNDLED_OWNER
    extra_environment: dict[str, str] = field(default_factory=dict)
    before_parts: tuple[str, ...] = ()


def compose_files(run: Run, plan: StackPlan) -> list[str]:
    """The bundled compose file, the GPU's where one is asked for, the service's, the overlays.

    The service's overlay is written into the run's directory.
    """
    stack = fixtures() / "stack"
    bundled = [stack / "compose.yaml"]
    if plan.device == "cuda":
        bundled.append(stack / "cuda.yaml")
    service = write_service_files(plan.service, run.directory)
    return [str(each) for each in (*bundled, service, *plan.overlays)]


def compose_command(run: Run, plan: StackPlan) -> str:
    """The compose command with the run's environment file, which it writes (mode 0600)."""
    environment = {
        "COLORDRILL_RUN": run.id,
        "COLORDRILL_OWNER": owner(),
        "COLORDRILL_DEVICE": plan.device,
        "COLORDRILL_FIXTURES": str(fixtures()),
        "COLORDRILL_GOLDENS": str(golden_images()),
        "COLORDRILL_STORAGE_USER": f"drill{secrets.token_hex(4)}",
        "COLORDRILL_STORAGE_PASSWORD": secrets.token_hex(16),
        "COLORDRILL_DR_STORAGE_USER": f"drill{secrets.token_hex(4)}",
        "COLORDRILL_DR_STORAGE_PASSWORD": secrets.token_hex(16),
        "COLORDRILL_BACKUP_PASSWORD": secrets.token_hex(16),
        **_offsite_secrets(),
        **_points_secrets(),
        **{f"COLORDRILL_IMAGE_{name.upper()}": plan.images[name] for name in IMAGE_NAMES},
        **service_variables(plan.service, str(plan.owner), run.directory),
        **plan.extra_environment,
    }
    path = run.directory / "stack.env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{key}={value}\n" for key, value in environment.items()))
    # `timeout` bounds it, and puts it into a process group of its own: Ctrl-C on a terminal must
    # not kill compose half-way, while the engine goes on creating what nobody removes
    words = ["timeout", "--kill-after=5", str(COMPOSE_LIMIT_S), "env"]
    # the shell's variables would beat the file's: what the record says must be what runs
    words += [f"--unset={name}" for name in sorted(os.environ) if name.startswith("COLORDRILL_")]
    return shlex.join([*words, "docker", "compose", "--env-file", str(path)])


def _offsite_secrets() -> dict[str, str]:
    """Where off-site copies go, the key to them, and the account of each end."""
    return {
        "COLORDRILL_OFFSITE_REPOSITORY": OFFSITE_REPOSITORY,
        "COLORDRILL_OFFSITE_KEY": secrets.token_hex(32),
        "COLORDRILL_OFFSITE_WRITER_USER": f"writer{secrets.token_hex(4)}",
        "COLORDRILL_OFFSITE_WRITER_PASSWORD": secrets.token_hex(16),
        "COLORDRILL_OFFSITE_READER_USER": f"reader{secrets.token_hex(4)}",
        "COLORDRILL_OFFSITE_READER_PASSWORD": secrets.token_hex(16),
    }


def _points_secrets() -> dict[str, str]:
    """The accounts of the buckets of recovery points."""
    found = {}
    for account in ("writer", "replicator", "publisher", "reader"):
        name = f"COLORDRILL_POINTS_{account.upper()}"
        found[f"{name}_USER"] = f"{account}{secrets.token_hex(4)}"
        found[f"{name}_PASSWORD"] = secrets.token_hex(16)
    return found


@contextmanager
def running_stack(run: Run, plan: StackPlan, say: Callable[[str], None]) -> Iterator[DockerTarget]:
    """The stack of *run*, up for the length of the block and gone after it.

    Containers run when the block starts; whether they answer is for the caller to await. Whatever
    happens, also half-way through coming up, everything with the run's label is removed.

    Raises:
        EnvironmentProblem: compose could not bring it up; says what it printed.
    """
    files = tuple(compose_files(run, plan))
    command = compose_command(run, plan)
    project = ComposeProject(command, files, run.project, run.directory, plan.owner)
    project.remember()
    target = DockerTarget(run.project, plan.owner, project)
    try:
        say(f"stack {run.project}: bringing it up")
        # whole or not at all: a compose killed half-way would go on creating while we remove
        with shielded():
            _bring_up(project, (*plan.before_parts, *SETUP))
            target.helper.refusal = _helper_refusal(project)
        yield target
    finally:
        with shielded():
            if plan.keep:
                say(f"stack {run.project}: kept; remove it with `colordrill down`")
            else:
                say(f"stack {run.project}: removing it")
                remove_run(run.id)
            target.close()


def _bring_up(project: ComposeProject, commands: tuple[str, ...]) -> None:
    try:
        # no clean-up commands: `remove_run` removes by label, also what compose does not know of
        files, setup = list(project.files), list(commands)
        with get_docker_services(project.command, files, project.name, setup, []):
            return
    except Exception as error:
        # pytest-docker raises a bare Exception that holds compose's output
        raise EnvironmentProblem(
            f"docker compose could not bring the stack up: {error}",
            "see `colordrill doctor`; the lines above are compose's own",
        ) from error


def _helper_refusal(project: ComposeProject) -> str:
    """Why there is no privileged helper; empty where it was created.

    Apart from the rest, which does without it: only some faults need it.
    """
    try:
        project.create(Part.HOST)
    except EnvironmentProblem as problem:
        return problem.cause
    return ""
