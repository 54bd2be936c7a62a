"""The connection of `colordrill-s3` to an endpoint: what its answers mean."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.stub import ANY, Stubber

from unit.backup.s3_endpoint import SECRET, store_module

CONTENT = b"picture"
SHA = hashlib.sha256(CONTENT).hexdigest()
CHECKSUM = base64.b64encode(bytes.fromhex(SHA)).decode()


@dataclass
class Endpoint:
    """A store whose endpoint answers as a test wants."""

    errors: Any
    store: Any
    says: Stubber

    def refuse(self, method: str, code: str, status: int) -> None:
        self.says.add_client_error(method, code, "because", http_status_code=status)


@pytest.fixture
def s3_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with store_module(monkeypatch, f"http://127.0.0.1:{port}") as found:
        yield found


@pytest.fixture
def endpoint(s3_store: Any) -> Iterator[Endpoint]:
    store = s3_store.Store("POINTS", "the bucket")
    with Stubber(store._client) as says:
        yield Endpoint(s3_store, store, says)


def test_what_is_stored_is_announced_by_its_hash_and_named_by_its_version(
    endpoint: Endpoint,
) -> None:
    announced = {"Bucket": "points", "Key": "files/a", "Body": ANY, "ChecksumSHA256": CHECKSUM}
    endpoint.says.add_response("put_object", {"VersionId": "v1"}, announced)
    endpoint.says.add_response("put_object", {"VersionId": "v2"}, {**announced, "IfNoneMatch": "*"})

    assert endpoint.store.put("files/a", CONTENT, SHA) == "v1"
    assert endpoint.store.put("files/a", CONTENT, SHA, once=True) == "v2"


def test_a_bucket_without_versions_is_refused(endpoint: Endpoint) -> None:
    endpoint.says.add_response("put_object", {"ETag": "x"})

    with pytest.raises(endpoint.errors.UnreachableError, match="keeps no versions"):
        endpoint.store.put("files/a", CONTENT, SHA)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("XAmzContentChecksumMismatch", 400, "ChangedError"),
        ("XAmzContentSHA256Mismatch", 400, "ChangedError"),
        ("BadDigest", 400, "ChangedError"),
        ("IncompleteBody", 400, "ChangedError"),
        ("PreconditionFailed", 412, "ThereAlreadyError"),
        ("AccessDenied", 403, "UnreachableError"),
        ("XMinioStorageFull", 507, "UnreachableError"),
        ("NoSuchBucket", 404, "UnreachableError"),
    ],
)
def test_what_a_refusal_to_store_means(
    endpoint: Endpoint, code: str, status: int, kind: str
) -> None:
    endpoint.refuse("put_object", code, status)

    with pytest.raises(getattr(endpoint.errors, kind)) as raised:
        endpoint.store.put("files/a", CONTENT, SHA, once=True)

    assert type(raised.value).__name__ == kind
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "status"), [("404", 404), ("NoSuchVersion", 404), ("500", 500), ("503", 503)]
)
def test_a_version_that_is_not_there_or_cannot_be_read_is_none(
    endpoint: Endpoint, code: str, status: int
) -> None:
    endpoint.refuse("head_object", code, status)

    assert endpoint.store.look(("files/a", "v1")) is None


def test_who_is_not_let_in_is_told_so_and_nothing_is_called_damaged(endpoint: Endpoint) -> None:
    for method, ask in (
        ("head_object", lambda: endpoint.store.look(("files/a", "v1"))),
        ("list_object_versions", lambda: list(endpoint.store.versions("files/"))),
        ("list_objects_v2", endpoint.store.answers),
    ):
        endpoint.refuse(method, "SignatureDoesNotMatch", 403)
        with pytest.raises(endpoint.errors.UnreachableError, match="the bucket refuses"):
            ask()


def test_what_is_known_of_a_version_is_its_size_and_its_hash(endpoint: Endpoint) -> None:
    told = {"ContentLength": 7, "ChecksumSHA256": CHECKSUM}
    endpoint.says.add_response("head_object", told)
    endpoint.says.add_response("head_object", {"ContentLength": 7})

    assert endpoint.store.look(("files/a", "v1")) == endpoint.errors.Stored(7, SHA)
    assert endpoint.store.look(("files/a", "v1")) == endpoint.errors.Stored(7, None)


def test_nobody_at_the_endpoint_is_unreachable_for_each_question(s3_store: Any) -> None:
    store = s3_store.Store("POINTS", "the bucket")

    for ask in (
        lambda: store.put("files/a", CONTENT, SHA),
        lambda: store.look(("files/a", "v1")),
        lambda: list(store.versions("files/")),
        lambda: list(store.read(("files/a", "v1"))),
        store.answers,
    ):
        with pytest.raises(s3_store.UnreachableError, match="cannot be reached") as raised:
            ask()
        assert SECRET not in str(raised.value)


def test_of_a_file_that_grows_no_more_is_sent_than_was_announced(
    s3_store: Any, tmp_path: Path
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"picture and more")
    with path.open("rb") as file:
        body = s3_store.Exactly(file, 7)

        assert (body.seek(0, io.SEEK_END), body.seek(0)) == (7, 0)
        assert (body.read(3), body.read(99), body.read()) == (b"pic", b"ture", b"")


def test_a_file_that_shrinks_while_it_is_sent_has_changed(s3_store: Any, tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(b"pic")
    store = s3_store.Store("POINTS", "the bucket")

    with path.open("rb") as file, pytest.raises(s3_store.ChangedError, match="shorter"):
        store.put("files/a", s3_store.Exactly(file, 7), SHA)


class Proxy(BaseHTTPRequestHandler):
    """Answers every request with `CONTENT`, and keeps what it was asked for."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Not in a test's output."""


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_version_is_read_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    Proxy.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"{scheme}127.0.0.1:{server.server_port}")
        monkeypatch.setenv("no_proxy", "")
        with store_module(monkeypatch, "http://store.invalid:9000/below") as module:
            store = module.Store("POINTS", "the bucket")
            content = b"".join(store.read(("files/ä b.png", "v+1")))
        server.shutdown()

    address = "http://store.invalid:9000/below/points/files/%C3%A4%20b.png?versionId=v%2B1"
    assert Proxy.asked == [(address, "store.invalid:9000")]
    assert content == CONTENT
