"""Listening to a WebSocket: what a server says, and servers that open none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from websockets.sync.server import ServerConnection, serve

from colordrill.clock import SystemClock, poll
from colordrill.errors import ServiceProblem
from colordrill.stack.websocket import Listener, listening


@contextmanager
def saying(messages: Sequence[str | bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that says *messages* to each client; its address, and the paths asked for."""
    asked: list[str] = []

    def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        for message in messages:
            connection.send(message)
        # stays until the client has heard enough
        for _ in connection:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}", asked
        server.shutdown()
        thread.join(5.0)


@contextmanager
def answering(content: bytes) -> Iterator[str]:
    """A server that answers one connection with *content* and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = server.accept()
        # the client may hang up at any time
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(content)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
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


def text(kind: str) -> str:
    return json.dumps({"type": kind})


def test_texts_of_every_length_are_messages_and_previews_are_none() -> None:
    said: list[str | bytes] = [
        text("short"),
        text("c" * 70_000),
        b"\x00\x00\x00\x01a preview",
        "[1]",
        text("after"),
    ]

    with saying(said) as (url, asked), listening(url, "me & you") as listener:
        assert heard(listener, 3) == ["short", "ccccc", "after"]

    assert asked == ["/ws?clientId=me%20%26%20you"]


def test_nonsense_ends_the_listening_and_nothing_else() -> None:
    with (
        saying([text("first"), "no json", text("late")]) as (url, _),
        listening(url, "x") as listener,
    ):
        assert heard(listener, 1) == ["first"]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"", b"x" * 70_000])
def test_a_server_that_opens_no_websocket_is_a_problem_with_a_next_step(answer: bytes) -> None:
    with (
        answering(answer) as url,
        pytest.raises(ServiceProblem, match="no WebSocket") as caught,
        listening(url, "x"),
    ):
        pass

    assert caught.value.next_step


def test_nobody_at_the_address_is_a_problem() -> None:
    with pytest.raises(ServiceProblem, match="no WebSocket"), listening("http://127.0.0.1:9", "x"):
        pass
