"""Listens to ComfyUI's WebSocket: the few parts of RFC 6455 that a listener needs.

The drill itself polls /history; this is for looking at whether a service says what browsers need.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from colordrill.errors import ServiceProblem

CONNECT_LIMIT_S = 5.0
FRAME_BYTES_MAX = 64 * 1024 * 1024
CLOSE_LIMIT_S = 5.0
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_HEADER_BYTES_MAX = 65536


@dataclass(slots=True)
class Listener:
    """What one client has been told so far."""

    messages: list[Mapping[str, Any]] = field(default_factory=list)


@contextmanager
def listening(base_url: str, client_id: str) -> Iterator[Listener]:
    """Listen as *client_id* for the length of the block.

    Raises:
        ServiceProblem: the service opens no WebSocket.
    """
    try:
        connection = _connect(base_url, client_id)
    except (OSError, ValueError) as error:
        raise ServiceProblem(
            f"/ws of {base_url} opens no WebSocket: {error}",
            "if a proxy stands in between, let it pass the Upgrade header on",
        ) from error
    listener = Listener()
    thread = threading.Thread(
        target=_listen, args=(connection, listener), name="websocket", daemon=True
    )
    thread.start()
    try:
        yield listener
    finally:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join(CLOSE_LIMIT_S)
        connection.close()


def _connect(base_url: str, client_id: str) -> socket.socket:
    parts = urlsplit(base_url)
    host = parts.hostname or "localhost"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = socket.create_connection((host, port), CONNECT_LIMIT_S)
    try:
        if parts.scheme == "https":
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        request = (
            f"GET {parts.path.rstrip('/')}/ws?clientId={quote(client_id)} HTTP/1.1\r\n"
            f"Host: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        connection.sendall(request.encode("ascii"))
        status = _answered(connection)
        if " 101 " not in f"{status} ":
            raise ValueError(f"answered {status!r}")
    except BaseException:
        connection.close()
        raise
    connection.settimeout(None)
    return connection


def _answered(connection: socket.socket) -> str:
    """The status line; reads exactly to the end of the headers."""
    header = b""
    while not header.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte or len(header) > _HEADER_BYTES_MAX:
            raise ValueError("closed the connection before it had answered")
        header += byte
    return header.split(b"\r\n", 1)[0].decode("latin-1")


def _listen(connection: socket.socket, listener: Listener) -> None:
    text = b""
    # the connection's end, from whichever side, is the listener's end
    with suppress(OSError, EOFError, ValueError):
        while True:
            final, kind, payload = _frame(connection)
            if kind == _CLOSE:
                return
            if kind == _PING:
                connection.sendall(_pong(payload))
            if kind in {_TEXT, 0}:
                text += payload
                if final:
                    message = json.loads(text)
                    text = b""
                    if isinstance(message, dict):
                        listener.messages.append(message)


def _frame(connection: socket.socket) -> tuple[bool, int, bytes]:
    first, second = _exactly(connection, 2)
    length = second & 0x7F
    if length == 126:  # noqa: PLR2004 (RFC 6455, 5.2: two more bytes of length follow)
        (length,) = struct.unpack(">H", _exactly(connection, 2))
    elif length == 127:  # noqa: PLR2004 (RFC 6455, 5.2: eight more bytes of length follow)
        (length,) = struct.unpack(">Q", _exactly(connection, 8))
    if second & 0x80 or length > FRAME_BYTES_MAX:
        raise ValueError("a server's frame is neither masked nor that long")
    return bool(first & 0x80), first & 0x0F, _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = connection.recv(min(count - len(found), 1 << 16))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def _pong(payload: bytes) -> bytes:
    """A client's frames are masked; a mask of zeros is one."""
    return bytes([0x80 | _PONG, 0x80 | len(payload)]) + bytes(4) + payload
