"""/upload/mask: the original with the alpha channel of the upload."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from contract.comfyui.client import Service

SIZE = (48, 40)
ALPHA = 99


def fresh(suffix: str = ".png") -> str:
    return f"{uuid.uuid4()}{suffix}"


def a_mask(size: tuple[int, int] = SIZE) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", size, (0, 0, 0, ALPHA)).save(buffer, "PNG")
    return buffer.getvalue()


def send(service: Service, original: object, content: bytes | None = None, **options: str) -> Any:
    name = options.pop("name", None) or fresh()
    form = {"original_ref": json.dumps(original), **options}
    files = {"image": (name, a_mask() if content is None else content)}
    return service.post("/upload/mask", files=files, data=form)


def picture(service: Service, name: str, **where: str) -> Image.Image:
    view = service.get("/view", params={"filename": name, "type": "input", **where})
    assert view.status_code == 200
    return Image.open(io.BytesIO(view.content))


def test_the_original_gets_the_alpha_of_the_mask_and_keeps_its_colours_and_notes(
    service: Service,
) -> None:
    notes = PngInfo()
    notes.add_text("workflow", "{}")
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, (1, 2, 3)).save(buffer, "PNG", pnginfo=notes)
    original = service.upload(buffer.getvalue())
    answer = send(service, {"filename": original, "type": "input"})
    assert answer.status_code == 200
    assert (answer.json()["subfolder"], answer.json()["type"]) == ("", "input")
    with picture(service, answer.json()["name"]) as masked:
        assert masked.getextrema() == ((1, 1), (2, 2), (3, 3), (ALPHA, ALPHA))
        assert masked.info["workflow"] == "{}"


def test_an_original_lies_in_output_unless_it_says_otherwise(
    service: Service, photo: bytes
) -> None:
    name = service.upload(photo, type="output", subfolder="masked")
    answer = send(service, {"filename": name, "subfolder": "masked"})
    with picture(service, answer.json()["name"]) as masked:
        assert masked.mode == "RGBA"


def test_an_annotation_says_where_the_original_lies(service: Service, photo: bytes) -> None:
    name = service.upload(photo)
    answer = send(service, {"filename": f"{name} [input]", "type": "temp"})
    with picture(service, answer.json()["name"]) as masked:
        assert masked.mode == "RGBA"


def test_a_mask_may_replace_its_original_and_else_gets_a_number(
    service: Service, photo: bytes
) -> None:
    name = service.upload(photo)
    reference = {"filename": name, "type": "input"}
    beside = send(service, reference, name=name)
    assert beside.json()["name"] == name.replace(".png", " (1).png")
    instead = send(service, reference, name=name, overwrite="true")
    assert instead.json()["name"] == name
    with picture(service, name) as masked:
        assert masked.mode == "RGBA"


@pytest.mark.parametrize(
    "original",
    [
        {"filename": "absent.png"},
        {"filename": ""},
        {"filename": "../escaped.png"},
        {"filename": "/etc/hostname"},
        {"filename": "x.png", "type": "models"},
        {"filename": "x.png", "type": None},
        {"filename": "x.png", "subfolder": "../.."},
    ],
)
def test_an_original_that_is_missing_or_refused_is_a_success_without_a_file(
    service: Service, original: object
) -> None:
    answer = send(service, original)
    assert answer.status_code == 200
    view = service.get("/view", params={"filename": answer.json()["name"], "type": "input"})
    assert view.status_code == 404


@pytest.mark.parametrize(
    "original",
    [
        None,
        5,
        "text",
        [],
        {},
        {"filename": None},
        {"filename": 5},
        {"filename": "x", "subfolder": 5},
    ],
)
def test_a_reference_of_the_wrong_kind_is_a_server_error(
    service: Service, original: object
) -> None:
    assert send(service, original).status_code == 500


def test_a_missing_or_malformed_reference_is_a_server_error(service: Service) -> None:
    files = {"image": (fresh(), a_mask())}
    assert service.post("/upload/mask", files=files).status_code == 500
    form = {"original_ref": "{"}
    assert service.post("/upload/mask", files=files, data=form).status_code == 500


@pytest.mark.parametrize("content", [b"text", a_mask((3, 3))])
def test_a_mask_that_does_not_fit_is_a_server_error(
    service: Service, photo: bytes, content: bytes
) -> None:
    reference = {"filename": service.upload(photo), "type": "input"}
    assert send(service, reference, content).status_code == 500


@pytest.mark.parametrize("suffix", [".jpg", ".txt", ""])
def test_the_name_says_the_format_and_some_hold_no_alpha(
    service: Service, photo: bytes, suffix: str
) -> None:
    reference = {"filename": service.upload(photo), "type": "input"}
    assert send(service, reference, name=fresh(suffix)).status_code == 500


def test_a_mask_without_a_file_is_refused(service: Service) -> None:
    form = {"original_ref": json.dumps({"filename": "absent.png"})}
    assert service.post("/upload/mask", data=form).status_code == 400
