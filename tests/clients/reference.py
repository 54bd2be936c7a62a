"""The reference service as a process of its own, for clients that know nothing of this project."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from colordrill.clock import SystemClock, poll

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "fixtures" / "models" / "ddcolor_nano.safetensors"
START_S_MAX = 60.0
REQUEST_S_MAX = 30.0


@dataclass(frozen=True)
class Reference:
    """A running service.

    Attributes:
        url: address without a trailing slash.
        port: of 127.0.0.1.
    """

    url: str
    port: int

    @property
    def address(self) -> str:
        """``host:port``, as some clients want it."""
        return self.url.removeprefix("http://")

    def upload(self, name: str, photo: bytes) -> str:
        """Upload a photo and return the name that it was stored under."""
        files = {"image": (name, photo)}
        answer = requests.post(f"{self.url}/upload/image", files=files, timeout=REQUEST_S_MAX)
        answer.raise_for_status()
        return str(answer.json()["name"])

    def save_workflow(self, name: str, content: bytes) -> None:
        """Store a workflow where the web page looks for it."""
        path = quote(f"workflows/{name}", safe="")
        answer = requests.post(f"{self.url}/userdata/{path}", data=content, timeout=REQUEST_S_MAX)
        answer.raise_for_status()

    def forget_visits(self) -> None:
        """Let the web page greet its next visitor as a new one."""
        url = f"{self.url}/settings/Comfy.TutorialCompleted"
        requests.post(url, json=False, timeout=REQUEST_S_MAX).raise_for_status()

    def fetch(self, url: str) -> bytes:
        """Fetch a picture from an address that a client named."""
        answer = requests.get(url, timeout=REQUEST_S_MAX)
        answer.raise_for_status()
        return answer.content


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_reference(base: Path) -> Iterator[Reference]:
    """Run the service on a free port, in a base directory that is filled here, until the end.

    Raises:
        WaitExpired: it did not answer in ``START_S_MAX`` seconds; the message holds its log.
    """
    models = base / "models" / "ddcolor"
    models.mkdir(parents=True)
    shutil.copyfile(CHECKPOINT, models / CHECKPOINT.name)
    port = _free_port()
    log = base / "log.txt"
    command = [sys.executable, "-m", "colorservice", "--port", str(port)]
    command += ["--base-directory", str(base)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "service"), "DEVICE": "cpu"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    reference = Reference(f"http://127.0.0.1:{port}", port)

    def answers() -> bool | None:
        assert process.poll() is None, f"the service ended: {log.read_text()}"
        try:
            return requests.get(f"{reference.url}/system_stats", timeout=REQUEST_S_MAX).ok or None
        except requests.ConnectionError:
            return None

    try:
        poll(
            SystemClock(),
            answers,
            awaited="the reference service's first answer",
            timeout_s=START_S_MAX,
            explain=log.read_text,
        )
        yield reference
    finally:
        process.kill()
        process.wait(timeout=10)
