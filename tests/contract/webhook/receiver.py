"""A receiver of notices on the loopback that checks signatures, and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = b"a secret that only sender and receiver know"
LATE_S = 0.8
DRIP_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notice(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content

    def verifies(self, secret: bytes = SECRET) -> bool:
        """Whether the signature is right; computed from the page's words, not by our own code."""
        signed = self.headers["x-colordrill-timestamp"].encode() + b"." + self.body
        wanted = "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, self.headers["x-colordrill-signature"])


@dataclass(slots=True)
class Receiver:
    """A running receiver.

    Attributes:
        url: where it listens.
        behave: what it does with the request of that number (1, 2, 3 …): a status to answer, or
            one of hang, drip, close, late, flood, garbage.
        arrived: every request, in order.
        acted: the notices that a receiver would act on: verified, and each only once.
    """

    url: str
    behave: Callable[[int], int | str] = lambda _number: 200
    arrived: list[Delivery] = field(default_factory=list)
    acted: dict[str, dict[str, Any]] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, delivery: Delivery) -> int | str:
        with self.lock:
            self.arrived.append(delivery)
            if delivery.verifies():
                self.acted.setdefault(delivery.notice["delivery"], delivery.notice)
            return self.behave(len(self.arrived))


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_GET(self) -> None:
        """Only a redirect that was followed would come here."""
        self.receiver.take(Delivery(self.path, {}, b"{}"))
        self.send_error(405)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.receiver.take(Delivery(self.path, headers, body))
        if isinstance(behaviour, int):
            self._answer(behaviour)
        elif behaviour == "hang":
            self.receiver.released.wait(20)
        elif behaviour == "late":
            self.receiver.released.wait(LATE_S)
            self._answer(200)
        elif behaviour == "drip":
            self._trickle(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400, DRIP_EVERY_S)
        elif behaviour == "flood":
            self._answer(200, length=10**12)
            self._trickle(b"x" * 400, DRIP_EVERY_S)
        elif behaviour == "garbage":
            self.wfile.write(b"\x00\xff nothing that HTTP would be\r\n\r\n")
        # close: the connection ends without a word

    def _answer(self, status: int, length: int = 0) -> None:
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.receiver.url}/elsewhere")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _trickle(self, content: bytes, every_s: float) -> None:
        for byte in content:
            if self.receiver.released.wait(every_s):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_: object) -> None:
        """A sender that hangs up in the middle is what is wanted."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive on a free port of the loopback for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    running = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"receiver": running})
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.released.set()
        server.shutdown()
        with suppress(OSError):
            server.server_close()
        thread.join()
