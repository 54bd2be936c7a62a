from __future__ import annotations

import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from colordrill.picture import (
    MAX_PIXELS,
    PictureProblem,
    Pixels,
    decode,
    embedded_prompt,
    prompts_match,
)
from unit.picture.samples import PROMPT, chunk, png, raw_png


class TestDecode:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
    def test_gives_rgb_whatever_the_mode(self, small: Pixels, mode: str) -> None:
        image = Image.fromarray(small).convert(mode)
        file = io.BytesIO()
        image.save(file, format="PNG")
        assert np.array_equal(decode(file.getvalue()), np.asarray(image.convert("RGB")))

    def test_no_byte_may_be_missing_at_the_end(self, small: Pixels) -> None:
        data = png(small)
        for length in (0, 8, 20, 33, 40, len(data) // 2, len(data) - 12, len(data) - 1):
            with pytest.raises(PictureProblem):
                decode(data[:length])

    def test_truncation_is_refused_whatever_pillow_tolerates(
        self, small: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        with pytest.raises(PictureProblem, match="truncated after"):
            decode(png(small)[:-500])

    @pytest.mark.parametrize("tail", [b"\0", b"garbage"])
    def test_no_byte_may_follow(self, small: Pixels, tail: bytes) -> None:
        with pytest.raises(PictureProblem, match=f"{len(tail)} bytes follow"):
            decode(png(small) + tail)

    def test_no_single_byte_may_be_altered(self, small: Pixels) -> None:
        data = png(small)
        for position in range(0, len(data), 97):
            broken = bytearray(data)
            broken[position] ^= 0xFF
            with pytest.raises(PictureProblem):
                decode(bytes(broken))

    @pytest.mark.parametrize(
        ("stream", "matched"),
        [
            (zlib.compress(bytes(8 * 25 - 1)), "not the 200 bytes"),
            (zlib.compress(bytes(8 * 25 + 1)), "not the 200 bytes"),
            (zlib.compress(bytes(8 * 25)) + b"more", "not the 200 bytes"),
            (zlib.compress(bytes(8 * 25))[:-4], "not the 200 bytes"),
            (zlib.compress(bytes(8 * 25))[:-4] + b"\0\0\0\1", "damaged"),
            (zlib.compress(bytes(10**7)), "not the 200 bytes"),
            (b"", "not the 200 bytes"),
        ],
        ids=["short", "long", "followed", "no sum", "wrong sum", "bomb", "empty"],
    )
    def test_the_pixels_must_be_what_the_header_announces(
        self, stream: bytes, matched: str
    ) -> None:
        with pytest.raises(PictureProblem, match=matched):
            decode(raw_png(8, 8, stream))
        assert decode(raw_png(8, 8, zlib.compress(bytes(8 * 25)))).shape == (8, 8, 3)

    def test_too_many_pixels_are_refused_by_the_header(self) -> None:
        with pytest.raises(PictureProblem, match="more than"):
            decode(raw_png(2049, 2048, b""))
        with pytest.raises(PictureProblem, match="not the"):
            decode(raw_png(2048, 2048, b""))
        assert MAX_PIXELS == 2048 * 2048

    @pytest.mark.parametrize("how", [{"depth": 16}, {"interlace": 1}])
    def test_16_bit_and_interlaced_files_are_refused(self, how: dict[str, int]) -> None:
        with pytest.raises(PictureProblem, match="not an 8-bit plain PNG"):
            decode(raw_png(8, 8, zlib.compress(bytes(400)), **how))

    def test_transparency_is_refused(self, small: Pixels) -> None:
        image = Image.fromarray(small).convert("RGBA")
        image.putpixel((3, 4), (0, 0, 0, 254))
        file = io.BytesIO()
        image.save(file, format="PNG")
        with pytest.raises(PictureProblem, match="transparent"):
            decode(file.getvalue())

    def test_another_format_is_refused(self, small: Pixels) -> None:
        file = io.BytesIO()
        Image.fromarray(small).save(file, format="JPEG")
        with pytest.raises(PictureProblem, match="not a PNG"):
            decode(file.getvalue())

    def test_a_file_without_a_header_is_refused(self) -> None:
        with pytest.raises(PictureProblem, match="header"):
            decode(b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""))


class TestPrompt:
    def test_is_read_from_the_text_chunk(self, small: Pixels) -> None:
        assert embedded_prompt(png(small, PROMPT)) == PROMPT

    def test_may_be_absent(self, small: Pixels) -> None:
        assert embedded_prompt(png(small)) is None

    @pytest.mark.parametrize("text", ["{", "[1]", "null", "3"])
    def test_must_be_an_object(self, small: Pixels, text: str) -> None:
        with pytest.raises(PictureProblem, match="embedded prompt"):
            embedded_prompt(png(small, text))

    def test_needs_a_picture(self) -> None:
        with pytest.raises(PictureProblem):
            embedded_prompt(b"nothing")

    def test_matches_but_for_what_comfyui_injects(self) -> None:
        injected = json.loads(json.dumps(PROMPT))
        injected["1"]["is_changed"] = ["0ab3", float("nan")]
        assert prompts_match(injected, PROMPT)
        assert prompts_match(dict(reversed(PROMPT.items())), PROMPT)

    @pytest.mark.parametrize(
        "embedded",
        [
            {"1": PROMPT["1"]},
            PROMPT | {"3": {}},
            PROMPT | {"2": {"size": 680}},
            PROMPT | {"2": {"size": 960.0}},
            PROMPT | {"2": {"size": 960, "more": 1}},
            PROMPT | {"2": None},
            {},
        ],
        ids=str,
    )
    def test_differs_by_anything_else(self, embedded: dict[str, Any]) -> None:
        assert not prompts_match(embedded, PROMPT)

    def test_an_is_changed_that_was_submitted_is_compared(self) -> None:
        assert prompts_match({"1": {"is_changed": 1}}, {"1": {"is_changed": 1}})
        assert not prompts_match({"1": {"is_changed": 2}}, {"1": {"is_changed": 1}})
