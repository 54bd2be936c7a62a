"""/userdata: the workflow files, one by one."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from contract.comfyui.client import Service


@pytest.fixture
def path() -> str:
    """A fresh workflow path, encoded as clients do."""
    return quote(f"workflows/DDColor人物 {uuid.uuid4()}.json", safe="")


def delete(service: Service, path: str) -> int:
    return service.session.delete(f"{service.url}/userdata/{path}", timeout=30).status_code


def test_a_workflow_is_stored_read_and_deleted(service: Service, path: str) -> None:
    body = json.dumps({"nodes": [], "版": 1}).encode()
    stored = service.post(f"/userdata/{path}", data=body)
    assert (stored.status_code, stored.json()) == (200, unquote(path))
    assert service.get(f"/userdata/{path}").content == body
    assert delete(service, path) == 204
    assert service.get(f"/userdata/{path}").status_code == 404
    assert delete(service, path) == 404


def test_a_workflow_lies_in_the_folder_of_the_only_user(
    service: Service, base: Path, path: str
) -> None:
    service.post(f"/userdata/{path}", data=b"{}")
    assert (base / "user" / "default" / unquote(path)).read_bytes() == b"{}"


def test_a_path_may_be_encoded_twice(service: Service, path: str) -> None:
    stored = service.post(f"/userdata/{quote(path)}", data=b"{}")
    assert stored.json() == unquote(path)


@pytest.mark.parametrize(
    ("value", "refuses"), [("false", True), ("False", False), ("0", False), ("true", False)]
)
def test_overwriting_can_be_refused(
    service: Service, path: str, value: str, *, refuses: bool
) -> None:
    assert service.post(f"/userdata/{path}?overwrite={value}", data=b"1").status_code == 200
    again = service.post(f"/userdata/{path}?overwrite={value}", data=b"2")
    assert again.status_code == (409 if refuses else 200)
    assert service.get(f"/userdata/{path}").content == (b"1" if refuses else b"2")


def test_full_information_names_size_and_times(service: Service, path: str) -> None:
    info = service.post(f"/userdata/{path}?full_info=true", data=b"12345").json()
    assert set(info) == {"path", "size", "modified", "created"}
    assert (info["path"], info["size"]) == (unquote(path), 5)
    listed = service.get("/userdata?dir=workflows&full_info=True").json()
    assert {**info, "path": info["path"].removeprefix("workflows/")} in listed


@pytest.mark.parametrize("field", ["modified", "created"])
def test_times_are_seconds(service: Service, path: str, field: str) -> None:
    info = service.post(f"/userdata/{path}?full_info=true", data=b"12345").json()
    tree = service.get("/v2/userdata?path=workflows").json()
    entry = next(item for item in tree if item["path"] == unquote(path))
    assert abs(info[field] - entry["modified"]) < 1.0
    assert isinstance(info[field], float)


def test_a_file_can_be_moved(service: Service, path: str) -> None:
    target = path.replace(".json", "-moved.json")
    service.post(f"/userdata/{path}", data=b"1")
    moved = service.post(f"/userdata/{path}/move/{target}")
    assert (moved.status_code, moved.json()) == (200, unquote(target))
    assert service.get(f"/userdata/{target}").content == b"1"
    assert service.post(f"/userdata/{path}/move/{target}").status_code == 404


def test_moving_replaces_a_file_unless_it_is_refused(service: Service, path: str) -> None:
    target = path.replace(".json", "-moved.json")
    service.post(f"/userdata/{path}", data=b"1")
    service.post(f"/userdata/{target}", data=b"2")
    refused = service.post(f"/userdata/{path}/move/{target}?overwrite=false")
    assert refused.status_code == 409
    assert service.get(f"/userdata/{target}").content == b"2"
    info = service.post(f"/userdata/{path}/move/{target}?full_info=true").json()
    assert (info["path"], info["size"]) == (unquote(target), 1)
    assert service.get(f"/userdata/{target}").content == b"1"


def test_a_file_moved_to_a_folder_goes_into_it(service: Service, path: str) -> None:
    folder = quote(f"workflows/{uuid.uuid4()}", safe="")
    service.post(f"/userdata/{folder}%2Fother.json", data=b"1")
    service.post(f"/userdata/{path}", data=b"2")
    moved = service.post(f"/userdata/{path}/move/{folder}")
    assert (moved.status_code, moved.json()) == (200, unquote(folder))
    name = path.removeprefix("workflows%2F")
    assert service.get(f"/userdata/{folder}%2F{name}").content == b"2"
    service.post(f"/userdata/{path}", data=b"3")
    assert service.post(f"/userdata/{path}/move/{folder}").status_code == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "absent.json", 404),
        ("DELETE", "absent.json", 404),
        ("POST", "absent.json/move/other.json", 404),
        ("POST", "absent.json/move/..%2F..%2Fx", 404),
        ("GET", "..%2F..%2F..%2Fetc%2Fpasswd", 403),
        ("GET", "%2Fetc%2Fpasswd", 403),
        ("GET", "..%252F..%252F..%252Fetc%252Fpasswd", 403),
        ("GET", "..%2Fdefaulted%2Fx", 403),
        ("POST", "..%2F..%2Fescaped.json", 403),
        ("POST", "%2Ftmp%2Fescaped.json", 403),
        ("DELETE", "..%2F..%2Finput", 403),
        ("POST", "..%2F..%2Fx/move/x.json", 403),
        ("GET", "a%00.json", 404),
        ("GET", "a%00%2Fb.json", 500),
        ("POST", "a%00.json", 500),
        ("GET", "n" * 300, 404),
        ("POST", "n" * 300, 400),
        ("GET", "n" * 300 + "%2Fx", 500),
        ("PUT", "x.json", 405),
        ("GET", "", 404),
    ],
)
def test_what_is_absent_or_outside_is_refused(
    service: Service, method: str, path: str, status: int
) -> None:
    assert service.raw(method, f"/userdata/{path}") == status


def test_a_file_cannot_be_moved_out(service: Service, path: str) -> None:
    service.post(f"/userdata/{path}", data=b"1")
    assert service.raw("POST", f"/userdata/{path}/move/..%2F..%2Fescaped.json") == 500
    assert service.get(f"/userdata/{path}").content == b"1"


def test_a_folder_is_no_file(service: Service, path: str) -> None:
    folder = quote(f"workflows/{uuid.uuid4()}", safe="")
    service.post(f"/userdata/{folder}%2Fx.json", data=b"1")
    assert service.raw("GET", f"/userdata/{folder}") == 403
    assert service.raw("POST", f"/userdata/{folder}", b"x") == 400
    assert service.raw("POST", f"/userdata/{folder}?overwrite=false", b"x") == 409
    assert service.raw("DELETE", f"/userdata/{folder}") == 500
    assert service.get(f"/userdata/{folder}%2Fx.json").content == b"1"


def test_a_file_is_no_folder(service: Service, path: str) -> None:
    service.post(f"/userdata/{path}", data=b"1")
    assert service.raw("GET", f"/userdata/{path}%2Fx.json") == 404
    assert service.raw("POST", f"/userdata/{path}%2Fx.json", b"x") == 400
    assert service.raw("GET", f"/userdata/{path}%2Fx%2Fy.json") == 500
    assert service.get(f"/userdata/{path}").content == b"1"


def test_links_of_the_operator_are_followed(service: Service, base: Path, tmp_path: Path) -> None:
    name = str(uuid.uuid4())
    (base / "user" / "default" / name).symlink_to(tmp_path)
    assert service.raw("POST", f"/userdata/{name}%2Fx.json", b"1") == 200
    assert (tmp_path / "x.json").read_bytes() == b"1"


@pytest.mark.parametrize(("suffix", "kind"), [("json", "application/json"), ("html", "text/html")])
def test_the_name_says_the_type(service: Service, suffix: str, kind: str) -> None:
    path = f"{uuid.uuid4()}.{suffix}"
    service.post(f"/userdata/{path}", data=b"1")
    answer: Any = service.get(f"/userdata/{path}")
    assert answer.headers["Content-Type"] == kind


def test_more_than_100_megabytes_are_refused(service: Service, path: str) -> None:
    body = bytes(100 * 1024 * 1024 + 1)
    assert service.post(f"/userdata/{path}", data=body).status_code == 413
    assert service.get(f"/userdata/{path}").status_code == 404
