"""Is this picture the right one? Comparison with a golden, and the judgement of a canary.

Pure but for :func:`judge_files`, which runs in the scoring worker. scikit-image loads its parts on
first use, so importing this module costs the harness neither its time nor its memory.

Bounds of size: a picture needs at least one SSIM window, 7 pixels, on each side, and may have at
most ``MAX_PIXELS``; outside them it is refused, never compared. A side under 56 pixels has fewer
than 8 tiles: as many as hold one window each.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import skimage.color
import skimage.metrics
from PIL import Image

from colordrill.errors import GoldenProblem
from colordrill.png import (
    MAX_PIXELS,
    PictureProblem,
    Pixels,
    decode,
    embedded_prompt,
    prompts_match,
    size_of,
)

__all__ = [
    "MAX_PIXELS",
    "Bounds",
    "Judgement",
    "PictureProblem",
    "Pixels",
    "Scores",
    "compare",
    "decode",
    "difference_picture",
    "embedded_prompt",
    "judge",
    "judge_files",
    "prompts_match",
    "refuse_weak_golden",
    "uncoloured",
]

Found = TypeVar("Found")
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


class Bounds(Protocol):
    """What :func:`judge` needs of a scenario's objectives."""

    @property
    def chroma_ssim_min(self) -> float:
        """SSIM of Lab a and b apart, the worse of both."""

    @property
    def chroma_tile_min(self) -> float:
        """The same for the worst tile."""

    @property
    def luma_ssim_min(self) -> float:
        """SSIM of L."""

    @property
    def delta_e_max(self) -> float:
        """Mean CIEDE2000."""


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a picture is correct; None: it could not be judged. Reasons say why not True."""

    correct: bool | None
    reasons: tuple[str, ...]
    scores: Scores | None


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
    if min(_size(golden)) < WINDOW:
        raise PictureProblem(f"{_named(_size(golden))} px are less than one {WINDOW} px window")
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


def judge(
    output: bytes,
    golden: bytes,
    photo: bytes,
    submitted_prompt: Mapping[str, Any],
    bounds: Bounds,
) -> Judgement:
    """Whether *output* is the correct colorization of *photo*.

    False as soon as anything is wrong with the output itself; None when the output shows no fault
    but photo or golden do not allow a judgement; True otherwise.

    Args:
        output: the file that the client fetched.
        golden: the golden PNG.
        photo: the file that the client uploaded; gives the size.
        submitted_prompt: what was posted to /prompt.
        bounds: the limits of the scores.
    """
    wrong: list[str] = []
    unjudged: list[str] = []
    size = _found(unjudged, "the photo", size_of, photo)
    theirs = _found(unjudged, "the golden", decode, golden)
    ours = _found(wrong, "the picture", decode, output)
    if ours is not None:
        wrong += _prompt_faults(output, submitted_prompt)
        if size is not None and _size(ours) != size:
            wrong.append(f"the picture has {_named(_size(ours))} px, its photo {_named(size)}")
    if size is not None and theirs is not None:
        unjudged += _golden_faults(_size(theirs), size)
    scores: Scores | None = None
    if ours is not None and theirs is not None and not unjudged:
        scores = compare(ours, theirs)
        wrong += _score_faults(scores, bounds)
    correct = False if wrong else None if unjudged else True
    return Judgement(correct, (*wrong, *unjudged), scores)


def judge_files(
    output: Path,
    golden: Path,
    photo: Path,
    submitted_prompt: Mapping[str, Any],
    bounds: Bounds,
    difference: Path | None = None,
) -> Judgement:
    """:func:`judge` on files, for the scoring worker; writes the difference picture if asked.

    A file that cannot be read, or a difference that cannot be written, leaves the picture
    unjudged: that is the harness's trouble and says nothing about the service.
    """
    try:
        ours, theirs = output.read_bytes(), golden.read_bytes()
        judgement = judge(ours, theirs, photo.read_bytes(), submitted_prompt, bounds)
        if difference is not None and judgement.scores is not None and judgement.scores.size_ok:
            difference.write_bytes(difference_picture(decode(ours), decode(theirs)))
    except OSError as error:
        return Judgement(None, (f"cannot be judged: {error}",), None)
    return judgement


def difference_picture(output: Pixels, golden: Pixels) -> bytes:
    """A PNG that shows a person where the colours differ, and in which direction.

    Where both agree it is the golden's own lightness in dimmed grey; where they differ it has the
    hue of the error (output minus golden in Lab a and b), five times as strong.

    Raises:
        PictureProblem: the two have different sizes.
    """
    if output.shape != golden.shape:
        sizes = f"{_named(_size(output))} and {_named(_size(golden))}"
        raise PictureProblem(f"pictures of {sizes} px have no difference picture")
    ours, theirs = _lab(output), _lab(golden)
    shown = np.empty_like(theirs)
    shown[..., 0] = 30.0 + 0.4 * theirs[..., 0]
    shown[..., 1:] = np.clip((ours[..., 1:] - theirs[..., 1:]) * _DIFFERENCE_GAIN, -100.0, 100.0)
    file = io.BytesIO()
    Image.fromarray(_rgb(shown)).save(file, format="PNG")
    return file.getvalue()


def _found(
    problems: list[str], what: str, read: Callable[[bytes], Found], data: bytes
) -> Found | None:
    try:
        return read(data)
    except PictureProblem as problem:
        problems.append(f"{what} is refused: {problem.cause}")
        return None


def _prompt_faults(output: bytes, submitted: Mapping[str, Any]) -> list[str]:
    try:
        embedded = embedded_prompt(output)
    except PictureProblem as problem:
        return [problem.cause]
    if embedded is None:
        return ["the picture embeds no prompt"]
    if not prompts_match(embedded, submitted):
        return ["the picture embeds another prompt than the one submitted"]
    return []


def _golden_faults(golden: tuple[int, int], photo: tuple[int, int]) -> list[str]:
    if golden != photo:
        return [f"the golden has {_named(golden)} px, its photo {_named(photo)}"]
    if min(golden) < WINDOW:
        return [f"the golden has {_named(golden)} px, less than one {WINDOW} px window"]
    return []


def _score_faults(scores: Scores, bounds: Bounds) -> list[str]:
    if not scores.size_ok:
        return []  # said already, against the photo
    least = (
        ("chroma SSIM", scores.chroma_ssim, bounds.chroma_ssim_min),
        ("worst tile's chroma SSIM", scores.chroma_tile, bounds.chroma_tile_min),
        ("luma SSIM", scores.luma_ssim, bounds.luma_ssim_min),
    )
    # "not >=" and not "<": a NaN is a fault
    faults = [
        f"{name} {score:.4f} is below {bound:g}"
        for name, score, bound in least
        if not score >= bound
    ]
    if not scores.delta_e <= bounds.delta_e_max:
        faults.append(f"mean CIEDE2000 {scores.delta_e:.3f} is above {bounds.delta_e_max:g}")
    return faults


def _size(picture: Pixels) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


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
        rgb = skimage.color.lab2rgb(lab)
    return np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)


def _ssim(ours: Lab, theirs: Lab) -> tuple[float, Lab]:
    mean, full_map = skimage.metrics.structural_similarity(
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
        total += float(
            skimage.color.deltaE_ciede2000(ours[rows], theirs[rows]).sum(dtype=np.float64)
        )
    return total / (ours.shape[0] * ours.shape[1])
