"""Runs ComfyUI's contract against a service: one given by address, or the bundled reference.

``--service-url URL`` or ``COLORDRILL_SERVICE_URL`` names a running service. Without one, the
reference starts on a free port of 127.0.0.1, in a base directory of its own. Tests that look
behind the API (files on disk, a process to kill) need the reference and skip elsewhere.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
CHECKPOINT = ROOT / "fixtures" / "models" / "ddcolor_nano.safetensors"
START_S_MAX = 60.0
JOB_S_MAX = 120.0
REQUEST_S_MAX = 30.0
_MAKE_CHECKPOINT = """
import sys
from safetensors.torch import save_file
from colorservice.model import NANO, build_model
state = build_model(NANO, seed=1).state_dict()
save_file({name: tensor.contiguous() for name, tensor in state.items()}, sys.argv[1])
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the address option; only seen when this folder is named on the command line."""
    parser.addoption("--service-url", default=None, help="contract suite: a running ComfyUI")


@dataclass
class Service:
    """A service under test, and the requests that most tests make.

    Attributes:
        url: address without a trailing slash.
        base: the base directory, None for a service that is not ours.
        process: the process, None for a service that is not ours.
    """

    url: str
    base: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    session: requests.Session = field(default_factory=requests.Session)

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
        """Return the colorizing node of this service, fed by node ``source``."""
        info = self.get("/object_info/DDColor-ddcolorize").json()
        if info:
            models = info["DDColor-ddcolorize"]["input"]["required"]["model"][0]
            inputs = {"image": [source, 0], "model": models[0], "size": size}
            return {"class_type": "DDColor-ddcolorize", "inputs": inputs}
        inputs = {"image": [source, 0], "model_input_size": size}
        inputs["checkpoint"] = "ddcolor_paper_tiny.pth"
        return {"class_type": "DDColor_Colorize", "inputs": inputs}

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
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            entry = self.get(f"/history/{prompt_id}").json()
            if entry:
                return dict(entry[prompt_id])
            time.sleep(0.02)
        message = f"no history of {prompt_id} after {limit_s} s; queue: {self.get('/queue').text}"
        raise AssertionError(message)

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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "service"), "DEVICE": "cpu", **more}


@contextmanager
def running_reference(base: Path, **environment: str) -> Iterator[Service]:
    """Run the reference service in a base directory until the block ends."""
    port = _free_port()
    command = [sys.executable, "-m", "colorservice", "--listen", "127.0.0.1"]
    command += ["--port", str(port), "--base-directory", str(base)]
    with (base / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, env=_environment(**environment), stdout=log, stderr=subprocess.STDOUT
        )
    service = Service(f"http://127.0.0.1:{port}", base, process)
    try:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                service.get("/system_stats")
                break
            except requests.ConnectionError:
                log_text = (base / "log.txt").read_text()
                assert process.poll() is None, f"the service ended: {log_text}"
                assert time.monotonic() < deadline, f"no answer in {START_S_MAX} s: {log_text}"
                time.sleep(0.02)
        yield service
    finally:
        service.session.close()
        process.kill()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled nano checkpoint; one with random weights as long as there is none."""
    if CHECKPOINT.is_file():
        return CHECKPOINT
    path = tmp_path_factory.mktemp("checkpoint") / CHECKPOINT.name
    command = [sys.executable, "-c", _MAKE_CHECKPOINT, str(path)]
    subprocess.run(command, env=_environment(), check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def new_base(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make base directories that hold nothing but the checkpoint."""

    def make() -> Path:
        base = tmp_path_factory.mktemp("comfyui")
        models = base / "models" / "ddcolor"
        models.mkdir(parents=True)
        shutil.copyfile(checkpoint, models / CHECKPOINT.name)
        return base

    return make


@pytest.fixture(scope="session")
def reference() -> Callable[..., Any]:
    """Start further reference services (``running_reference``)."""
    return running_reference


@pytest.fixture(scope="session")
def service(request: pytest.FixtureRequest, new_base: Callable[[], Path]) -> Iterator[Service]:
    """The service under test, shared by all tests."""
    url = request.config.getoption("service_url", default=None)
    url = url or os.environ.get("COLORDRILL_SERVICE_URL")
    if url:
        yield Service(str(url).rstrip("/"))
        return
    with running_reference(new_base()) as started:
        yield started


@pytest.fixture
def base(service: Service) -> Path:
    """The base directory of the shared service, where it is ours."""
    if service.base is None:
        pytest.skip("looks at the service's disk: needs the bundled reference")
    return service.base


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A small PNG with some structure."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((48, 40)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
