"""Listening to a WebSocket: frames as servers may send them, and servers that send none."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.errors import ServiceProblem
from colordrill.stack.websocket import Listener, listening

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(kind: int, payload: bytes, *, final: bool = True) -> bytes:
    first = (0x80 if final else 0) | kind
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + struct.pack(">H", len(payload)) + payload
    return bytes([first, 127]) + struct.pack(">Q", len(payload)) + payload


@contextmanager
def sending(content: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers one connection with *content*; its address, and what it was sent."""
    received: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        # the listener may hang up at any time
        with connection, suppress(OSError):
            received.append(connection.recv(4096))
            connection.sendall(content)
            if not content:
                return
            while part := connection.recv(4096):
                received.append(part)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", received
    finally:
        thread.join(5.0)
        server.close()


def heard(listener: Listener, count: int) -> list[str]:
    poll(
        SystemClock(),
        lambda: len(listener.messages) >= count or None,
        awaited="the messages",
        timeout_s=5.0,
        every_s=0.01,
    )
    return [str(each["type"])[:5] for each in listener.messages]


def text(kind: str) -> bytes:
    return json.dumps({"type": kind}).encode()


def test_frames_of_every_length_whole_and_in_parts_are_messages() -> None:
    long, longer, parted = text("b" * 300), text("c" * 70_000), text("parted")
    frames = [
        frame(1, text("short")),
        frame(1, long),
        frame(1, longer),
        frame(2, b"\x00\x00\x00\x01a preview"),
        frame(1, parted[:5], final=False),
        frame(0, parted[5:]),
    ]

    with (
        sending(ACCEPTED + b"".join(frames)) as (url, received),
        listening(url, "me & you") as listener,
    ):
        assert heard(listener, 4) == ["short", "bbbbb", "ccccc", "parte"]

    assert received[0].startswith(b"GET /ws?clientId=me%20%26%20you HTTP/1.1\r\n")


def test_a_ping_is_answered_by_its_pong() -> None:
    content = ACCEPTED + frame(9, b"there?") + frame(1, text("after"))

    with sending(content) as (url, received), listening(url, "x") as listener:
        assert heard(listener, 1) == ["after"]

    assert b"".join(received[1:]) == bytes([0x8A, 0x86, 0, 0, 0, 0]) + b"there?"


@pytest.mark.parametrize(
    "rest", [frame(8, b""), b"\x81\xff", b"\x81\x05ab", frame(1, b"no json"), frame(1, b"[1]")]
)
def test_the_end_of_the_connection_or_nonsense_ends_the_listening(rest: bytes) -> None:
    with (
        sending(ACCEPTED + frame(1, text("first")) + rest) as (url, _),
        listening(url, "x") as listener,
    ):
        assert heard(listener, 1) == ["first"]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"", b"x" * 70_000])
def test_a_server_that_opens_no_websocket_is_a_problem_with_a_next_step(answer: bytes) -> None:
    with (
        sending(answer) as (url, _),
        pytest.raises(ServiceProblem, match="no WebSocket") as caught,
        listening(url, "x"),
    ):
        pass

    assert caught.value.next_step


def test_nobody_at_the_address_is_a_problem() -> None:
    with pytest.raises(ServiceProblem, match="no WebSocket"), listening("http://127.0.0.1:9", "x"):
        pass
