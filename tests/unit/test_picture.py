from __future__ import annotations

import io
import json
import pickle
import struct
import time
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.filters
import skimage.metrics
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from colordrill.errors import GoldenProblem
from colordrill.picture import (
    MAX_PIXELS,
    Judgement,
    PictureProblem,
    Pixels,
    Scores,
    compare,
    decode,
    difference_picture,
    embedded_prompt,
    judge,
    judge_files,
    prompts_match,
    refuse_weak_golden,
    uncoloured,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMPT = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}, "2": {"size": 960}}


@dataclass(frozen=True, slots=True)
class Limits:
    chroma_ssim_min: float = 0.985
    chroma_tile_min: float = 0.90
    luma_ssim_min: float = 0.99
    delta_e_max: float = 1.0


def png(pixels: Pixels, prompt: object = None, **options: Any) -> bytes:
    texts = PngInfo()
    if prompt is not None:
        texts.add_text("prompt", prompt if isinstance(prompt, str) else json.dumps(prompt))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", pnginfo=texts, **options)
    return file.getvalue()


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(
        ">I", zlib.crc32(kind + payload)
    )  # fmt: skip


def raw_png(width: int, height: int, stream: bytes, *, depth: int = 8, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    )


def altered(picture: Pixels, change: Callable[[Any], Any]) -> Pixels:
    lab = change(skimage.color.rgb2lab(picture))
    return np.asarray(np.rint(np.clip(skimage.color.lab2rgb(lab), 0, 1) * 255), dtype=np.uint8)


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    picture = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    return np.asarray(picture, dtype=np.uint8)


@pytest.fixture(scope="module")
def small(astronaut: Pixels) -> Pixels:
    """Face and collar, 96 px wide and 80 px high."""
    return astronaut[100:180, 170:266].copy()


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


class TestCompare:
    """The figures are those that DESIGN gives for ``astronaut``, where it gives them."""

    def test_a_picture_is_like_itself(self, astronaut: Pixels) -> None:
        assert compare(astronaut, astronaut) == Scores(1.0, 1.0, 1.0, 0.0, size_ok=True)

    def test_an_uncoloured_picture_fails_by_chroma_and_not_by_luma(self, astronaut: Pixels) -> None:
        scores = compare(uncoloured(astronaut), astronaut)
        assert scores.chroma_ssim == pytest.approx(0.19, abs=0.005)
        assert scores.chroma_tile < 0.01
        assert scores.luma_ssim > 0.99

    def test_an_uncoloured_face_fails_by_its_tile(self, astronaut: Pixels) -> None:
        output = astronaut.copy()
        output[70:170, 190:260] = uncoloured(astronaut)[70:170, 190:260]
        scores = compare(output, astronaut)
        assert scores.chroma_ssim > 0.96
        assert scores.chroma_tile < 0.15

    def test_a_fifth_of_the_saturation_missing_fails(self, astronaut: Pixels) -> None:
        output = altered(astronaut, lambda lab: lab * [1.0, 0.8, 0.8])
        assert compare(output, astronaut).chroma_ssim == pytest.approx(0.967, abs=0.001)

    def test_a_blurred_luma_keeps_chroma_and_fails_by_luma(self, astronaut: Pixels) -> None:
        def blur(lab: Any) -> Any:
            lab[..., 0] = skimage.filters.gaussian(lab[..., 0], 2)  # type: ignore[no-untyped-call]
            return lab

        scores = compare(altered(astronaut, blur), astronaut)
        assert scores.luma_ssim < 0.9
        assert scores.chroma_ssim > 0.9

    def test_floating_point_jitter_passes(self, astronaut: Pixels) -> None:
        noise = np.random.default_rng(7).normal(0.0, 0.2, (512, 512, 2))
        output = altered(astronaut, lambda lab: lab + np.dstack([np.zeros((512, 512)), noise]))
        scores = compare(output, astronaut)
        assert scores.chroma_ssim == pytest.approx(0.997, abs=0.001)
        assert scores.chroma_tile > 0.99
        assert scores.delta_e < 0.3

    @pytest.mark.parametrize("channel", [1, 2])
    def test_the_worse_of_both_chroma_channels_counts(
        self, astronaut: Pixels, channel: int
    ) -> None:
        def fade(lab: Any) -> Any:
            lab[..., channel] = 0.0
            return lab

        assert compare(altered(astronaut, fade), astronaut).chroma_ssim < 0.5

    def test_is_scikit_images_own_definition(self, small: Pixels) -> None:
        output = np.roll(small, 1, axis=1)
        ours, theirs = skimage.color.rgb2lab(output), skimage.color.rgb2lab(small)

        def ssim(channel: int, rows: slice = slice(None), columns: slice = slice(None)) -> float:
            pair = (ours[rows, columns, channel], theirs[rows, columns, channel])
            score = skimage.metrics.structural_similarity(*pair, data_range=100)  # type: ignore[no-untyped-call]
            return float(score)

        tiles = [
            ssim(channel, slice(top, top + 10), slice(left, left + 12))
            for top in range(0, 80, 10)
            for left in range(0, 96, 12)
            for channel in (1, 2)
        ]
        scores = compare(output, small)
        assert scores.chroma_ssim == pytest.approx(min(ssim(1), ssim(2)), abs=1e-5)
        assert scores.chroma_tile == pytest.approx(min(tiles), abs=1e-5)
        assert scores.luma_ssim == pytest.approx(ssim(0), abs=1e-5)
        delta_e = skimage.color.deltaE_ciede2000(ours, theirs)  # type: ignore[no-untyped-call]
        assert scores.delta_e == pytest.approx(float(delta_e.mean()), abs=1e-4)

    @pytest.mark.parametrize(("side", "tiles"), [(7, 1), (13, 1), (14, 2), (55, 7), (56, 8)])
    def test_small_pictures_have_fewer_tiles(self, small: Pixels, side: int, tiles: int) -> None:
        golden = small[:side, :side]
        output = golden.copy()
        # the last pixel is in the last tile only
        output[-1, -1] = 255 - output[-1, -1]
        scores = compare(output, golden)
        if tiles == 1:
            assert scores.chroma_tile == scores.chroma_ssim
        else:
            assert scores.chroma_tile < scores.chroma_ssim

    def test_less_than_one_window_is_refused(self, small: Pixels) -> None:
        with pytest.raises(PictureProblem, match="9x6 px are less than one 7 px window"):
            compare(small[:6, :9], small[:6, :9])

    def test_another_size_scores_the_worst(self, small: Pixels) -> None:
        scores = compare(small[:-1], small)
        assert scores == Scores(0.0, 0.0, 0.0, 100.0, size_ok=False)
        assert scores.as_dict()["size_ok"] is False

    def test_is_quick_enough_for_a_worker_beside_a_drill(self, astronaut: Pixels) -> None:
        picture = np.ascontiguousarray(np.tile(astronaut, (1, 2, 1))[:427, :640])
        output = np.roll(picture, 1, axis=0)
        compare(output, picture)
        times = []
        for _ in range(5):
            # the time of this thread, so that a busy machine does not count
            began = time.thread_time()
            compare(output, picture)
            times.append(time.thread_time() - began)
        assert min(times) <= 0.35


class TestGolden:
    def test_a_colourful_golden_is_accepted_with_its_score(self, astronaut: Pixels) -> None:
        assert refuse_weak_golden(astronaut) == pytest.approx(0.19, abs=0.005)

    def test_a_pale_golden_is_refused(self, astronaut: Pixels) -> None:
        pale = altered(astronaut, lambda lab: lab * [1.0, 0.1, 0.1])
        with pytest.raises(GoldenProblem, match="too little colour"):
            refuse_weak_golden(pale)

    def test_a_score_of_one_half_is_refused(
        self, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def scored(value: float) -> Callable[[Pixels, Pixels], Scores]:
            return lambda *_: Scores(value, value, value, 0.0, size_ok=True)

        monkeypatch.setattr("colordrill.picture.likeness.compare", scored(0.5))
        with pytest.raises(GoldenProblem):
            refuse_weak_golden(astronaut)
        monkeypatch.setattr("colordrill.picture.likeness.compare", scored(0.4999))
        assert refuse_weak_golden(astronaut) == 0.4999

    def test_an_uncoloured_picture_is_grey_and_as_light(self, small: Pixels) -> None:
        grey = uncoloured(small)
        assert int(np.ptp(grey, axis=2).max()) <= 1
        lightness = skimage.color.rgb2lab(grey)[..., 0] - skimage.color.rgb2lab(small)[..., 0]
        assert float(np.abs(lightness).max()) < 0.5


class TestDifference:
    def test_equal_pictures_give_grey(self, small: Pixels) -> None:
        shown = decode(difference_picture(small, small))
        assert shown.shape == small.shape
        assert int(np.ptp(shown, axis=2).max()) <= 1

    def test_a_difference_is_coloured_where_it_is(self, small: Pixels) -> None:
        output = small.copy()
        output[:20] = uncoloured(small)[:20]
        shown = np.ptp(decode(difference_picture(output, small)), axis=2)
        assert float(shown[:20].mean()) > 40
        assert int(shown[20:].max()) <= 1

    def test_sizes_must_agree(self, small: Pixels) -> None:
        with pytest.raises(PictureProblem, match="96x79 and 96x80"):
            difference_picture(small[:-1], small)


class TestJudge:
    def judged(self, output: bytes, small: Pixels, **changed: Any) -> Judgement:
        given: dict[str, Any] = {
            "golden": png(small),
            "photo": png(uncoloured(small)),
            "submitted_prompt": PROMPT,
            "bounds": Limits(),
        } | changed
        return judge(output, **given)

    def test_the_right_picture_is_correct(self, small: Pixels) -> None:
        judgement = self.judged(png(small, PROMPT), small)
        assert judgement == Judgement(True, (), Scores(1.0, 1.0, 1.0, 0.0, size_ok=True))

    def test_an_uncoloured_picture_is_wrong(self, small: Pixels) -> None:
        judgement = self.judged(png(uncoloured(small), PROMPT), small)
        assert judgement.correct is False
        assert judgement.reasons[0].startswith("chroma SSIM 0.")
        assert judgement.scores is not None

    @pytest.mark.parametrize(
        ("prompt", "reason"),
        [
            (None, "embeds no prompt"),
            (PROMPT | {"2": {"size": 680}}, "embeds another prompt"),
            ("{", "not JSON"),
        ],
    )
    def test_another_prompt_is_wrong_though_the_pixels_are_right(
        self, small: Pixels, prompt: object, reason: str
    ) -> None:
        judgement = self.judged(png(small, prompt), small)
        assert judgement.correct is False
        assert reason in judgement.reasons[0]
        assert len(judgement.reasons) == 1

    def test_another_size_is_wrong(self, small: Pixels) -> None:
        judgement = self.judged(png(small[:-1], PROMPT), small)
        assert judgement.correct is False
        assert judgement.reasons == ("the picture has 96x79 px, its photo 96x80",)
        assert judgement.scores is not None
        assert not judgement.scores.size_ok

    def test_a_truncated_picture_is_wrong_even_without_a_golden(self, small: Pixels) -> None:
        judgement = self.judged(png(small, PROMPT)[:-1], small, golden=b"")
        assert judgement.correct is False
        assert judgement.scores is None
        assert len(judgement.reasons) == 2

    @pytest.mark.parametrize("broken", ["golden", "photo"])
    def test_a_broken_golden_or_photo_leaves_it_unjudged(self, small: Pixels, broken: str) -> None:
        judgement = self.judged(png(small, PROMPT), small, **{broken: b"broken"})
        assert judgement.correct is None
        assert f"the {broken} is refused" in judgement.reasons[0]

    def test_a_golden_of_another_size_than_the_photo_leaves_it_unjudged(
        self, small: Pixels
    ) -> None:
        judgement = self.judged(png(small, PROMPT), small, golden=png(small[:-1]))
        assert (judgement.correct, judgement.scores) == (None, None)

    def test_a_picture_less_than_a_window_is_unjudged(self, small: Pixels) -> None:
        tiny = small[:6, :6]
        judgement = self.judged(png(tiny, PROMPT), small, golden=png(tiny), photo=png(tiny))
        assert judgement.correct is None

    def test_the_size_of_a_turned_photo_is_as_the_service_sees_it(self, small: Pixels) -> None:
        turned = Image.Exif()
        turned[0x0112] = 6
        file = io.BytesIO()
        Image.fromarray(np.rot90(small)).save(file, format="JPEG", exif=turned)
        judgement = self.judged(png(small, PROMPT), small, photo=file.getvalue())
        assert judgement.correct is True

    @pytest.mark.parametrize(
        ("name", "figure", "reason"),
        [
            ("chroma_ssim_min", "chroma_ssim", "chroma SSIM"),
            ("chroma_tile_min", "chroma_tile", "worst tile"),
            ("luma_ssim_min", "luma_ssim", "luma SSIM"),
            ("delta_e_max", "delta_e", "CIEDE2000"),
        ],
    )
    def test_each_bound_is_met_exactly_and_missed_by_a_hair(
        self, small: Pixels, name: str, figure: str, reason: str
    ) -> None:
        output = np.clip(small.astype(int) + 4, 0, 255).astype(np.uint8)
        score = getattr(compare(output, small), figure)
        loose = {"chroma_ssim_min": 0.0, "chroma_tile_min": -1.0, "luma_ssim_min": 0.0,
                 "delta_e_max": 99.0}  # fmt: skip
        hair = -1e-9 if name == "delta_e_max" else 1e-9
        met = self.judged(png(output, PROMPT), small, bounds=Limits(**loose | {name: score}))
        missed = self.judged(
            png(output, PROMPT), small, bounds=Limits(**loose | {name: score + hair})
        )
        assert met.correct is True
        assert missed.correct is False
        assert len(missed.reasons) == 1
        assert reason in missed.reasons[0]

    @pytest.mark.parametrize("figure", ["chroma_ssim", "chroma_tile", "luma_ssim", "delta_e"])
    def test_a_figure_that_is_not_a_number_is_wrong(
        self, small: Pixels, monkeypatch: pytest.MonkeyPatch, figure: str
    ) -> None:
        perfect = Scores(1.0, 1.0, 1.0, 0.0, size_ok=True)
        broken = replace(perfect, **{figure: float("nan")})  # type: ignore[arg-type]
        monkeypatch.setattr("colordrill.picture.judgement.compare", lambda *_: broken)
        assert self.judged(png(small, PROMPT), small).correct is False


class TestJudgeFiles:
    def files(self, folder: Path, small: Pixels, output: bytes) -> dict[str, Any]:
        for name, data in {"o": output, "g": png(small), "p": png(uncoloured(small))}.items():
            (folder / name).write_bytes(data)
        return {
            "output": folder / "o",
            "golden": folder / "g",
            "photo": folder / "p",
            "submitted_prompt": PROMPT,
            "bounds": Limits(),
        }

    def test_judges_and_writes_the_difference(self, tmp_path: Path, small: Pixels) -> None:
        given = self.files(tmp_path, small, png(small, PROMPT))
        judgement = judge_files(**given, difference=tmp_path / "d.png")
        assert judgement.correct is True
        assert decode((tmp_path / "d.png").read_bytes()).shape == small.shape
        assert pickle.loads(pickle.dumps(judgement)) == judgement  # noqa: S301

    def test_writes_no_difference_unasked_or_of_another_size(
        self, tmp_path: Path, small: Pixels
    ) -> None:
        given = self.files(tmp_path, small, png(small[:-1], PROMPT))
        assert judge_files(**given).correct is False
        assert judge_files(**given, difference=tmp_path / "d.png").correct is False
        assert not (tmp_path / "d.png").exists()

    @pytest.mark.parametrize("absent", ["output", "golden", "photo"])
    def test_a_file_that_cannot_be_read_leaves_it_unjudged(
        self, tmp_path: Path, small: Pixels, absent: str
    ) -> None:
        given = self.files(tmp_path, small, png(small, PROMPT))
        given[absent].unlink()
        judgement = judge_files(**given)
        assert judgement.correct is None
        assert "cannot be judged" in judgement.reasons[0]

    @pytest.mark.parametrize("right", [True, False])
    def test_a_difference_that_cannot_be_written_does_not_change_the_judgement(
        self, tmp_path: Path, small: Pixels, right: bool
    ) -> None:
        picture = small if right else uncoloured(small)
        given = self.files(tmp_path, small, png(picture, PROMPT))
        judgement = judge_files(**given, difference=tmp_path / "no" / "d.png")
        assert judgement.correct is right
        assert "could not be written" in judgement.reasons[-1]
