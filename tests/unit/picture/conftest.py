from __future__ import annotations

import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.filters
import skimage.metrics

from colordrill.picture import (
    Pixels,
)


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    picture = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    return np.asarray(picture, dtype=np.uint8)


@pytest.fixture(scope="module")
def small(astronaut: Pixels) -> Pixels:
    """Face and collar, 96 px wide and 80 px high."""
    return astronaut[100:180, 170:266].copy()
