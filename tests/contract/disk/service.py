"""A service that serves what is stored, as ComfyUI does; runs inside a container of the lab."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

BASE = Path("/comfyui")
PORT = 18188


class Handler(BaseHTTPRequestHandler):
    """Answers the three requests that peers make."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/system_stats":
            self._answer(200, b"{}")
            return
        if asked.path == "/view":
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            path = BASE / query["type"] / query.get("subfolder", "") / query["filename"]
        else:
            path = BASE / unquote(asked.path.removeprefix("/userdata/"))
        self._answer(200, path.read_bytes()) if path.is_file() else self._answer(404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
