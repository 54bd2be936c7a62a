"""One colorization container by itself, with volumes where a drill would mount them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import DeviceRequest, Mount

from colordrill.clock import Clock
from colordrill.errors import EnvironmentProblem
from colordrill.interrupts import shielded
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.compose import StackPlan
from colordrill.stack.ownership import Owner
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owned_run, owner
from colordrill.stack.service_overlay import MODEL_SIZE
from colordrill.stack.sweep import remove_run

ENGINE_LIMIT_S = 60
LOG_LINES = 15
FIND_LIMIT = "10"


@dataclass(frozen=True, slots=True)
class Solitary:
    """A container that was created and started; every call raises EnvironmentProblem.

    Attributes:
        container: the engine's.
        service: what it runs.
        started_ns: monotonic time just before its start.
    """

    container: Any
    service: ServiceSpec
    started_ns: int

    def url(self) -> str | None:
        """Its address on this machine's loopback; None while it does not run."""
        with _engine_errors("find the container's port"):
            self.container.reload()
            ports = self.container.attrs["NetworkSettings"]["Ports"]
        bound = ports.get(f"{self.service.port}/tcp")
        return f"http://127.0.0.1:{bound[0]['HostPort']}" if bound else None

    def exit_code(self) -> int | None:
        """How its first process ended; None while it runs."""
        with _engine_errors("look at the container"):
            self.container.reload()
            state = self.container.attrs["State"]
        return None if state["Running"] else int(state["ExitCode"])

    def log(self) -> str:
        """Its last lines."""
        with _engine_errors("read the container's log"):
            raw: bytes = self.container.logs(tail=LOG_LINES)
            return raw.decode("utf-8", "replace")

    def owner_of(self, path: str) -> Owner | None:
        """Whom the file or folder at *path* belongs to; None where there is none."""
        with _engine_errors(f"look for {path}"):
            try:
                stream, _ = self.container.get_archive(path)
            except NotFound:
                return None
            # the header comes first; nobody needs the rest
            with tarfile.open(fileobj=io.BytesIO(next(iter(stream))[:65536]), mode="r|") as head:
                entry = head.next()
            return None if entry is None else Owner(entry.uid, entry.gid)

    def stray(self, name: str) -> list[str]:
        """Where a file called *name* was written outside all volumes."""
        with _engine_errors("list what the container wrote"):
            changed = self.container.diff() or []
        return [each["Path"] for each in changed if each["Path"].rsplit("/", 1)[-1] == name]

    def places(self, name: str) -> list[str]:
        """Where the image itself has a file called *name*; empty where it cannot be searched."""
        command = ["timeout", FIND_LIMIT, "find", "/", "-xdev", "-name", name, "-type", "f"]
        with _engine_errors("search the image"):
            try:
                _, output = self.container.exec_run(command, user="0", stderr=False)
            except APIError:
                return []
        return [each for each in (output or b"").decode("utf-8", "replace").split() if "/" in each]

    def terminate(self) -> None:
        """Send SIGTERM to its first process."""
        with _engine_errors("send SIGTERM"):
            self.container.kill(signal="SIGTERM")


@contextmanager
def solitary(plan: StackPlan, checkpoint: bytes | None, clock: Clock) -> Iterator[Solitary]:
    """Start the image of *plan* alone; it and its volumes are gone after the block.

    Args:
        plan: the image, how it is started, whom its files belong to.
        checkpoint: put into the models folder; None where the image brings its own.
        clock: notes the start.

    Raises:
        EnvironmentProblem: the engine cannot create or start it; says what the engine said.
    """
    with owned_run() as run:
        try:
            with _engine_errors("start the image alone"):
                client = docker.from_env(timeout=ENGINE_LIMIT_S)
            try:
                labels = {RUN_LABEL: run.id, OWNER_LABEL: owner()}
                with _engine_errors(f"start {plan.images['service']}"):
                    container = _created(client, plan, f"{run.project}-alone", labels)
                    container.put_archive("/", _data(plan, checkpoint))
                    started_ns = clock.now_ns()
                    container.start()
                yield Solitary(container, plan.service, started_ns)
            finally:
                client.close()
        finally:
            with shielded():
                remove_run(run.id)


def _created(client: Any, plan: StackPlan, name: str, labels: dict[str, str]) -> Any:
    service = plan.service
    mounts = []
    for folder, path in asdict(service.mounts).items():
        volume = client.volumes.create(f"{name}-{folder}", labels=labels)
        mounts.append(Mount(target=path, source=volume.name, type="volume"))
    gpu = [DeviceRequest(count=1, capabilities=[["gpu"]])] if plan.device == "cuda" else None
    return client.containers.create(
        plan.images["service"],
        list(service.command) or None,
        name=name,
        entrypoint=list(service.entrypoint) or None,
        user=service.user,
        environment={"MODEL_SIZE": MODEL_SIZE, "DEVICE": plan.device, **service.environment},
        mounts=mounts,
        labels=labels,
        ports={f"{service.port}/tcp": ("127.0.0.1", None)},
        device_requests=gpu,
    )


def _data(plan: StackPlan, checkpoint: bytes | None) -> bytes:
    """The volumes' roots as the owner has them, and the checkpoint, as a tar of the root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in asdict(plan.service.mounts).values():
            tar.addfile(_entry(path, plan.owner, None))
        if checkpoint is not None:
            path = f"{plan.service.mounts.models}/{plan.service.checkpoint_path}"
            depth = plan.service.mounts.models.count("/") + 1
            parents = path.split("/")[:-1]
            for length in range(depth + 1, len(parents) + 1):
                tar.addfile(_entry("/".join(parents[:length]), plan.owner, None))
            tar.addfile(_entry(path, plan.owner, checkpoint), io.BytesIO(checkpoint))
    return buffer.getvalue()


def _entry(path: str, owner: Owner, content: bytes | None) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.uid, entry.gid = owner.uid, owner.gid
    if content is None:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    else:
        entry.size, entry.mode = len(content), 0o644
    return entry


@contextmanager
def _engine_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, requests.RequestException, OSError) as error:
        raise EnvironmentProblem(
            f"cannot {doing}: {getattr(error, 'explanation', None) or error}",
            "see `colordrill doctor`; is the image one that can be started?",
        ) from error
