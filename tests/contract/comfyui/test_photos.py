"""LoadImage: which files it takes, and what it makes of unusual ones."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contract.comfyui.client import Service

SIZE = (24, 16)


def prompt(name: str, slot: int = 0) -> dict[str, Any]:
    """Load a photo and save it as it is; slot 1 is its mask, which no node here can save."""
    return {
        "load": {"class_type": "LoadImage", "inputs": {"image": name}},
        "save": {
            "class_type": "SaveImage",
            "inputs": {"images": ["load", slot], "filename_prefix": f"photos-{uuid.uuid4()}"},
        },
    }


def loaded(service: Service, content: bytes, suffix: str = "png") -> list[np.ndarray[Any, Any]]:
    """Return the pixels of every picture that a photo was loaded as."""
    name = service.upload(content, f"{uuid.uuid4()}.{suffix}")
    entry = service.run(prompt(name))
    assert entry["status"]["status_str"] == "success", entry["status"]
    pictures = []
    for place in entry["outputs"]["save"]["images"]:
        view = service.get("/view", params=place)
        with Image.open(io.BytesIO(view.content)) as picture:
            assert picture.mode == "RGB"
            pictures.append(np.asarray(picture))
    return pictures


def failure(service: Service, name: str) -> dict[str, Any]:
    """Return the error of a job that cannot load its photo."""
    status = service.run(prompt(name))["status"]
    assert status["status_str"] == "error"
    (error,) = [data for kind, data in status["messages"] if kind == "execution_error"]
    assert error["node_type"] == "LoadImage"
    return dict(error)


def written(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def ramp(mode: str = "L") -> Image.Image:
    return Image.linear_gradient("L").resize(SIZE).convert(mode)


def wide_ramp() -> Image.Image:
    """A 16-bit grey picture that starts within the first 256 values and ends far beyond."""
    values = np.linspace(0, 4000, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0])
    return Image.fromarray(values.astype(np.uint16))


def frames() -> bytes:
    others = [Image.new("L", SIZE, value).convert("RGB") for value in (90, 200)]
    return written(ramp("RGB"), "GIF", save_all=True, append_images=others)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: ramp("RGB"), "PNG"),
        (lambda: ramp("L"), "PNG"),
        (lambda: ramp("1"), "PNG"),
        (lambda: ramp("P"), "PNG"),
        (lambda: ramp("RGB").quantize(7), "PNG"),
        (lambda: ramp("LA"), "PNG"),
        (lambda: ramp("RGBA"), "PNG"),
        (lambda: ramp("CMYK"), "JPEG"),
        (lambda: ramp("L"), "JPEG"),
        (lambda: ramp("RGB"), "WEBP"),
        (lambda: ramp("RGB"), "BMP"),
        (lambda: ramp("CMYK"), "TIFF"),
        (lambda: ramp("F"), "TIFF"),
        (lambda: ramp("LAB"), "TIFF"),
        (lambda: Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"),
        (lambda: ramp("RGB").resize((10_000, 10)), "PNG"),
        (lambda: ramp("RGB").resize((10, 10_000)), "PNG"),
    ],
)
def test_a_photo_of_any_mode_is_loaded_as_rgb(
    service: Service, make: Callable[[], Image.Image], kind: str
) -> None:
    content = written(make(), kind)
    (pixels,) = loaded(service, content, kind.lower())
    with Image.open(io.BytesIO(content)) as expected:
        assert np.array_equal(pixels, np.asarray(expected.convert("RGB")))


def test_the_alpha_channel_is_cut_off_and_not_mixed_in(service: Service) -> None:
    (pixels,) = loaded(service, written(Image.new("RGBA", SIZE, (200, 100, 50, 0))))
    assert (pixels == (200, 100, 50)).all()


def test_a_16_bit_photo_is_loaded_as_the_decoder_converts_it(service: Service) -> None:
    content = written(wide_ramp())
    (pixels,) = loaded(service, content)
    with Image.open(io.BytesIO(content)) as expected:
        assert expected.mode == "I;16"
        assert np.array_equal(pixels, np.asarray(expected.convert("RGB")))


def test_a_32_bit_photo_is_divided_by_255(service: Service) -> None:
    values = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0]).astype(np.int32)
    (pixels,) = loaded(service, written(Image.fromarray(values), "TIFF"), "tiff")
    assert pixels.min() == 0
    assert np.abs(pixels[..., 0] - np.minimum(values / 255, 255)).max() <= 1


def test_a_photo_is_turned_upright(service: Service) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (pixels,) = loaded(service, written(ramp("RGB"), "JPEG", exif=exif), "jpg")
    assert pixels.shape == (SIZE[0], SIZE[1], 3)


def test_every_frame_of_a_moving_picture_is_loaded(service: Service) -> None:
    pictures = loaded(service, frames(), "gif")
    assert [picture.shape for picture in pictures] == [(SIZE[1], SIZE[0], 3)] * 3
    assert (pictures[1] == 90).all()
    assert (pictures[2] == 200).all()


def test_frames_of_another_size_are_left_out(service: Service) -> None:
    more = [ramp("RGB").resize((9, 9)), ramp("RGB")]
    content = written(ramp("RGB"), "TIFF", save_all=True, append_images=more)
    assert len(loaded(service, content, "tiff")) == 2


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_picture_is_an_execution_error(service: Service, content: bytes) -> None:
    error = failure(service, service.upload(content))
    assert error["exception_type"] == "PIL.UnidentifiedImageError"


def test_a_photo_cut_off_within_its_header_is_an_execution_error(service: Service) -> None:
    error = failure(service, service.upload(written(ramp())[:40]))
    assert error["exception_type"] == "OSError"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_truncated_photo_is_loaded_as_far_as_it_goes(service: Service, kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    content = written(Image.fromarray(noise), kind)
    (whole,) = loaded(service, content, kind.lower())
    (part,) = loaded(service, content[: len(content) // 2], kind.lower())
    assert np.array_equal(part[:8], whole[:8])
    assert (part[-8:] == (0 if kind == "PNG" else 128)).all()


def test_the_name_may_say_where_the_photo_lies(service: Service, photo: bytes) -> None:
    name = service.upload(photo, type="output", subfolder="photos")
    assert service.run(prompt(f"photos/{name} [output]"))["status"]["status_str"] == "success"
    assert service.run(prompt(f"../output/photos/{name}"))["status"]["status_str"] == "success"


@pytest.mark.parametrize(
    "name", ["absent.png", "x.png [output]", "../absent.png", "a\0.png", "n" * 300]
)
def test_a_missing_photo_fails_the_validation(service: Service, name: str) -> None:
    answer = service.post("/prompt", json={"prompt": prompt(name)})
    assert answer.status_code == 400
    (error,) = answer.json()["node_errors"]["load"]["errors"]
    assert error["type"] == "custom_validation_failed"


@pytest.mark.parametrize("name", ["", ".", "..", "[input]"])
def test_a_folder_passes_the_validation_and_fails_at_run_time(service: Service, name: str) -> None:
    assert failure(service, name)["exception_type"] == "IsADirectoryError"


def test_a_slash_behind_a_photo_is_missing(service: Service, photo: bytes) -> None:
    answer = service.post("/prompt", json={"prompt": prompt(f"{service.upload(photo)}/")})
    assert answer.status_code == 400
