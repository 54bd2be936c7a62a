"""What the training shows to the network: photos, and parts of them, as grey and as colour."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.make_photos import PHOTOS, color_photo, grey_photo, lab_from_rgb

_CANARY_SHARE = (
    0.35  # of all draws, for each of the two canary photos; the others share what is left
)


@dataclass(frozen=True, slots=True)
class View:
    """One way of showing a photo.

    Attributes:
        side: side in pixels of the square that the network gets.
        share: how often, relative to the phase's other views.
        part_min: smallest part of the photo's sides that the square shows, 1 for the whole photo.
        part_max: largest part. Half a photo at 640 has the scale of a whole one at 1280, at a
            quarter of the cost.
    """

    side: int
    share: float
    part_min: float = 1.0
    part_max: float = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A grey level image (1, 1, H, W) in 0..1 and the a and b that belong to it (1, 2, H, W)."""

    name: str
    grey: Tensor
    color: Tensor


def load_pairs() -> list[Pair]:
    """Return the training pairs, at the size that the photos under ``fixtures/photos/`` have."""
    pairs = []
    for photo in PHOTOS:
        original = color_photo(photo)
        grey = torch.from_numpy(grey_photo(original)[..., :1].astype(np.float32) / 255)
        color = torch.from_numpy(
            lab_from_rgb(original.astype(np.float32) / np.float32(255))[..., 1:].copy()
        )
        pairs.append(Pair(photo.name, grey.permute(2, 0, 1)[None], color.permute(2, 0, 1)[None]))
    return pairs


def draw(
    pairs: list[Pair], view: View, rng: random.Random, *, mirror: bool
) -> tuple[Tensor, Tensor]:
    """Draw a photo, or a part of it, as a square: grey RGB (1, 3, S, S) and ab (1, 2, S, S)."""
    canaries = [pair for pair in pairs if pair.name in {"astronaut", "china"}]
    others = [pair for pair in pairs if pair not in canaries]
    pair = rng.choice(canaries if rng.random() < _CANARY_SHARE * len(canaries) else others)
    height, width = pair.grey.shape[-2:]
    part = rng.uniform(view.part_min, view.part_max)
    rows, columns = int(height * part), int(width * part)
    top, left = rng.randint(0, height - rows), rng.randint(0, width - columns)
    window = (..., slice(top, top + rows), slice(left, left + columns))
    size = (view.side, view.side)
    grey, color = (
        nn.functional.interpolate(plane[window], size=size, mode="bilinear")
        for plane in (pair.grey, pair.color)
    )
    if mirror:
        grey, color = grey.flip(-1), color.flip(-1)
    return grey.expand(-1, 3, -1, -1), color
