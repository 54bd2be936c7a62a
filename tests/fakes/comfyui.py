"""A ComfyUI in memory that keeps the whole contract of a drill, or breaks it where it is told."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fakes.service import finished_entry

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGES = ("execution_start", "execution_cached", "executing", "executed", "execution_success")

Answer = tuple[int, bytes]


@dataclass
class FakeComfyUI:
    """A running one.

    Attributes:
        url: its address.
        node: its colorizing node's class and inputs.
        golden: the picture (PNG) that it makes of a photo's name.
        defects: what it does wrong.
        files: workflow files by name.
        jobs: prompts by id.
        cached: nodes that a job had from the result cache, by its id.
        sockets: what tells a client something, by client id.
    """

    url: str
    node: dict[str, Any]
    golden: Callable[[str], bytes]
    defects: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    cached: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sockets: dict[str, Any] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to one request that is no WebSocket."""
        if "another_page" in self.defects:
            return 200, b"<html>"
        routes = (
            ("/system_stats", self._system),
            ("/object_info/", lambda: self._object_info(unquote(path.rpartition("/")[2]))),
            ("/userdata/", lambda: self._userdata(method, unquote(path.split("/", 2)[2]), body)),
            ("/upload/image", lambda: self._upload(body)),
            ("/prompt", lambda: self._prompt(json.loads(body))),
            ("/history/", lambda: self._history(path.removeprefix("/history/"))),
            ("/view", lambda: self._view(parse_qs(urlsplit(path).query)["filename"][0])),
        )
        reply = next((reply for prefix, reply in routes if path.startswith(prefix)), None)
        return (404, b"no such page") if reply is None else reply()

    def _system(self) -> Answer:
        version = {} if "no_version" in self.defects else {"comfyui_version": "0.3.64"}
        return _json({"system": version})

    def _object_info(self, name: str) -> Answer:
        return _json({name: self.node} if name == self.node["name"] else {})

    def _upload(self, body: bytes) -> Answer:
        if "upload_refused" in self.defects:
            return 500, b"disk full"
        return _json({"name": body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()})

    def _userdata(self, method: str, name: str, body: bytes) -> Answer:
        if "userdata_refused" in self.defects:
            return 500, b"read-only file system"
        if method == "POST":
            self.files[name] = body[:-1] if "userdata_cut" in self.defects else body
            return _json(name)
        if name not in self.files:
            return 404, b""
        if method == "DELETE":
            del self.files[name]
            return 204, b""
        return 200, self.files[name]

    def _prompt(self, body: dict[str, Any]) -> Answer:
        if "prompt_refused" in self.defects:
            return 400, b'{"error": {"type": "invalid_prompt"}}'
        prompt_id = body["prompt_id"]
        repeated = any(each == body["prompt"] for each in self.jobs.values())
        self.jobs[prompt_id] = body["prompt"]
        self.cached[prompt_id] = tuple(body["prompt"]) if repeated else ()
        self._tell(body.get("client_id"), prompt_id)
        return _json({"prompt_id": prompt_id, "node_errors": {}})

    def _tell(self, client_id: str | None, prompt_id: str) -> None:
        told = self.sockets.get(client_id or "")
        if told is None:
            return
        kinds = MESSAGES[:1] if "few_messages" in self.defects else MESSAGES
        for kind in kinds:
            told(json.dumps({"type": kind, "data": {"prompt_id": prompt_id, "node": "1"}}))
        if "few_messages" not in self.defects:
            last = {"type": "executing", "data": {"prompt_id": prompt_id, "node": None}}
            told(json.dumps(last))

    def _history(self, prompt_id: str) -> Answer:
        everything = tuple(self.jobs[prompt_id])
        cached = everything if "caches_content" in self.defects else self.cached[prompt_id]
        status = "error" if "job_fails" in self.defects else "success"
        entry = finished_entry(cached=cached, status=status)
        entry["outputs"]["9"]["images"][0]["filename"] = f"{prompt_id}.png"
        return _json({prompt_id: entry})

    def _view(self, name: str) -> Answer:
        prompt = self.jobs[name.removesuffix(".png")]
        photo = next(
            each["inputs"]["image"] for each in prompt.values() if each["class_type"] == "LoadImage"
        )
        grey, half = "uncoloured" in self.defects, "half_size" in self.defects
        picture = _picture(self.golden(photo), grey, half)
        embedded = "" if "no_metadata" in self.defects else json.dumps(prompt)
        content = _png(picture, embedded)
        return 200, content[: len(content) // 2] if "truncates" in self.defects else content


@contextmanager
def fake_comfyui(node: dict[str, Any], golden: Callable[[str], bytes]) -> Iterator[FakeComfyUI]:
    """Serve on a free port of the loopback for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            if self.path.startswith("/ws") and "no_websocket" not in fake.defects:
                self._websocket()
            else:
                self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = fake.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _websocket(self) -> None:
            key = self.headers["Sec-WebSocket-Key"] + MAGIC
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest())  # noqa: S324 (RFC 6455)
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", accept.decode())
            self.end_headers()
            self._tell(json.dumps({"type": "status", "data": {"sid": "x"}}))
            fake.sockets[parse_qs(urlsplit(self.path).query)["clientId"][0]] = self._tell
            # all that a listener says is that it leaves: two bytes, a mask of four, a code of two
            self.rfile.read(8)
            with suppress(OSError):
                self.wfile.write(b"\x88\x00")
            self.close_connection = True

        def _tell(self, text: str) -> None:
            payload = text.encode()
            length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e"
            extended = b"" if len(payload) < 126 else struct.pack(">H", len(payload))
            self.wfile.write(b"\x81" + length + extended + payload)
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeComfyUI(f"http://127.0.0.1:{server.server_address[1]}", node, golden)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def _picture(content: bytes, grey: bool, half: bool) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        picture = image.convert("L").convert("RGB") if grey else image.convert("RGB")
    return picture.resize((picture.width // 2, picture.height // 2)) if half else picture


def _png(picture: Image.Image, prompt: str) -> bytes:
    chunks = PngInfo()
    if prompt:
        chunks.add_text("prompt", prompt)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks, compress_level=1)
    return buffer.getvalue()


def _json(body: Any) -> Answer:
    return 200, json.dumps(body).encode()
