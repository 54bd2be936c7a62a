"""/userdata?dir= and /v2/userdata?path=: what workflow files there are."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from contract.comfyui.client import Service

FILES = ("b.json", "a.json", "deep/c.json", "deep/er/d.json", ".hidden", ".folder/e.json")


@pytest.fixture
def folder(service: Service) -> str:
    """A fresh folder with some files."""
    folder = f"workflows/人 {uuid.uuid4()}"
    for name in FILES:
        path = quote(f"{folder}/{name}", safe="")
        assert service.post(f"/userdata/{path}", data=name.encode()).status_code == 200
    return folder


def listed(service: Service, folder: str, **more: str) -> Any:
    answer = service.get("/userdata", params={"dir": folder, **more})
    assert answer.status_code == 200
    return answer.json()


def test_the_files_of_a_folder_are_listed_without_hidden_ones(
    service: Service, folder: str
) -> None:
    assert sorted(listed(service, folder)) == ["a.json", "b.json"]
    assert sorted(listed(service, folder, recurse="yes")) == ["a.json", "b.json"]


def test_folders_below_are_listed_on_request(service: Service, folder: str) -> None:
    found = listed(service, folder, recurse="TRUE")
    assert sorted(found) == ["a.json", "b.json", "deep/c.json", "deep/er/d.json"]


def test_names_can_be_split(service: Service, folder: str) -> None:
    found = listed(service, folder, recurse="true", split="true")
    assert ["deep/er/d.json", "deep", "er", "d.json"] in found
    assert ["a.json", "a.json"] in found


def test_full_information_wins_over_splitting(service: Service, folder: str) -> None:
    found = listed(service, folder, split="true", full_info="true")
    assert {(item["path"], item["size"]) for item in found} == {("a.json", 6), ("b.json", 6)}


def test_a_file_is_an_empty_folder(service: Service, folder: str) -> None:
    assert listed(service, f"{folder}/a.json") == []
    assert listed(service, f"{folder}/a.json", recurse="true") == []


def test_characters_of_a_pattern_are_plain_characters(service: Service) -> None:
    folder = f"[a-z]*? {uuid.uuid4()}"
    assert service.post(f"/userdata/{quote(f'{folder}/x.json', safe='')}").status_code == 200
    assert listed(service, folder) == ["x.json"]


def test_the_tree_shows_everything_folders_first(service: Service, folder: str) -> None:
    tree = service.get("/v2/userdata", params={"path": folder}).json()
    shown = [(entry["type"], entry["path"].removeprefix(f"{folder}/")) for entry in tree]
    assert shown == [
        ("directory", ".folder"),
        ("directory", "deep"),
        ("directory", "deep/er"),
        ("file", ".hidden"),
        ("file", "a.json"),
        ("file", "b.json"),
        ("file", "deep/c.json"),
        ("file", "deep/er/d.json"),
        ("file", ".folder/e.json"),
    ]
    assert set(tree[0]) == {"name", "path", "type"}
    assert set(tree[-1]) == {"name", "path", "type", "size", "modified"}
    assert (tree[-1]["name"], tree[-1]["size"]) == ("e.json", len(".folder/e.json"))


def test_without_a_path_the_tree_is_the_whole_of_it(service: Service, folder: str) -> None:
    for query in ("/v2/userdata", "/v2/userdata?path=", "/v2/userdata?path=."):
        assert folder in {entry["path"] for entry in service.get(query).json()}


def test_the_tree_takes_a_path_that_is_encoded_twice(service: Service, folder: str) -> None:
    tree = service.get("/v2/userdata", params={"path": quote(f"{folder}/deep", safe="")}).json()
    assert {entry["name"] for entry in tree} == {"er", "c.json", "d.json"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("/userdata", 400),
        ("/userdata?dir=", 400),
        ("/userdata?dir=absent", 404),
        ("/userdata?dir=../..", 403),
        ("/userdata?dir=%2Fetc", 403),
        ("/userdata?dir=a%00", 404),
        ("/userdata?dir=a%00%2Fb", 500),
        ("/v2/userdata?path=..", 400),
        ("/v2/userdata?path=%2Fetc", 400),
        ("/v2/userdata?path=%252e%252e", 400),
        ("/v2/userdata?path=absent", 404),
        ("/v2/userdata?path=a%00%2Fb", 404),
    ],
)
def test_what_is_absent_or_outside_is_refused(service: Service, query: str, status: int) -> None:
    assert service.raw("GET", query) == status


def test_a_file_has_no_tree(service: Service, folder: str) -> None:
    assert service.get("/v2/userdata", params={"path": f"{folder}/a.json"}).status_code == 400


def test_looking_for_a_file_makes_its_folder(service: Service) -> None:
    folder = str(uuid.uuid4())
    assert service.get(f"/v2/userdata?path={folder}").status_code == 404
    assert service.get("/userdata", params={"dir": folder}).status_code == 404
    assert service.get(f"/userdata/{folder}%2Fx.json").status_code == 404
    assert listed(service, folder) == []


def test_a_dangling_link_is_shown_without_its_size(
    service: Service, base: Path, folder: str
) -> None:
    (base / "user" / "default" / folder / "deep" / "gone.json").symlink_to("/no/such/file")
    tree = service.get("/v2/userdata", params={"path": f"{folder}/deep"}).json()
    assert [entry for entry in tree if entry["name"] == "gone.json"] == [
        {"name": "gone.json", "path": f"{folder}/deep/gone.json", "type": "file"}
    ]
    assert "deep/gone.json" not in listed(service, folder, recurse="true")


def test_links_to_folders_are_followed_by_the_list_and_not_by_the_tree(
    service: Service, base: Path, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "x.json").touch()
    (base / "user" / "default" / folder / "link").symlink_to(tmp_path)
    assert "link/x.json" in listed(service, folder, recurse="true")
    tree = service.get("/v2/userdata", params={"path": folder}).json()
    assert ("link", "directory") in {(entry["name"], entry["type"]) for entry in tree}
    assert "x.json" not in {entry["name"] for entry in tree}
