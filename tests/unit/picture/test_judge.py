from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from colordrill.picture import (
    Judgement,
    Pixels,
    Scores,
    compare,
    decode,
    judge,
    judge_files,
    uncoloured,
)
from unit.picture.samples import PROMPT, Limits, png

if TYPE_CHECKING:
    from pathlib import Path


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
        pixels = hashlib.sha256(small.tobytes()).hexdigest()
        assert judgement == Judgement(True, (), Scores(1.0, 1.0, 1.0, 0.0, size_ok=True), pixels)

    def test_equal_pixels_have_one_hash_however_they_are_written(self, small: Pixels) -> None:
        written = [png(small, PROMPT, compress_level=level) for level in (0, 9)]
        assert written[0] != written[1]
        hashes = {self.judged(each, small).pixels_sha256 for each in written}
        assert len(hashes) == 1
        other = self.judged(png(uncoloured(small), PROMPT), small).pixels_sha256
        assert other not in {None, *hashes}

    def test_a_picture_that_does_not_decode_has_no_hash(self, small: Pixels) -> None:
        whole = png(small, PROMPT)
        assert self.judged(whole[: len(whole) // 2], small).pixels_sha256 is None

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
        assert pickle.loads(pickle.dumps(judgement)) == judgement  # noqa: S301 (our own bytes)

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
