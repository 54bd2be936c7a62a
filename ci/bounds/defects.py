"""Defects that are painted onto a right picture: what a broken service might hand out."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import skimage.color
import skimage.filters
from PIL import Image

from colordrill.picture import Pixels, uncoloured

Lab = npt.NDArray[np.float64]

FACE = (slice(70, 170), slice(190, 260))
"""Rows and columns of the face in the golden ``person``."""

_GRID = 8


@dataclass(frozen=True, slots=True)
class Painted:
    """A defect, and the measures that must catch it.

    Attributes:
        name: what is wrong, in words.
        answered_by: each of these must catch it on each canary.
        paint: from the golden, to the defective picture.
        canaries: where it is tried; empty for all.
    """

    name: str
    answered_by: tuple[str, ...]
    paint: Callable[[Pixels], Pixels]
    canaries: tuple[str, ...] = ()


def in_lab(picture: Pixels, change: Callable[[Lab], Lab]) -> Pixels:
    """Change a picture in Lab."""
    lab = change(skimage.color.rgb2lab(picture))
    return np.asarray(np.rint(np.clip(skimage.color.lab2rgb(lab), 0, 1) * 255), dtype=np.uint8)


def desaturated(share: float) -> Callable[[Pixels], Pixels]:
    """Take out a share of the colour."""
    return lambda picture: in_lab(picture, lambda lab: lab * [1.0, 1 - share, 1 - share])


def tinted(by: float) -> Callable[[Pixels], Pixels]:
    """Shift Lab's b everywhere: structure stays."""
    return lambda picture: in_lab(picture, lambda lab: lab + np.array([0.0, 0.0, by]))


def darkened(by: float) -> Callable[[Pixels], Pixels]:
    """Shift Lab's L everywhere: structure stays."""
    return lambda picture: in_lab(picture, lambda lab: lab - np.array([by, 0.0, 0.0]))


def blurred(picture: Pixels) -> Pixels:
    """Blur L by one pixel and keep a and b."""

    def blur(lab: Lab) -> Lab:
        lab[..., 0] = skimage.filters.gaussian(lab[..., 0], 1.0)  # type: ignore[no-untyped-call]
        return lab

    return in_lab(picture, blur)


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    """Compress as JPEG and read back."""

    def compress(picture: Pixels) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file).convert("RGB"), dtype=np.uint8)

    return compress


def halved(picture: Pixels) -> Pixels:
    """Scale to half the size and back."""
    image = Image.fromarray(picture)
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return np.asarray(small.resize(image.size, Image.Resampling.LANCZOS), dtype=np.uint8)


def shifted(picture: Pixels) -> Pixels:
    """Move everything by one pixel to the right."""
    return np.concatenate([picture[:, :1], picture[:, :-1]], axis=1)


def half_uncoloured(picture: Pixels) -> Pixels:
    """Leave the right half uncoloured."""
    output = picture.copy()
    half = picture.shape[1] // 2
    output[:, half:] = uncoloured(picture)[:, half:]
    return output


def face_uncoloured(picture: Pixels) -> Pixels:
    """Leave the face uncoloured."""
    output = picture.copy()
    output[FACE] = uncoloured(picture)[FACE]
    return output


def tile_uncoloured(picture: Pixels) -> Pixels:
    """Leave the most colourful tile of the grid uncoloured."""
    height, width = (side // _GRID for side in picture.shape[:2])
    chroma = np.hypot(*np.moveaxis(skimage.color.rgb2lab(picture)[..., 1:], -1, 0))
    tiles = chroma[: height * _GRID, : width * _GRID].reshape(_GRID, height, _GRID, width)
    row, column = divmod(int(tiles.mean(axis=(1, 3)).argmax()), _GRID)
    output = picture.copy()
    place = (
        slice(row * height, (row + 1) * height),
        slice(column * width, (column + 1) * width),
    )
    output[place] = uncoloured(picture)[place]
    return output


PAINTED = (
    Painted("uncoloured", ("chroma_ssim",), uncoloured),
    Painted("right half uncoloured", ("chroma_ssim",), half_uncoloured),
    Painted("only the face uncoloured", ("chroma_tile",), face_uncoloured, ("person",)),
    Painted("one tile of 64 uncoloured", ("chroma_tile",), tile_uncoloured),
    Painted("20 % desaturated", ("chroma_ssim", "delta_e"), desaturated(0.2)),
    Painted("10 % desaturated", ("chroma_ssim",), desaturated(0.1)),
    Painted("tinted: b + 2", ("delta_e",), tinted(2.0)),
    Painted("darkened: L - 2", ("delta_e",), darkened(2.0)),
    Painted("JPEG, quality 95", ("chroma_ssim",), jpeg(95)),
    Painted("JPEG, quality 75", ("chroma_ssim", "luma_ssim"), jpeg(75)),
    Painted("half size and back", ("luma_ssim",), halved),
    Painted("shifted by a pixel", ("luma_ssim",), shifted),
    Painted("L blurred by a pixel", ("luma_ssim",), blurred),
)
