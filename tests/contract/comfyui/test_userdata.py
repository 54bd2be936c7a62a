"""/userdata: the workflow files."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from contract.comfyui.conftest import Service


@pytest.fixture
def path() -> str:
    """A fresh workflow path, encoded as clients do."""
    return quote(f"workflows/DDColor人物 {uuid.uuid4()}.json", safe="")


def test_a_workflow_is_stored_listed_read_and_deleted(service: Service, path: str) -> None:
    body = json.dumps({"nodes": [], "版": 1}).encode()
    plain = path.replace("%2F", "/")
    stored = service.post(f"/userdata/{path}", data=body)
    assert stored.status_code == 200
    assert quote(stored.json()) == plain
    names = [quote(name) for name in service.get("/userdata", params={"dir": "workflows"}).json()]
    assert plain.removeprefix("workflows/") in names
    tree = service.get("/v2/userdata", params={"path": "workflows"}).json()
    entry = next(item for item in tree if quote(item["path"]) == plain)
    assert (entry["type"], entry["size"]) == ("file", len(body))
    assert service.get(f"/userdata/{path}").content == body
    assert service.session.delete(f"{service.url}/userdata/{path}", timeout=30).status_code == 204
    assert service.get(f"/userdata/{path}").status_code == 404
    assert service.session.delete(f"{service.url}/userdata/{path}", timeout=30).status_code == 404


def test_overwriting_can_be_refused(service: Service, path: str) -> None:
    assert service.post(f"/userdata/{path}?overwrite=false", data=b"1").status_code == 200
    assert service.post(f"/userdata/{path}?overwrite=false", data=b"2").status_code == 409
    assert service.get(f"/userdata/{path}").content == b"1"
    assert service.post(f"/userdata/{path}", data=b"3").status_code == 200
    assert service.get(f"/userdata/{path}").content == b"3"


def test_a_file_can_be_moved(service: Service, path: str) -> None:
    target = path.replace(".json", "-moved.json")
    service.post(f"/userdata/{path}", data=b"1")
    moved = service.post(f"/userdata/{path}/move/{target}")
    assert moved.status_code == 200
    assert service.get(f"/userdata/{target}").content == b"1"
    assert service.post(f"/userdata/{path}/move/{target}").status_code == 404
    service.post(f"/userdata/{path}", data=b"2")
    answer = service.post(f"/userdata/{path}/move/{target}?overwrite=false")
    assert answer.status_code == 409


def test_full_information_and_split_paths(service: Service, path: str) -> None:
    info = service.post(f"/userdata/{path}?full_info=true", data=b"12345").json()
    assert info["size"] == 5
    assert {"path", "modified"} <= set(info)
    listed = service.get("/userdata?dir=workflows&full_info=true&recurse=true").json()
    assert any(item["size"] == 5 for item in listed)
    split = service.get("/userdata?dir=workflows&split=true").json()
    assert all(row[0] == "/".join(row[1:]) for row in split)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/userdata", 400),
        ("GET", "/userdata?dir=", 400),
        ("GET", "/userdata?dir=absent", 404),
        ("GET", "/userdata?dir=../..", 403),
        ("GET", "/userdata?dir=%2Fetc", 403),
        ("GET", "/v2/userdata?path=..", 400),
        ("GET", "/v2/userdata?path=absent", 404),
        ("GET", "/userdata/absent.json", 404),
        ("GET", "/userdata/..%2F..%2F..%2Fetc%2Fpasswd", 403),
        ("GET", "/userdata/%2Fetc%2Fpasswd", 403),
        ("GET", "/userdata/..%252F..%252F..%252Fetc%252Fpasswd", 403),
        ("POST", "/userdata/..%2F..%2Fescaped.json", 403),
        ("POST", "/userdata/%2Ftmp%2Fescaped.json", 403),
        ("DELETE", "/userdata/..%2F..%2Finput", 403),
        ("POST", "/userdata/absent.json/move/other.json", 404),
        ("POST", "/userdata/absent.json/move/..%2F..%2Fx", 403),
    ],
)
def test_what_is_absent_or_outside_is_refused(
    service: Service, method: str, path: str, status: int
) -> None:
    if service.base is None and "absent.json/move/.." in path:
        pytest.skip("the real service looks at the source first")
    assert service.raw(method, path) == status


def test_links_that_lead_outside_are_refused(service: Service, base: Path) -> None:
    (base / "user" / "default" / "workflows" / "link").symlink_to("/etc")
    assert service.raw("GET", "/userdata/workflows%2Flink%2Fhostname") == 403
    assert service.raw("GET", "/userdata/workflows%2F%00") == 403
    assert service.raw("POST", "/userdata/workflows", b"x") == 400
