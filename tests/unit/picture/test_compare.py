from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.filters
import skimage.metrics

from colordrill.errors import GoldenProblem
from colordrill.picture import (
    PictureProblem,
    Pixels,
    Scores,
    compare,
    decode,
    difference_picture,
    refuse_weak_golden,
    uncoloured,
)
from unit.picture.samples import altered

if TYPE_CHECKING:
    from collections.abc import Callable


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
