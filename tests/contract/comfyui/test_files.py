"""/upload and /view: what is kept, what is served, what is refused."""

from __future__ import annotations

import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from contract.comfyui.conftest import Service


def fresh(suffix: str = ".png") -> str:
    return f"{uuid.uuid4()}{suffix}"


def test_an_upload_is_served_back_byte_for_byte(service: Service, photo: bytes) -> None:
    name = fresh()
    answer = service.post("/upload/image", files={"image": (name, photo)})
    assert answer.json() == {"name": name, "subfolder": "", "type": "input"}
    view = service.get("/view", params={"filename": name, "type": "input"})
    assert view.content == photo
    assert view.headers["Content-Type"] == "image/png"


def test_the_same_content_keeps_its_name_and_other_content_gets_another(
    service: Service, photo: bytes
) -> None:
    name = fresh()
    assert service.upload(photo, name) == name
    assert service.upload(photo, name) == name
    assert service.upload(b"other", name) == name.replace(".png", " (1).png")
    assert service.upload(b"other", name) == name.replace(".png", " (1).png")
    assert service.upload(b"third", name) == name.replace(".png", " (2).png")
    assert service.upload(b"new", name, overwrite="true") == name
    view = service.get("/view", params={"filename": f"{name} [input]"})
    assert view.content == b"new"


def test_uploads_go_to_subfolders_and_other_folders(service: Service, photo: bytes) -> None:
    name = fresh()
    form = {"subfolder": "deep/er", "type": "output"}
    answer = service.post("/upload/image", files={"image": (name, photo)}, data=form)
    assert answer.json() == {"name": name, **form}
    view = service.get("/view", params={"filename": name, "subfolder": "deep/er"})
    assert view.content == photo


@pytest.mark.parametrize("name", ["空 (写).png", "a'b\"c.png", "x.txt", "no-suffix", ".hidden"])
def test_odd_names_and_non_images_are_accepted(service: Service, name: str) -> None:
    stored = service.upload(name.encode(), name)
    view = service.get("/view", params={"filename": stored, "type": "input"})
    assert view.status_code == 200


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("../escaped.png", {}),
        ("/etc/escaped.png", {}),
        ("ok.png", {"subfolder": "../.."}),
        ("ok.png", {"subfolder": "/etc"}),
        ("absent-folder/a.png", {}),
        ("..", {}),
    ],
)
def test_an_upload_cannot_leave_its_folder(
    service: Service, name: str, form: dict[str, str]
) -> None:
    if service.base is None and name.startswith("absent"):
        pytest.skip("the real service answers 500 here")
    answer = service.post("/upload/image", files={"image": (name, b"x")}, data=form)
    assert answer.status_code == 400


def test_an_upload_without_a_file_is_refused(service: Service) -> None:
    assert service.post("/upload/image").status_code == 400
    assert service.post("/upload/image", data={"overwrite": "true"}).status_code == 400


def test_an_unknown_folder_and_an_overlong_name_are_errors(service: Service) -> None:
    answer = service.post("/upload/image", files={"image": ("a", b"x")}, data={"type": "models"})
    assert answer.status_code >= 400
    answer = service.post("/upload/image", files={"image": ("n" * 300 + ".png", b"x")})
    assert answer.status_code >= 400


def test_more_than_100_megabytes_are_refused(service: Service) -> None:
    with io.BytesIO(bytes(101 * 1024 * 1024)) as content:
        answer = service.post("/upload/image", files={"image": ("huge.bin", content)})
    assert answer.status_code == 413


def test_concurrent_uploads_of_different_content_are_all_kept(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        contents = [f"content {number}".encode() for number in range(16)]
        names = list(pool.map(lambda content: service.upload(content, fresh()), contents))
    for name, content in zip(names, contents, strict=True):
        assert service.get("/view", params={"filename": name, "type": "input"}).content == content


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=absent.png", 404),
        ("filename=", 400),
        ("", 404),
        ("filename=/etc/hostname", 400),
        ("filename=%2Fetc%2Fhostname", 400),
        ("filename=../input/x", 400),
        ("filename=..%2F..%2Fetc%2Fpasswd", 400),
        ("filename=hostname&subfolder=../../../../etc", 403),
        ("filename=hostname&subfolder=%2Fetc", 403),
        ("filename=hostname&subfolder=a%2F..%2F..%2F..", 403),
        ("filename=x.png&type=models", 400),
        ("filename=x.png&type=", 400),
        ("filename=.", 404),
        (f"filename={'n' * 3000}", 404),
    ],
)
def test_view_refuses_what_is_not_its_own(service: Service, query: str, status: int) -> None:
    assert service.raw("GET", f"/view?{query}") == status


def test_view_does_not_follow_links_out_of_its_folder(service: Service, base: Path) -> None:
    (base / "output" / "link").symlink_to("/etc")
    (base / "output" / "host.txt").symlink_to("/etc/hostname")
    assert service.raw("GET", "/view?filename=hostname&subfolder=link") == 403
    assert service.raw("GET", "/view?filename=host.txt") == 403


def test_a_nul_in_a_name_is_refused(service: Service, base: Path) -> None:
    del base  # the real service's answer is not specified
    assert service.raw("GET", "/view?filename=a%00.png") == 400
    assert service.raw("GET", "/view?filename=a&subfolder=%00") == 403


def test_a_truncated_picture_is_served_with_200(service: Service, photo: bytes) -> None:
    half = photo[: len(photo) // 2]
    name = service.upload(half, type="output")
    view = service.get("/view", params={"filename": name})
    assert (view.status_code, view.content) == (200, half)


def test_previews_and_channels_are_encoded_anew(service: Service) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 6), (10, 20, 30, 40)).save(buffer, "PNG")
    where = {"filename": service.upload(buffer.getvalue()), "type": "input"}
    for more, kind in (
        ({"preview": "webp;90"}, "image/webp"),
        ({"preview": "jpeg"}, "image/jpeg"),
        ({"preview": "exe;9999"}, "image/webp"),
        ({"channel": "rgb"}, "image/png"),
        ({"channel": "a"}, "image/png"),
    ):
        answer = service.get("/view", params={**where, **more})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (8, 6)


def test_a_preview_of_what_is_no_picture_is_an_error(service: Service) -> None:
    where = {"filename": service.upload(b"text"), "type": "input", "preview": "webp;90"}
    assert service.get("/view", params=where).status_code == 500


def test_scripts_are_not_served_as_such(service: Service) -> None:
    name = service.upload(b"<script>alert(1)</script>", fresh(".html"))
    view = service.get("/view", params={"filename": name, "type": "input"})
    assert view.headers["Content-Type"] == "application/octet-stream"


def test_a_mask_needs_its_original(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    buffer = io.BytesIO()
    Image.new("RGBA", (48, 40), (0, 0, 0, 99)).save(buffer, "PNG")
    mask = {"image": (fresh(), buffer.getvalue())}
    assert service.post("/upload/mask", files=mask).status_code >= 400
    for bad in ("{", "[]", '{"filename": "../x"}', '{"filename": "absent.png"}'):
        form = {"original_ref": bad}
        answer = service.post("/upload/mask", files=mask, data=form)
        assert answer.status_code >= 400 or service.base is None
    form = {"original_ref": json.dumps({"filename": name, "type": "input"})}
    answer = service.post("/upload/mask", files=mask, data=form)
    assert answer.status_code == 200
    view = service.get("/view", params={"filename": answer.json()["name"], "type": "input"})
    with Image.open(io.BytesIO(view.content)) as picture:
        assert picture.getchannel("A").getextrema() == (99, 99)
