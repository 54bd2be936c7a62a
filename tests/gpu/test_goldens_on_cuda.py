"""A CUDA device gives the goldens that a CPU made, within the bounds; with TF32 and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colordrill.data import fixtures, golden_images
from colordrill.picture import (
    ColourBounds,
    Pixels,
    Scores,
    compare,
    decode,
    load_bounds,
)
from colorservice.model import load_model
from colorservice.pipeline import colorize, denoise, to_uint8

GOLDENS = golden_images() / "ddcolor_nano"
CANARIES = {"person/astronaut": 704, "building/china": 1280}

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(),
        reason="this machine has no CUDA device that torch can use",
    ),
]


@pytest.fixture(params=[True, False], ids=["TF32", "float32"])
def tf32(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Convolutions and matrix products in TF32, or not; put back afterwards."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = request.param
    yield request.param
    matmul.allow_tf32, cudnn.allow_tf32 = before


def coloured_on(device: str, canary: str, weights: str = "ddcolor_nano") -> Pixels:
    """What the service would save for a canary's photo."""
    stem = Path(canary).name
    with Image.open(fixtures() / "photos" / f"{stem}.png") as opened:
        photo = np.asarray(opened.convert("RGB"), np.float32) / np.float32(255)
    model = load_model(fixtures() / "models" / f"{weights}.safetensors", device)
    return to_uint8(colorize(model, denoise(photo), CANARIES[canary], device))


def within(scores: Scores, bounds: ColourBounds) -> bool:
    """Whether all four measures hold."""
    return (
        scores.chroma_ssim >= bounds.chroma_ssim_min
        and scores.chroma_tile >= bounds.chroma_tile_min
        and scores.luma_ssim >= bounds.luma_ssim_min
        and scores.delta_e <= bounds.delta_e_max
    )


@pytest.mark.parametrize("canary", CANARIES)
def test_a_gpu_gives_the_golden_within_the_bounds(canary: str, tf32: bool) -> None:
    golden = decode((GOLDENS / f"{canary}.png").read_bytes())
    scores = compare(coloured_on("cuda", canary), golden)
    assert within(scores, load_bounds(GOLDENS)), (tf32, scores)


def test_a_gpu_gives_the_same_picture_twice() -> None:
    first, second = (coloured_on("cuda", "person/astronaut") for _ in range(2))
    assert np.array_equal(first, second)


def test_a_gpu_with_other_weights_misses_the_bounds() -> None:
    golden = decode((GOLDENS / "person/astronaut.png").read_bytes())
    output = coloured_on("cuda", "person/astronaut", "ddcolor_nano_other")
    assert not within(compare(output, golden), load_bounds(GOLDENS))
