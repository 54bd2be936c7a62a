"""Starts the service under test in containers: for what only a container shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import Mount

from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owner
from contract.comfyui.client import Service, until
from contract.comfyui.deployment import copy_template, wait_until_up

PORT = 8188
BASE = "/contract-base"
INITS = ("tini", "dumb-init", "catatonit", "docker-init")


@dataclass(frozen=True)
class ImageDeployment:
    """Starts containers of an image whose entry point passes arguments on to ComfyUI.

    Attributes:
        engine: client of the Docker engine.
        image: reference of the image.
        run_id: label by which leftovers are swept.
        template: what every base directory starts with.
        folder: makes a fresh folder.
    """

    engine: Any
    image: str
    run_id: str
    template: Path
    folder: Callable[[], Path]

    def new_base(self) -> Path:
        """Make a base directory that holds the node pack and its checkpoint."""
        return copy_template(self.template, self.folder())

    @contextmanager
    def running(self, base: Path, **environment: str) -> Iterator[Service]:
        """Run a service in a base directory until the block ends, under an init."""
        with self.container(base, init=True, environment=environment) as service:
            yield service

    @contextmanager
    def container(self, base: Path, **options: Any) -> Iterator[Service]:
        """Run a service with further options of the engine, on which it is process 1 or not."""
        config = self.engine.images.get(self.image).attrs["Config"]
        program = without_init([*(config["Entrypoint"] or ()), *(config["Cmd"] or ())])
        where = ["--listen", "0.0.0.0", "--port", str(PORT), "--base-directory", BASE]
        mounts = [Mount(BASE, str(base), type="bind"), *options.pop("mounts", ())]
        container = self.engine.containers.run(
            self.image,
            [*program[1:], *where],
            entrypoint=program[:1],
            detach=True,
            user=f"{os.getuid()}:{os.getgid()}",
            ports={f"{PORT}/tcp": ("127.0.0.1", None)},
            labels={RUN_LABEL: self.run_id, OWNER_LABEL: owner()},
            mounts=mounts,
            **options,
        )
        try:
            container.reload()
            port = container.ports[f"{PORT}/tcp"][0]["HostPort"]
            service = Service(f"http://127.0.0.1:{port}", base, ContainerHandle(container))
            wait_until_up(service)
            yield service
            service.session.close()
        finally:
            container.remove(force=True, v=True)


def without_init(program: Sequence[str]) -> list[str]:
    """Take a leading init off a command, so that the engine decides whether there is one."""
    if not program or Path(program[0]).name not in INITS:
        return list(program)
    after = program.index("--") + 1 if "--" in program else 1
    return list(program[after:])


@dataclass(frozen=True)
class ContainerHandle:
    """A container of the service."""

    container: Any

    def signal(self, number: int) -> None:
        """Send a signal to process 1; an init passes it on."""
        self.container.kill(signal=number)

    def wait(self, limit_s: float) -> int | None:
        """Return the exit status, None while it still runs."""

        def ended() -> bool:
            self.container.reload()
            return bool(self.container.status == "exited")

        try:
            until(ended, "the container's end", limit_s)
        except AssertionError:
            return None
        return int(self.container.attrs["State"]["ExitCode"])

    def log(self) -> str:
        """Return what the program has printed."""
        return str(self.container.logs().decode(errors="replace"))
