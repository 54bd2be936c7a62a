"""How near a picture is to its golden: chroma, worst tile, luma, CIEDE2000.

scikit-image loads its parts on first use, so importing this module costs the harness neither its
time nor its memory.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import skimage.color
import skimage.metrics
from PIL import Image

from colordrill.errors import GoldenProblem
from colordrill.picture.png import PictureProblem, Pixels

Lab = npt.NDArray[np.float32]

WINDOW = 7
"""Side of scikit-image's default SSIM window, in pixels."""

GRID = 8
"""Tiles per side; fewer where a tile would be smaller than the window."""

WEAK_GOLDEN_MIN = 0.5
"""A golden whose uncoloured version scores this much chroma SSIM cannot tell colour from none."""

DELTA_E_WORST = 100.0
"""CIEDE2000 between black and white: stands for "as wrong as can be"."""

_LAB_RANGE = 100.0
_BLOCK_ROWS = 64
_DIFFERENCE_GAIN = 5.0


@dataclass(frozen=True, slots=True)
class Scores:
    """How near a picture is to its golden.

    Attributes:
        chroma_ssim: SSIM of Lab a and of b, ``data_range=100``; the lower of the two.
        chroma_tile: the same over the worst tile of the 8x8 grid.
        luma_ssim: SSIM of Lab L, ``data_range=100``.
        delta_e: mean CIEDE2000.
        size_ok: both have one size; where not, the figures are 0, 0, 0 and 100.
    """

    chroma_ssim: float
    chroma_tile: float
    luma_ssim: float
    delta_e: float
    size_ok: bool

    def as_dict(self) -> dict[str, float | bool]:
        """The scores as a history and a record keep them."""
        return asdict(self)


def compare(output: Pixels, golden: Pixels) -> Scores:
    """Score *output* against *golden*.

    A tile's score is what scikit-image's SSIM gives for the tile cut out of both pictures: the
    mean over all windows that lie wholly inside it. The map of the whole picture holds exactly
    these values, so it is computed once.

    Raises:
        PictureProblem: a side is shorter than one window.
    """
    if output.shape != golden.shape:
        return Scores(0.0, 0.0, 0.0, DELTA_E_WORST, size_ok=False)
    if min(extent(golden)) < WINDOW:
        raise PictureProblem(f"{named(extent(golden))} px are less than one {WINDOW} px window")
    ours, theirs = _lab(output), _lab(golden)
    luma_ssim, _ = _ssim(ours[..., 0], theirs[..., 0])
    green_red, green_red_map = _ssim(ours[..., 1], theirs[..., 1])
    green_red_tile = _worst_tile(green_red_map)
    del green_red_map  # one map at a time: memory
    blue_yellow, blue_yellow_map = _ssim(ours[..., 2], theirs[..., 2])
    return Scores(
        chroma_ssim=min(green_red, blue_yellow),
        chroma_tile=min(green_red_tile, _worst_tile(blue_yellow_map)),
        luma_ssim=luma_ssim,
        delta_e=_mean_delta_e(ours, theirs),
        size_ok=True,
    )


def uncoloured(picture: Pixels) -> Pixels:
    """The same picture with its colour taken out: Lab a and b zero, L kept."""
    lab = _lab(picture)
    lab[..., 1:] = 0.0
    return _rgb(lab)


def refuse_weak_golden(golden: Pixels) -> float:
    """The chroma SSIM of the golden's own uncoloured version, to be kept in the manifest.

    Raises:
        GoldenProblem: it is so high that an uncoloured output could pass for a coloured one.
        PictureProblem: the golden is too small.
    """
    score = compare(uncoloured(golden), golden).chroma_ssim
    if not score < WEAK_GOLDEN_MIN:
        raise GoldenProblem(
            f"the golden has too little colour: left uncoloured it scores {score:.3f} chroma "
            f"SSIM, and must score less than {WEAK_GOLDEN_MIN}",
            "choose a photo that the model colours more strongly",
        )
    return score


def difference_picture(output: Pixels, golden: Pixels) -> bytes:
    """A PNG that shows a person where the colours differ, and in which direction.

    Where both agree it is the golden's own lightness in dimmed grey; where they differ it has the
    hue of the error (output minus golden in Lab a and b), five times as strong.

    Raises:
        PictureProblem: the two have different sizes.
    """
    if output.shape != golden.shape:
        sizes = f"{named(extent(output))} and {named(extent(golden))}"
        raise PictureProblem(f"pictures of {sizes} px have no difference picture")
    ours, theirs = _lab(output), _lab(golden)
    shown = np.empty_like(theirs)
    shown[..., 0] = 30.0 + 0.4 * theirs[..., 0]
    shown[..., 1:] = np.clip((ours[..., 1:] - theirs[..., 1:]) * _DIFFERENCE_GAIN, -100.0, 100.0)
    file = io.BytesIO()
    Image.fromarray(_rgb(shown)).save(file, format="PNG")
    return file.getvalue()


def extent(picture: Pixels) -> tuple[int, int]:
    """Width and height."""
    return picture.shape[1], picture.shape[0]


def named(pixels: tuple[int, int]) -> str:
    """A width and height as people write them."""
    return f"{pixels[0]}x{pixels[1]}"


def _lab(picture: Pixels) -> Lab:
    # in blocks of rows and in float32: a fifth of the memory and half the time, figures equal to
    # the sixth decimal
    lab = np.empty(picture.shape, dtype=np.float32)
    for top in range(0, picture.shape[0], _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        lab[rows] = skimage.color.rgb2lab(picture[rows].astype(np.float32) / 255.0)
    return lab


def _rgb(lab: Lab) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # colours outside sRGB are clipped: intended
        rgb: npt.NDArray[np.float32] = skimage.color.lab2rgb(lab)
    return np.asarray(np.rint(np.clip(rgb, 0.0, 1.0) * 255.0), dtype=np.uint8)


def _ssim(ours: Lab, theirs: Lab) -> tuple[float, Lab]:
    mean, full_map = skimage.metrics.structural_similarity(  # type: ignore[no-untyped-call]
        ours, theirs, data_range=_LAB_RANGE, full=True
    )
    return float(mean), full_map


def _worst_tile(full_map: Lab) -> float:
    height, width = full_map.shape
    margin = WINDOW // 2
    scores = [
        full_map[top + margin : bottom - margin, left + margin : right - margin].mean(
            dtype=np.float64
        )
        for top, bottom in _cuts(height)
        for left, right in _cuts(width)
    ]
    return float(min(scores))


def _cuts(side: int) -> list[tuple[int, int]]:
    tiles = min(GRID, side // WINDOW)
    return [(i * side // tiles, (i + 1) * side // tiles) for i in range(tiles)]


def _mean_delta_e(ours: Lab, theirs: Lab) -> float:
    total = 0.0
    for top in range(0, ours.shape[0], _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        block = skimage.color.deltaE_ciede2000(  # type: ignore[no-untyped-call]
            ours[rows], theirs[rows]
        )
        total += float(block.sum(dtype=np.float64))
    return total / ours[..., 0].size
