"""The measured likenesses of a canary's picture, and whether they are within the bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable

from colordrill.scenario.model import Objectives
from colordrill.verify.observations import Canary

LEAST = {
    "chroma_ssim_min": "chroma_ssim",
    "chroma_tile_min": "chroma_tile",
    "luma_ssim_min": "luma_ssim",
}
"""Of each objective that bounds from below the figure that it bounds."""

MOST = {"delta_e_max": "delta_e"}
"""The same from above."""


def figure(canary: Canary, key: str) -> float | None:
    """One figure of the picture; None where its score has none, NaN where that is no number."""
    value = canary.score.figures.get(key) if canary.score else None
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if number and math.isfinite(value) else math.nan


def measured(canaries: Iterable[Canary], key: str) -> list[float]:
    """The figures of that name that are numbers."""
    figures = (figure(each, key) for each in canaries)
    return [each for each in figures if each is not None and not math.isnan(each)]


def unmeasured(canary: Canary) -> list[str]:
    """Which of the figures its score lacks: a picture without them was not measured."""
    return [key for key in (*LEAST.values(), *MOST.values()) if figure(canary, key) is None]


def beyond(canary: Canary, objectives: Objectives) -> bool:
    """Whether a figure is not within its bound; NaN is within none, a missing one breaks none."""
    least = ((figure(canary, key), getattr(objectives, name)) for name, key in LEAST.items())
    most = ((figure(canary, key), getattr(objectives, name)) for name, key in MOST.items())
    return any(value is not None and not value >= bound for value, bound in least) or any(
        value is not None and not value <= bound for value, bound in most
    )
