"""How `colordrill-s3` reads a version: over a connection, from an endpoint that may misbehave."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from unit.backup.s3_endpoint import SECRET, store_module

CONTENT = b"picture"
VERSION = ("files/output/a b\u00e4.png", "v1")


@dataclass(frozen=True)
class Answer:
    """What the endpoint says once: a status, an error's code or a body; it may break off."""

    status: int = 200
    code: str = ""
    body: bytes = CONTENT
    promised: int | None = None
    hang_up: bool = False


@dataclass
class Endpoint:
    """A bucket's endpoint; the last of its answers is given again and again."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    """One whose clients may hang up without a word."""

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.asked.append(self.path)
            answer = told.answers.pop(0) if told.answers[1:] else told.answers[0]
            if answer.hang_up:
                self.close_connection = True
                return
            refusal = f"<Error><Code>{answer.code}</Code><Message>because</Message></Error>"
            body = refusal.encode() if answer.code else answer.body
            self.send_response(answer.status)
            length = len(body) if answer.promised is None else answer.promised
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = answer.promised is not None

        def log_message(self, *_: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        told = Endpoint(f"http://127.0.0.1:{server.server_port}")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield told
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as found:
        yield found


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> Iterator[Any]:
    with store_module(monkeypatch, endpoint.url) as found:
        yield found


@pytest.fixture
def store(module: Any) -> Any:
    return module.Store("POINTS", "the bucket")


def read(store: Any) -> bytes:
    return b"".join(store.read(VERSION))


def test_a_version_is_asked_for_by_its_key_and_number(store: Any, endpoint: Endpoint) -> None:
    endpoint.answers = [Answer()]

    assert read(store) == CONTENT

    (asked,) = endpoint.asked
    assert urlsplit(asked).path == "/points/files/output/a%20b%C3%A4.png"
    assert parse_qs(urlsplit(asked).query)["versionId"] == ["v1"]
    assert SECRET not in asked


def test_bytes_come_as_they_are_whatever_they_look_like(store: Any, endpoint: Endpoint) -> None:
    endpoint.answers = [Answer(body=secrets.token_bytes(3 << 20)), Answer(body=b"")]

    assert (len(read(store)), read(store)) == (3 << 20, b"")


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "NoSuchVersion"), (404, "NoSuchKey"), (500, "InternalError"), (503, "SlowDown")],
)
def test_a_version_that_is_not_there_or_cannot_be_read_is_a_broken_read(
    module: Any, store: Any, endpoint: Endpoint, status: int, code: str
) -> None:
    endpoint.answers = [Answer(status, code)]

    with pytest.raises(module.BrokenReadError, match="because"):
        read(store)


@pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch"])
def test_who_is_not_let_in_is_told_so_and_nothing_is_called_damaged(
    module: Any, store: Any, endpoint: Endpoint, code: str
) -> None:
    endpoint.answers = [Answer(403, code)]

    with pytest.raises(module.UnreachableError, match=f"the bucket refuses: {code}: because"):
        read(store)


def test_a_refusal_that_is_none_when_asked_again_is_a_broken_read(
    module: Any, store: Any, endpoint: Endpoint
) -> None:
    endpoint.answers = [Answer(503, "SlowDown"), Answer()]

    with pytest.raises(module.BrokenReadError, match="and then it was not"):
        read(store)


@pytest.mark.parametrize("came", [b"", b"pict"])
def test_a_body_that_breaks_off_is_a_broken_read(
    module: Any, store: Any, endpoint: Endpoint, came: bytes
) -> None:
    endpoint.answers = [Answer(body=came, promised=len(CONTENT))]

    with pytest.raises(module.BrokenReadError):
        read(store)


def test_one_connection_that_is_hung_up_is_tried_again(store: Any, endpoint: Endpoint) -> None:
    endpoint.answers = [Answer(hang_up=True), Answer()]

    assert read(store) == CONTENT


def test_an_endpoint_that_hangs_up_is_unreachable(
    module: Any, store: Any, endpoint: Endpoint
) -> None:
    endpoint.answers = [Answer(hang_up=True)]

    with pytest.raises(module.UnreachableError, match="cannot be reached"):
        read(store)

    assert len(endpoint.asked) == 2


def test_a_version_that_breaks_off_once_is_read_again_from_its_start(
    module: Any, store: Any, endpoint: Endpoint
) -> None:
    endpoint.answers = [Answer(body=b"pict", promised=len(CONTENT)), Answer()]
    taken = []
    # it looks whether the endpoint answers, which this one does
    store.answers = lambda: None

    module.read_whole(store, VERSION, lambda blocks: taken.append(b"".join(blocks)))

    assert taken == [CONTENT]
