"""A service that speaks just enough of ComfyUI's API to be a canary's target, and answers at once.

It can be made dark: connections are then taken and closed without an answer, at once too.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from colordrill.stack.comfyui import SITE_HEADER

_FILENAME = re.compile(rb'filename="([^"]+)"')


class Stub:
    """One service on a port of its own.

    Args:
        picture: what every job's picture is.
        workflow: what every stored workflow is.
    """

    def __init__(self, picture: bytes, workflow: bytes) -> None:
        self._dark = threading.Event()
        handler = type(
            "Handler",
            (_Handler,),
            {"picture": picture, "workflow": workflow, "dark": self._dark},
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def darken(self) -> None:
        """Answer nothing from now on."""
        self._dark.set()

    def lighten(self) -> int:
        """Answer again; returns the moment from which on it can, in monotonic nanoseconds."""
        self._dark.clear()
        return time.monotonic_ns()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    picture: bytes
    workflow: bytes
    dark: threading.Event

    def handle_one_request(self) -> None:
        super().handle_one_request()
        if self.dark.is_set():
            self.close_connection = True

    def do_GET(self) -> None:
        """The job's end, its picture, a stored workflow, or that it lives."""
        if self.path.startswith("/history/"):
            job = self.path.removeprefix("/history/")
            image = {"filename": f"{job}.png", "subfolder": "", "type": "output"}
            ended = {"status_str": "success", "completed": True, "messages": []}
            self._json({job: {"status": ended, "outputs": {"9": {"images": [image]}}}})
        elif self.path.startswith("/view"):
            self._answer(self.picture, "image/png")
        elif self.path.startswith("/userdata/"):
            self._answer(self.workflow, "application/json")
        else:
            self._json({})

    def do_POST(self) -> None:
        """An upload or a job."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/upload/image"):
            found = _FILENAME.search(body)
            self._json({"name": found.group(1).decode() if found else "", "subfolder": ""})
        else:
            self._json({"prompt_id": json.loads(body)["prompt_id"], "node_errors": {}})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name for it)
        """Say nothing."""

    def _json(self, body: Any) -> None:
        self._answer(json.dumps(body).encode(), "application/json")

    def _answer(self, body: bytes, content_type: str) -> None:
        if self.dark.is_set():
            self.close_connection = True
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(SITE_HEADER, "primary")
        self.end_headers()
        self.wfile.write(body)
