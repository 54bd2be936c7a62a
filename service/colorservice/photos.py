"""Reads a photo as ComfyUI's LoadImage does: every frame as RGB, together with its mask."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageFile, ImageOps, ImageSequence

Pixels = np.ndarray[Any, np.dtype[np.float32]]
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_NO_MASK = (64, 64)
# pictures that belong to one photo (depth, thumbnails) and are no frames
_ONE_PICTURE_FORMATS = frozenset({"MPO"})


def read_photo(path: Path) -> tuple[list[Pixels], list[Pixels]]:
    """Read every frame that has the size of the first one.

    *Weaknesses* kept on purpose: of a truncated photo, what is there is taken and the rest is
    black; a 16-bit one is cut off at 255, and so nearly white.

    Returns:
        Pictures (H, W, 3) and their masks (H, W), values 0..1. A mask is the inverted alpha, and
        black 64×64 for a picture without one.

    Raises:
        OSError: it is no picture, or there is too little of it.
        ValueError: it is no picture that can be converted.
    """
    pictures: list[Pixels] = []
    masks: list[Pixels] = []
    with _tolerantly(Image.open, path) as opened:
        for frame in ImageSequence.Iterator(opened):
            upright = _tolerantly(_upright, frame)
            if upright.mode == "I":
                upright = upright.point(lambda value: value * (1 / 255))
            pixels = np.asarray(upright.convert("RGB"), np.float32) / np.float32(255)
            if pictures and pixels.shape != pictures[0].shape:
                continue
            pictures.append(pixels)
            masks.append(_mask(upright))
        if opened.format in _ONE_PICTURE_FORMATS:
            return pictures[:1], masks[:1]
    return pictures, masks


def _upright(frame: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(frame)


def _tolerantly(read: Callable[[_Given], _Made], given: _Given) -> _Made:
    """Read, and on an error once more without minding that the file is cut short."""
    try:
        return read(given)
    except (OSError, ValueError):
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            return read(given)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _mask(picture: Image.Image) -> Pixels:
    if "A" in picture.getbands():
        alpha = picture.getchannel("A")
    elif picture.mode == "P" and "transparency" in picture.info:
        alpha = picture.convert("RGBA").getchannel("A")
    else:
        return np.zeros(_NO_MASK, np.float32)
    return np.float32(1) - np.asarray(alpha, np.float32) / np.float32(255)
