"""A local HTTP server that answers as a script says: the service as clients meet it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from colordrill.data import fixtures
from colordrill.stack.parts import SITE_HEADER


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; *hang_up* closes the connection instead, *cut* stops half-way in the body."""

    status: int = 200
    body: bytes = b"{}"
    site: str | None = None
    hang_up: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    body: bytes


Answers = Callable[[Request], Reply]


def as_json(body: Any, *, status: int = 200, site: str | None = None) -> Reply:
    return Reply(status, json.dumps(body).encode(), site)


@dataclass(slots=True)
class ScriptedService:
    """A running server; `answer` may be replaced at any time."""

    url: str
    answer: Answers
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted_service(answer: Answers) -> Iterator[ScriptedService]:
    """Serve on a free port of the loopback for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # one packet per answer: a client's delayed acknowledgement would cost 40 ms each
        wbufsize = -1

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def do_DELETE(self) -> None:
            self._reply()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, body)
            service.requests.append(request)
            reply = service.answer(request)
            self.close_connection = reply.hang_up or reply.cut
            if reply.hang_up:
                return
            self.send_response(reply.status)
            if reply.site is not None:
                self.send_header(SITE_HEADER, reply.site)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = ScriptedService(f"http://127.0.0.1:{server.server_address[1]}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def comfyui(
    picture: bytes,
    *,
    site: str | None = "primary",
    cached: tuple[str, ...] = (),
    workflow: bytes | None = None,
) -> Answers:
    """A service that accepts everything and answers every job with *picture*, at once.

    Every workflow file that is read from it is *workflow*: the bundled one of its name by default.
    """

    def answer(request: Request) -> Reply:
        if request.method == "GET" and request.path.startswith("/userdata/"):
            name = unquote(request.path).rpartition("/")[2]
            return Reply(200, _bundled_workflow(name) if workflow is None else workflow, site)
        if request.path == "/upload/image":
            name = request.body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
            return as_json({"name": name, "subfolder": "", "type": "input"}, site=site)
        if request.path == "/prompt":
            return as_json({"prompt_id": json.loads(request.body)["prompt_id"]}, site=site)
        if request.path.startswith("/history/"):
            job = request.path.removeprefix("/history/")
            return as_json({job: finished_entry(cached=cached)}, site=site)
        if request.path.startswith("/view"):
            return Reply(200, picture, site)
        return as_json({}, site=site)

    return answer


def _bundled_workflow(name: str) -> bytes:
    path = fixtures() / "workflows" / name
    return path.read_bytes() if path.is_file() else b"{}"


def finished_entry(
    *, cached: tuple[str, ...] = (), status: str = "success", images: int = 1
) -> dict[str, Any]:
    """A job's entry in /history as ComfyUI writes it."""
    saved = [
        {"filename": f"out_{number:05d}_.png", "subfolder": "", "type": "output"}
        for number in range(1, images + 1)
    ]
    return {
        "outputs": {"9": {"images": saved}},
        "status": {
            "status_str": status,
            "messages": [
                ["execution_cached", {"nodes": list(cached)}],
                *(
                    [["execution_error", {"exception_message": "out of paint\n"}]]
                    * (status != "success")
                ),
            ],
        },
    }
