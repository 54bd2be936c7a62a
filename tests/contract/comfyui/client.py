"""The service under test as tests see it: the requests that most of them make."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
import requests

NODE_PACK = "ComfyUI-DDColor"
CHECKPOINT = "ddcolor_paper_tiny.pth"
COLORIZE = "DDColor_Colorize"
JOB_S_MAX = 120.0
REQUEST_S_MAX = 30.0
POLL_S = 0.02

Found = TypeVar("Found")


class Handle(Protocol):
    """The running program behind a service that the suite started itself."""

    def signal(self, number: int) -> None:
        """Send a signal to the service's own process."""

    def wait(self, limit_s: float) -> int | None:
        """Return the exit status as a shell counts (128 + signal), None while it still runs."""

    def log(self) -> str:
        """Return what the program has printed."""


def until(look: Callable[[], Found | None], awaited: str, limit_s: float = JOB_S_MAX) -> Found:
    """Look until there is something (anything but None, False and the empty) and return it.

    Raises:
        AssertionError: nothing for ``limit_s`` seconds; it says what was awaited.
    """
    deadline = time.monotonic() + limit_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {limit_s} s in vain for {awaited}"
        time.sleep(POLL_S)


@dataclass
class Service:
    """A service under test, and the requests that most tests make.

    Attributes:
        url: address without a trailing slash.
        base: the base directory, None for a service that the suite did not start.
        process: the program, None for a service that the suite did not start.
    """

    url: str
    base: Path | None = None
    process: Handle | None = None
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def disk(self) -> Path:
        """The base directory of a service that the suite started."""
        assert self.base is not None, "only a service that the suite starts has a disk to look at"
        return self.base

    @property
    def program(self) -> Handle:
        """The program of a service that the suite started."""
        assert self.process is not None, "only a service that the suite starts has a program"
        return self.process

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path."""
        return self.session.get(self.url + path, timeout=REQUEST_S_MAX, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST to a path."""
        return self.session.post(self.url + path, timeout=REQUEST_S_MAX, **options)

    def raw(self, method: str, path: str, body: bytes = b"") -> int:
        """Send a path exactly as written (``requests`` would tidy it up); return the status."""
        host, port = self.url.removeprefix("http://").split(":")
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        with socket.create_connection((host, int(port)), timeout=REQUEST_S_MAX) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return int(connection.recv(4096).split(b" ", 2)[1])

    def upload(self, content: bytes, name: str | None = None, **form: str) -> str:
        """Upload a file under a fresh name, unless one is given, and return the stored name."""
        files = {"image": (name or f"{uuid.uuid4()}.png", content)}
        answer = self.post("/upload/image", files=files, data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["name"])

    def colorizer(self, source: str, size: int = 64) -> dict[str, Any]:
        """Return a colorizing node, fed by node ``source``."""
        inputs = {"image": [source, 0], "model_input_size": size, "checkpoint": CHECKPOINT}
        return {"class_type": COLORIZE, "inputs": inputs}

    def prompt(self, photo: str, prefix: str | None = None, steps: int = 1) -> dict[str, Any]:
        """Build load → colorize (``steps`` times) → save; the save node is called "save"."""
        nodes: dict[str, Any] = {"load": {"class_type": "LoadImage", "inputs": {"image": photo}}}
        last = "load"
        for step in range(steps):
            nodes[f"color{step}"] = self.colorizer(last)
            last = f"color{step}"
        inputs = {"images": [last, 0], "filename_prefix": prefix or f"contract-{uuid.uuid4()}"}
        nodes["save"] = {"class_type": "SaveImage", "inputs": inputs}
        return nodes

    def submit(self, prompt: Any, **more: Any) -> str:
        """Submit a prompt that must be accepted and return its id."""
        body = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), **more}
        answer = self.post("/prompt", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def wait(self, prompt_id: str, limit_s: float = JOB_S_MAX) -> dict[str, Any]:
        """Wait for a job's history entry."""

        def look() -> dict[str, Any] | None:
            entry = self.get(f"/history/{prompt_id}").json().get(prompt_id)
            return None if entry is None else dict(entry)

        return until(look, f"the history of {prompt_id}", limit_s)

    def until_running(self, prompt_id: str) -> None:
        """Wait until a job is the one that runs."""

        def running() -> bool:
            jobs = self.get("/queue").json()["queue_running"]
            return any(job[1] == prompt_id for job in jobs)

        until(running, f"{prompt_id} to run", REQUEST_S_MAX)

    def run(self, prompt: Any, **more: Any) -> dict[str, Any]:
        """Submit a prompt and return its history entry."""
        return self.wait(self.submit(prompt, **more))

    def picture(self, entry: dict[str, Any]) -> bytes:
        """Fetch the picture that a finished job saved."""
        assert entry["status"]["status_str"] == "success", entry["status"]
        answer = self.get("/view", params=entry["outputs"]["save"]["images"][0])
        assert answer.status_code == 200
        return answer.content

    def listen(self, client_id: str, act: Callable[[], object], last: str) -> list[dict[str, Any]]:
        """Connect a WebSocket, act, and collect messages up to the first one of type ``last``.

        ``executing`` counts as the last only when it names no node, as at the end of a job.
        """

        async def collect() -> list[dict[str, Any]]:
            messages: list[dict[str, Any]] = []
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{self.url}/ws?clientId={client_id}") as stream,
            ):
                first = await stream.receive_json(timeout=REQUEST_S_MAX)
                messages.append(first)
                await asyncio.to_thread(act)
                while True:
                    message = await stream.receive_json(timeout=JOB_S_MAX)
                    messages.append(message)
                    ends = message["data"].get("node") is None or last != "executing"
                    if message["type"] == last and ends:
                        return messages

        return asyncio.run(collect())
