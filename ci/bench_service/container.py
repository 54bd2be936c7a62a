"""The service's image in single containers, for the benchmark: started, timed, removed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colordrill.data import fixtures
from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.images import ensure_images

PORT = 8188
START_S_MAX = 60.0
IN_CONTAINER = Path(__file__).parent / "in_container"


def service_image() -> str:
    """The reference of the service's image; built when it is missing."""
    return ensure_images(["service"], print)["service"].reference


def docker(*arguments: str) -> str:
    """What a docker command printed; it must succeed."""
    ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"docker {arguments[0]} failed: {ended.stderr.strip()}")
    return ended.stdout.strip()


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the service's image, with the bundled checkpoint in its place."""

    name: str

    def start(self) -> float:
        """Start it; returns the monotonic time just before."""
        began_s = time.monotonic()
        docker("start", self.name)
        return began_s

    def client(self) -> ComfyClient:
        """A client of its service."""
        address = docker("port", self.name, f"{PORT}/tcp").splitlines()[0]
        return ComfyClient(f"http://{address}")

    def await_answer(self, client: ComfyClient) -> None:
        """Wait until HTTP answers."""
        deadline_s = time.monotonic() + START_S_MAX
        while True:
            try:
                client.system_stats(timeout_s=1.0)
            except ServiceProblem:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.01)
            else:
                return

    def resident_kib(self) -> int:
        """Resident memory of the service's process, in KiB."""
        told = docker("exec", self.name, "sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null")
        sizes = [int(line.split()[1]) for line in told.splitlines() if line.startswith("VmRSS")]
        return max(sizes)


@contextmanager
def created(image: str, *command: str, entrypoint: str | None = None) -> Iterator[Container]:
    """A container that is created and not started; removed when the block ends."""
    models = fixtures() / "models"
    options = [
        f"--publish=127.0.0.1::{PORT}",
        f"--volume={models}:/comfyui/models/ddcolor:ro",
        f"--volume={fixtures() / 'photos'}:/photos:ro",
        f"--volume={IN_CONTAINER}:/bench:ro",
        "--label=colordrill.bench=service",
    ]
    if entrypoint:
        options.append(f"--entrypoint={entrypoint}")
    name = docker("create", *options, image, *command)
    try:
        yield Container(name)
    finally:
        docker("rm", "--force", "--volumes", name)


def run_script(image: str, script: str, *arguments: str) -> tuple[float, str]:
    """Run a script of ``in_container/``; wall time from container start to end, and its output."""
    with created(image, f"/bench/{script}", *arguments, entrypoint="python3") as container:
        began_s = time.monotonic()
        output = docker("start", "--attach", container.name)
        return time.monotonic() - began_s, output
