"""/upload/image: what is kept, under which name, and what is refused."""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract.comfyui.client import Service


def fresh(suffix: str = ".png") -> str:
    return f"{uuid.uuid4()}{suffix}"


def send(service: Service, name: str, content: bytes = b"x", /, **form: str) -> Any:
    return service.post("/upload/image", files={"image": (name, content)}, data=form)


def stored(service: Service, name: str, **where: str) -> bytes:
    view = service.get("/view", params={"filename": name, "type": "input", **where})
    assert view.status_code == 200
    return view.content


def test_an_upload_is_stored_byte_for_byte(service: Service, photo: bytes) -> None:
    name = fresh()
    answer = send(service, name, photo)
    assert answer.json() == {"name": name, "subfolder": "", "type": "input"}
    assert stored(service, name) == photo


def test_the_same_content_keeps_its_name_and_other_content_gets_another(
    service: Service, photo: bytes
) -> None:
    name = fresh()
    assert service.upload(photo, name) == name
    assert service.upload(photo, name) == name
    assert service.upload(b"other", name) == name.replace(".png", " (1).png")
    assert service.upload(b"other", name) == name.replace(".png", " (1).png")
    assert service.upload(b"third", name) == name.replace(".png", " (2).png")
    assert stored(service, name) == photo


@pytest.mark.parametrize(
    ("value", "replaces"),
    [("true", True), ("1", True), ("True", False), ("yes", False), ("false", False), ("", False)],
)
def test_a_file_is_overwritten_only_on_request(
    service: Service, value: str, replaces: bool
) -> None:
    name = fresh()
    service.upload(b"old", name)
    given = service.upload(b"new", name, overwrite=value)
    assert given == (name if replaces else name.replace(".png", " (1).png"))
    assert stored(service, name) == (b"new" if replaces else b"old")


@pytest.mark.parametrize(
    ("name", "second"),
    [("archive.tar.gz", "archive.tar (1).gz"), ("plain", "plain (1)"), (".dot", ".dot (1)")],
)
def test_the_number_stands_before_the_last_suffix(service: Service, name: str, second: str) -> None:
    folder = fresh("")
    assert service.upload(b"1", name, subfolder=folder) == name
    assert service.upload(b"2", name, subfolder=folder) == second


@pytest.mark.parametrize("kind", ["input", "output", "temp"])
def test_uploads_go_to_subfolders_of_any_folder(service: Service, photo: bytes, kind: str) -> None:
    name = fresh()
    form = {"subfolder": "deep/er", "type": kind}
    answer = send(service, name, photo, **form)
    assert answer.json() == {"name": name, **form}
    assert stored(service, name, **form) == photo


def test_a_subfolder_is_answered_as_it_was_written(service: Service) -> None:
    name = fresh()
    answer = send(service, name, subfolder="some//./folder/../other/")
    assert answer.json()["subfolder"] == "some//./folder/../other/"
    assert stored(service, name, subfolder="some/other") == b"x"


@pytest.mark.parametrize("name", ["空 (写).png", "a'b\"c.png", "x.txt", "no-suffix", ".hidden"])
def test_odd_names_and_non_images_are_accepted(service: Service, name: str) -> None:
    stored_name = service.upload(name.encode(), name)
    assert stored(service, stored_name) == name.encode()


def test_a_leading_slash_of_a_name_is_dropped(service: Service) -> None:
    name = fresh()
    assert service.upload(b"x", f"/{name}") == name
    assert send(service, f"/{fresh('')}/a.png").status_code == 500


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("../escaped.png", {}),
        ("..", {}),
        ("ok.png", {"subfolder": "../.."}),
        ("ok.png", {"subfolder": "/etc"}),
        ("../../escaped.png", {"subfolder": "one"}),
        ("ok.png", {"subfolder": "../input-of-another"}),
    ],
)
def test_an_upload_cannot_leave_its_folder(
    service: Service, name: str, form: dict[str, str]
) -> None:
    assert send(service, name, **form).status_code == 400


def test_a_name_may_hold_a_folder_that_is_there(service: Service) -> None:
    folder = fresh("")
    assert send(service, f"{folder}/a.png").status_code == 500
    service.upload(b"x", "other.png", subfolder=folder)
    assert service.upload(b"1", f"{folder}/a.png") == f"{folder}/a.png"
    assert service.upload(b"2", f"{folder}/a.png") == f"{folder}/a (1).png"
    assert stored(service, "a.png", subfolder=folder) == b"1"


def test_a_name_may_lead_back_into_its_folder(service: Service, base: Path) -> None:
    name = fresh()
    back = f"../input/{name}"
    assert service.upload(b"1", back, subfolder="../output") == back
    assert service.upload(b"2", back, subfolder="../output") == back.replace(".png", " (1).png")
    assert (base / "input" / name).read_bytes() == b"1"


def test_a_link_of_the_operator_is_followed(service: Service, base: Path, tmp_path: Path) -> None:
    folder = fresh("")
    (base / "input" / folder).symlink_to(tmp_path)
    assert service.upload(b"x", "a.png", subfolder=folder) == "a.png"
    assert (tmp_path / "a.png").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"overwrite": "true"}, 400),
        ({"image": ""}, 400),
        ({"image": "text and no file"}, 500),
        ({"type": "models"}, 500),
        ({"type": ""}, 500),
    ],
)
def test_a_form_without_a_file_is_refused(
    service: Service, form: dict[str, str], status: int
) -> None:
    assert service.post("/upload/image", data=form).status_code == status


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.png", {"type": "models"}),
        ("a.png", {"type": ""}),
        ("n" * 300 + ".png", {}),
        ("a.png", {"subfolder": "n" * 300}),
        (".", {}),
        ("a\0b.png", {}),
        ("a.png", {"subfolder": "a\0b"}),
    ],
)
def test_a_place_that_cannot_be_is_a_server_error(
    service: Service, name: str, form: dict[str, str]
) -> None:
    assert send(service, name, **form).status_code == 500


def test_the_name_of_a_folder_is_a_server_error_and_the_folder_stays(service: Service) -> None:
    folder = fresh("")
    service.upload(b"x", "a.png", subfolder=folder)
    assert send(service, folder).status_code == 500
    assert send(service, folder, overwrite="true").status_code == 500
    assert stored(service, "a.png", subfolder=folder) == b"x"


def test_more_than_100_megabytes_are_refused(service: Service) -> None:
    with io.BytesIO(bytes(100 * 1024 * 1024)) as content:
        answer = service.post("/upload/image", files={"image": ("huge.bin", content)})
    assert answer.status_code == 413
    assert service.get("/view?type=input&filename=huge.bin").status_code == 404


def test_concurrent_uploads_are_all_kept(service: Service) -> None:
    contents = [f"content {number}".encode() for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda content: service.upload(content, fresh()), contents))
    assert [stored(service, name) for name in names] == contents


def test_concurrent_uploads_under_one_name_are_all_kept(service: Service) -> None:
    contents = [f"content {number}".encode() for number in range(16)]
    name = fresh()
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda content: service.upload(content, name), contents))
    assert len(set(names)) == len(contents)
    assert [stored(service, name) for name in names] == contents
