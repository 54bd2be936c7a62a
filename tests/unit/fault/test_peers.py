"""The peers' probe, really run by bash against a server on this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from colordrill.clock import SystemClock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.fault.peers import (
    LINK_PEERS,
    PEER_LIMIT_S,
    Answer,
    Ending,
    Peer,
    git_peer,
    http_peer,
    rsync_peer,
    storage_peer,
)
from colordrill.stack.links import LinkName
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Serve = Callable[[socket.socket], object]


@pytest.fixture
def target() -> FakeTarget:
    """Its commands really run, on this machine."""
    return FakeTarget(parts={Part.GATEWAY: FakePart()})


@contextmanager
def serving(serve: Serve) -> Iterator[Peer]:
    """A server of one connection on the loopback, and a peer of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        yield http_peer(Part.GATEWAY, "127.0.0.1", port, "/ok", "/much")
        thread.join(10)


def answering(reply: bytes, connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(reply)


def resetting(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(after: bytes, connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(after)
    connection.recv(65536)


def test_an_answer_is_counted_and_timed(target: FakeTarget) -> None:
    with serving(partial(answering, OK)) as peer:
        answer = peer.ask(target)

    assert peer.fine(answer)
    assert (answer.ending, answer.size, answer.head) == (
        Ending.CLOSED,
        len(OK),
        "HTTP/1.1 200 OK\r",
    )
    assert 0 < answer.first_s <= answer.total_s < PEER_LIMIT_S


@pytest.mark.parametrize("reply", [b"HTTP/1.1 500 No\r\n\r\n", b"", b"HTTP/1.1 2"])
def test_another_answer_is_not_fine(target: FakeTarget, reply: bytes) -> None:
    with serving(partial(answering, reply)) as peer:
        answer = peer.ask(target)

    assert not peer.fine(answer)
    assert answer.ending is Ending.CLOSED


def test_a_reset_is_told_from_an_end(target: FakeTarget) -> None:
    with serving(resetting) as peer:
        assert peer.ask(target).ending is Ending.RESET


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["nothing", "a line"])
def test_silence_is_given_up_and_what_came_is_counted(target: FakeTarget, after: bytes) -> None:
    with serving(partial(silent, after)) as peer:
        answer = peer.ask(target, limit_s=0.3)

    assert (answer.ending, answer.size) == (Ending.SILENT, len(after))
    assert answer.total_s >= 0.3


def test_a_refusal_is_told_from_silence(target: FakeTarget) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    answer = http_peer(Part.GATEWAY, "127.0.0.1", port, "/", "/").ask(target)

    assert answer.ending is Ending.REFUSED


def test_a_name_that_is_not_resolved_is_told_from_both(target: FakeTarget) -> None:
    answer = http_peer(Part.GATEWAY, "no-such-host.invalid", 80, "/", "/").ask(target)

    assert answer.ending is Ending.UNRESOLVED


def test_a_connection_that_nobody_answers_is_given_up_within_the_limit(target: FakeTarget) -> None:
    clock = SystemClock()
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        # two waiting connections fill the queue, and the kernel answers no third one
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        began_ns = clock.now_ns()
        peer = http_peer(Part.GATEWAY, "127.0.0.1", port, "/", "/")
        answer = peer.ask(target, limit_s=0.3)
        took_s = seconds_between(began_ns, clock.now_ns())
        for each in waiting:
            each.close()

    assert answer.ending is Ending.UNREACHABLE
    assert took_s < PEER_LIMIT_S


def test_a_limit_beyond_the_bound_is_cut_to_it(target: FakeTarget) -> None:
    clock = SystemClock()
    with serving(partial(silent, b"")) as peer:
        began_ns = clock.now_ns()
        peer.ask(target, limit_s=60)

    assert seconds_between(began_ns, clock.now_ns()) < PEER_LIMIT_S


def test_a_part_that_is_down_is_no_peer(target: FakeTarget) -> None:
    target.kill([Part.GATEWAY])

    answer = LINK_PEERS[LinkName.GATEWAY_PRIMARY].ask(target)

    assert answer.ending is Ending.NO_PEER
    assert "gateway" in str(answer)


def test_an_engine_that_fails_is_no_peer(target: FakeTarget) -> None:
    target.broken["execute"] = EnvironmentProblem("the engine hiccupped")

    assert LINK_PEERS[LinkName.GATEWAY_PRIMARY].ask(target).ending is Ending.NO_PEER


def test_an_image_without_bash_is_no_peer(target: FakeTarget) -> None:
    peer = replace(LINK_PEERS[LinkName.GATEWAY_PRIMARY], part=Part.GATEWAY)

    target.programs["env"] = lambda *_: Executed(127, "", "env: 'bash': No such file")

    assert peer.ask(target).ending is Ending.NO_PEER


def test_requests_arrive_byte_for_byte(target: FakeTarget) -> None:
    arrived: list[bytes] = []

    def keep(connection: socket.socket) -> None:
        arrived.append(connection.recv(65536))

    request = b"a\0b%s\\n\\0\r\n\x001234end"
    with serving(keep) as peer:
        peer.ask(target, request)

    assert arrived == [request]


def test_a_bulk_is_large(target: FakeTarget) -> None:
    got = 0

    def count(connection: socket.socket) -> None:
        nonlocal got
        while b"Connection: close" not in (piece := connection.recv(65536)):
            got += len(piece)
        got += len(piece)
        connection.sendall(OK)

    with serving(count) as peer:
        assert peer.fine(peer.ask(target, peer.bulk))

    assert got == len(peer.bulk) > 30_000


@pytest.mark.parametrize(
    "make", [storage_peer, rsync_peer, git_peer], ids=lambda make: make.__name__
)
def test_every_peer_has_three_requests_of_growing_length(make: Callable[..., Peer]) -> None:
    peer = make(Part.BACKUP, "there", 1)

    assert len(peer.staying) <= len(peer.request) < len(peer.bulk)
    assert str(peer) == "backup asking there:1"


def test_git_requests_say_their_length() -> None:
    staying = git_peer(Part.BACKUP, "there", 1).staying

    assert int(staying[:4], 16) == len(staying)


def test_an_answer_reads_as_one_line() -> None:
    answer = Answer(Ending.CLOSED, "HTTP/1.1 200 OK\r", 17, 0.001, 0.002)

    assert str(answer) == "17 B in 2 ms, closed (HTTP/1.1 200 OK)"
