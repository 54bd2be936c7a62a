"""The primary's colorization service in memory, as its neighbours see it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from PIL import Image


def picture(seed: int) -> bytes:
    """A PNG that depends on *seed*."""
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


@dataclass
class FakeService:
    """The colorization service at the primary, as a neighbour sees it.

    Attributes:
        folder: the site's folders on this machine.
        worker: whether its worker lives.
        mended: whether the request that ends the worker is refused.
        forgetful: whether it runs every job again.
        weights: what it has in memory; None: nothing.
    """

    folder: Path
    worker: bool = True
    mended: bool = False
    forgetful: bool = False
    weights: bytes | None = b"whole weights"
    history: dict[str, Any] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    cache: dict[str, Any] = field(default_factory=dict)
    checkpoint: str = "ddcolor/ddcolor_nano.safetensors"

    def answer(self, method: str, url: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """One request."""
        split = urlsplit(url)
        if method == "POST":
            return self._post(split.path, body)
        if split.path == "/queue":
            return self._json({"queue_running": [[0, each] for each in self.running]})
        if split.path.startswith("/history"):
            wanted = split.path.removeprefix("/history").lstrip("/")
            found = {key: each for key, each in self.history.items() if wanted in {"", key}}
            return self._json(found)
        if split.path == "/view":
            query = parse_qs(split.query)
            return self._file("output", query.get("subfolder", [""])[0], query["filename"][0])
        if split.path.startswith("/userdata/"):
            return self._file(unquote(split.path.removeprefix("/userdata/")))
        return self._json({"system": {}})

    def restarted(self) -> None:
        """Queue, history, cache and weights are gone, the worker lives."""
        self.history, self.running, self.cache = {}, [], {}
        self.worker, self.weights = True, None

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if path == "/history":
            for each in body["delete"]:
                self.history.pop(each, None)
            return self._json({})
        if path == "/free":
            self.weights, self.cache = None, {}
            return self._json({})
        if "extra_data" in body:
            if self.mended:
                return 400, b"extra_data must be an object"
            self.worker = False
            self.running = [body["prompt_id"]]
        elif self.worker:
            self._run(body["prompt_id"], body["prompt"])
        return self._json({"prompt_id": body["prompt_id"]})

    def _run(self, prompt_id: str, prompt: Mapping[str, Any]) -> None:
        key = json.dumps(prompt, sort_keys=True)
        entry: dict[str, Any]
        if key in self.cache and not self.forgetful:
            entry = self.cache[key]
        elif any(node["class_type"] == "Colorize" for node in prompt.values()):
            entry = self._coloured(prompt)
        else:
            entry = self._saved(prompt, picture(0))
        self.cache = {key: entry}
        self.history[prompt_id] = {**entry, "prompt": [0, prompt_id, prompt, {}, []]}

    def _coloured(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        if self.weights is None:
            path = self.folder / "models" / self.checkpoint
            content = path.read_bytes() if path.exists() else b""
            whole = content == b"whole weights" or len(content) > 1000
            self.weights = content if whole else b"random weights"
            if not whole:
                return {"status": {"status_str": "error", "messages": []}, "outputs": {}}
        return self._saved(prompt, picture(len(self.weights)))

    def _saved(self, prompt: Mapping[str, Any], content: bytes) -> dict[str, Any]:
        prefixes = [
            node["inputs"]["filename_prefix"]
            for node in prompt.values()
            if "filename_prefix" in node["inputs"]
        ]
        taken = len(list((self.folder / "output").iterdir()))
        name = f"{prefixes[0]}_{taken:05d}_.png"
        (self.folder / "output" / name).write_bytes(content)
        image = {"filename": name, "subfolder": "", "type": "output"}
        return {"status": {"status_str": "success"}, "outputs": {"9": {"images": [image]}}}

    def _file(self, *path: str) -> tuple[int, bytes]:
        found = self.folder.joinpath(*path)
        return (200, found.read_bytes()) if found.is_file() else (404, b"")

    def _json(self, value: Any) -> tuple[int, bytes]:
        return 200, json.dumps(value).encode()


@contextmanager
def serving(service: FakeService) -> Iterator[str]:
    """The service behind a real socket, for as long as the block runs; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def _answer(self, body: Mapping[str, Any]) -> None:
            status, content = service.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
