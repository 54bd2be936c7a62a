"""/view: what is served, as what, and what is refused."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import pytest
from PIL import Image

from contract.comfyui.client import Service


def fresh(suffix: str = ".png") -> str:
    return f"{uuid.uuid4()}{suffix}"


def encoded(mode: str, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (8, 6), (10, 20, 30, 40)[: len(mode)]).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=absent.png", 404),
        ("filename=", 400),
        ("filename=%5Boutput%5D", 400),
        ("", 404),
        ("subfolder=..", 404),
        ("filename=/etc/hostname", 400),
        ("filename=%2Fetc%2Fhostname", 400),
        ("filename=../input/x", 400),
        ("filename=a..b", 400),
        ("filename=..%2F..%2Fetc%2Fpasswd", 400),
        ("filename=hostname&subfolder=../../../../etc", 403),
        ("filename=hostname&subfolder=%2Fetc", 403),
        ("filename=hostname&subfolder=a%2F..%2F..%2F..", 403),
        ("filename=x.png&type=models", 400),
        ("filename=x.png&type=", 400),
        ("filename=x.png+%5Binput%5D&type=models", 404),
        ("filename=.", 404),
        (f"filename={'n' * 3000}", 404),
        (f"filename=x.png&subfolder={'n' * 3000}", 404),
        ("filename=a%00.png", 404),
        ("filename=a&subfolder=%00", 404),
        ("filename=%FF%FE.png", 404),
    ],
)
def test_what_is_absent_or_not_its_own_is_refused(
    service: Service, query: str, status: int
) -> None:
    assert service.raw("GET", f"/view?{query}") == status


def test_only_the_last_part_of_a_name_counts(service: Service, photo: bytes) -> None:
    name = service.upload(photo, type="output")
    assert service.get("/view", params={"filename": f"no/such/{name}"}).content == photo
    assert service.get("/view", params={"filename": f"{name}/"}).status_code == 404


def test_a_subfolder_through_one_that_is_not_there_leads_nowhere(
    service: Service, photo: bytes
) -> None:
    name = service.upload(photo)
    where = {"filename": name, "type": "input", "subfolder": "absent/.."}
    assert service.get("/view", params=where).status_code == 404


def test_an_annotation_wins_over_the_type(service: Service, photo: bytes) -> None:
    where = {"filename": f"{service.upload(photo)} [input]", "type": "temp"}
    assert service.get("/view", params=where).content == photo


def test_links_of_the_operator_are_followed(service: Service, base: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"elsewhere")
    folder, file = fresh(""), fresh(".txt")
    (base / "output" / folder).symlink_to(tmp_path)
    (base / "output" / file).symlink_to(tmp_path / "a.txt")
    where = {"filename": "a.txt", "subfolder": folder}
    assert service.get("/view", params=where).content == b"elsewhere"
    assert service.get("/view", params={"filename": file}).content == b"elsewhere"


def test_a_truncated_picture_is_served_with_200(service: Service, photo: bytes) -> None:
    half = photo[: len(photo) // 2]
    name = service.upload(half, type="output")
    view = service.get("/view", params={"filename": name})
    assert (view.status_code, view.content) == (200, half)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".png", "image/png"),
        (".JPG", "image/jpeg"),
        (".webp", "image/webp"),
        (".txt", "text/plain"),
        (".json", "application/json"),
        (".bin", "application/octet-stream"),
        ("", "application/octet-stream"),
        (".html", "application/octet-stream"),
        (".xhtml", "application/octet-stream"),
        (".css", "application/octet-stream"),
        (".js", "application/javascript; charset=utf-8"),
    ],
)
def test_the_name_says_the_type_and_pages_are_not_served_as_such(
    service: Service, suffix: str, kind: str
) -> None:
    name = service.upload(b"<script>alert(1)</script>", fresh(suffix))
    view = service.get("/view", params={"filename": name, "type": "input"})
    assert view.headers["Content-Type"] == kind


def test_the_answer_names_the_file_as_it_is(service: Service) -> None:
    name = service.upload(b"x", f"{fresh('')} 空 (写).png")
    view = service.get("/view", params={"filename": name, "type": "input"})
    given = view.headers["Content-Disposition"].encode("latin-1").decode()
    assert given == f'filename="{name}"'


def test_a_part_of_a_file_can_be_asked_for(service: Service) -> None:
    where = {"filename": service.upload(b"0123456789"), "type": "input"}
    view = service.get("/view", params=where, headers={"Range": "bytes=2-4"})
    assert (view.status_code, view.content) == (206, b"234")
    view = service.session.head(f"{service.url}/view", params=where, timeout=30)
    assert (view.status_code, view.headers["Content-Length"]) == (200, "10")


@pytest.mark.parametrize(
    ("more", "kind", "mode"),
    [
        ({"preview": ""}, "image/webp", "RGBA"),
        ({"preview": "webp;90"}, "image/webp", "RGBA"),
        ({"preview": "webp;0"}, "image/webp", "RGBA"),
        ({"preview": "jpeg"}, "image/jpeg", "RGB"),
        ({"preview": "jpeg;50"}, "image/jpeg", "RGB"),
        ({"preview": "jpeg;low"}, "image/jpeg", "RGB"),
        ({"preview": "jpeg", "channel": "a"}, "image/webp", "RGBA"),
        ({"preview": "webp", "channel": "rgb"}, "image/webp", "RGB"),
        ({"preview": "exe"}, "image/webp", "RGBA"),
        ({"channel": "rgb"}, "image/png", "RGB"),
        ({"channel": "a"}, "image/png", "RGBA"),
    ],
)
def test_previews_and_channels_are_encoded_anew(
    service: Service, more: dict[str, str], kind: str, mode: str
) -> None:
    where = {"filename": service.upload(encoded("RGBA")), "type": "input"}
    answer = service.get("/view", params={**where, **more})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.size, picture.mode) == ((8, 6), mode)


def test_the_rgb_channels_are_the_picture_without_its_alpha(service: Service) -> None:
    where = {"filename": service.upload(encoded("RGBA")), "type": "input", "channel": "rgb"}
    with Image.open(io.BytesIO(service.get("/view", params=where).content)) as picture:
        assert picture.getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize(("mode", "alpha"), [("RGBA", 40), ("RGB", 255), ("L", 255)])
def test_the_alpha_channel_is_opaque_where_the_picture_has_none(
    service: Service, mode: str, alpha: int
) -> None:
    where = {"filename": service.upload(encoded(mode)), "type": "input", "channel": "a"}
    with Image.open(io.BytesIO(service.get("/view", params=where).content)) as picture:
        assert picture.getpixel((0, 0)) == (0, 0, 0, alpha)


def test_any_other_channel_is_the_file_itself(service: Service) -> None:
    content = encoded("RGBA")
    where = {"filename": service.upload(content), "type": "input", "channel": "red"}
    assert service.get("/view", params=where).content == content


@pytest.mark.parametrize(
    "more", [{"preview": "webp"}, {"preview": "jpeg"}, {"channel": "rgb"}, {"channel": "a"}]
)
def test_what_is_no_picture_cannot_be_encoded_anew(service: Service, more: dict[str, str]) -> None:
    where = {"filename": service.upload(b"text"), "type": "input", **more}
    assert service.get("/view", params=where).status_code == 500


@pytest.mark.parametrize("quality", ["101", "9999", "99999999999999999999", "²"])
def test_a_quality_beyond_what_there_is(service: Service, quality: str) -> None:
    where = {"filename": service.upload(encoded("RGB")), "type": "input"}
    view = service.get("/view", params={**where, "preview": f"webp;{quality}"})
    assert view.status_code == 500
