from __future__ import annotations

import io

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from clients.expectation import PHOTO_SIDE_PX, api_workflow, expect_coloured
from colordrill.errors import GoldenProblem
from colordrill.picture import PictureProblem


def _png(image: Image.Image, prompt: str | None = None) -> bytes:
    texts = PngImagePlugin.PngInfo()
    if prompt is not None:
        texts.add_text("prompt", prompt)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()


def _colours(side_px: int = PHOTO_SIDE_PX) -> Image.Image:
    ramp = Image.radial_gradient("L").resize((side_px, side_px))
    return Image.merge("RGB", (ramp, ramp.rotate(90), ImageOps.invert(ramp)))


def test_a_coloured_picture_of_the_right_size_is_accepted() -> None:
    expect_coloured(_png(_colours(), "{}"), {})


def test_an_uncoloured_picture_is_refused(photo: bytes) -> None:
    with pytest.raises(GoldenProblem):
        expect_coloured(photo)


def test_a_truncated_picture_is_refused() -> None:
    with pytest.raises(PictureProblem):
        expect_coloured(_png(_colours())[:-20])


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(AssertionError):
        expect_coloured(_png(_colours(PHOTO_SIDE_PX * 2)))


def test_a_picture_that_embeds_another_prompt_is_refused() -> None:
    with pytest.raises(AssertionError):
        expect_coloured(_png(_colours(), "{}"), api_workflow("a.png", "b"))
