"""The bounds of a correct picture, computed from what was measured and never chosen.

``BOUNDS.json`` beside a set of goldens holds how far healthy services stray from each golden
(jitter) and how far defective ones do (degradations). For each measure the bound is the geometric
middle between the worst jitter and the mildest degradation that this measure answers for. Nothing
else is read from the file, so it cannot state a bound that its figures do not give.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import GoldenProblem

BOUNDS_FILE = "BOUNDS.json"

MEASURES = ("chroma_ssim", "chroma_tile", "luma_ssim", "delta_e")

JITTER_FLOOR = 1e-6
"""What a distance counts for at least: less is below the resolution of single precision."""

SEPARATION_MIN = 4.0
"""Mildest degradation over worst jitter: below it, less than a factor of two lies on each side."""

_DIGITS = 2
_SSIM_BEST = 1.0


@dataclass(frozen=True, slots=True)
class ColourBounds:
    """The limits of a correct picture's scores; as an argument of ``judge`` they are its bounds.

    Attributes:
        chroma_ssim_min: SSIM of Lab a and b apart, the worse of both, over the whole picture.
        chroma_tile_min: the same, worst tile.
        luma_ssim_min: SSIM of L.
        delta_e_max: mean CIEDE2000.
    """

    chroma_ssim_min: float
    chroma_tile_min: float
    luma_ssim_min: float
    delta_e_max: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One picture that was compared with its golden.

    Attributes:
        name: the conditions or the defect.
        canary: whose golden it was.
        distances: by measure, how far it was from perfect; see :func:`distance`.
        answered_by: the measures that must catch it; empty for jitter.
    """

    name: str
    canary: str
    distances: Mapping[str, float]
    answered_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Separation:
    """Where one measure's bound lies, and between what; all three are distances.

    Attributes:
        measure: one of :data:`MEASURES`.
        jitter: the worst of the healthy pictures.
        degradation: the mildest of the defective pictures that this measure answers for.
        bound: their geometric middle, rounded to two digits.
    """

    measure: str
    jitter: Measurement
    degradation: Measurement
    bound: float

    @property
    def gap(self) -> float:
        """How many times farther the mildest degradation is than the worst jitter."""
        return self.degradation.distances[self.measure] / _jitter_of(self.jitter, self.measure)


def distance(measure: str, score: float) -> float:
    """How far a score is from perfect: 1 - SSIM, or CIEDE2000 as it is."""
    return score if measure == "delta_e" else _SSIM_BEST - score


def separate(
    jitter: Iterable[Measurement], degradations: Iterable[Measurement]
) -> dict[str, Separation]:
    """The bound of each measure, by measure.

    Raises:
        GoldenProblem: nothing was measured for one, a figure is not a number, or jitter and
            degradations lie so near each other that no bound tells them apart.
    """
    healthy, defective = tuple(jitter), tuple(degradations)
    return {measure: _separation(measure, healthy, defective) for measure in MEASURES}


def bounds_of(separations: Mapping[str, Separation]) -> ColourBounds:
    """The bounds as the judgement wants them: least scores, and the greatest CIEDE2000."""
    least = {
        f"{measure}_min": round(_SSIM_BEST - separations[measure].bound, 9)
        for measure in MEASURES
        if measure != "delta_e"
    }
    return ColourBounds(**least, delta_e_max=separations["delta_e"].bound)


def load_bounds(directory: Path) -> ColourBounds:
    """The bounds of the goldens in *directory*, computed from its ``BOUNDS.json``.

    Raises:
        GoldenProblem: the file is absent or malformed, or its figures give no bounds.
    """
    return bounds_of(separate(*load_measurements(directory)))


def load_measurements(directory: Path) -> tuple[tuple[Measurement, ...], tuple[Measurement, ...]]:
    """Jitter and degradations as ``BOUNDS.json`` in *directory* holds them.

    Raises:
        GoldenProblem: the file is absent or malformed.
    """
    path = directory / BOUNDS_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        jitter, degradations = (
            tuple(_measurement(each) for each in content[key]) for key in ("jitter", "degradations")
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GoldenProblem(
            f"{path} cannot be read: {type(error).__name__}: {error}",
            "restore it from version control, or measure anew with ci/derive_bounds.py",
        ) from error
    return jitter, degradations


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    return Measurement(
        name=str(entry["name"]),
        canary=str(entry["canary"]),
        distances={measure: float(entry["distances"][measure]) for measure in MEASURES},
        answered_by=tuple(str(each) for each in entry.get("answered_by", ())),
    )


def _separation(
    measure: str, jitter: tuple[Measurement, ...], degradations: tuple[Measurement, ...]
) -> Separation:
    answered = [each for each in degradations if measure in each.answered_by]
    figures = [each.distances[measure] for each in (*jitter, *degradations)]
    if not jitter or not answered or not all(math.isfinite(each) for each in figures):
        raise GoldenProblem(
            f"the measurements give no bound for {measure}: {len(jitter)} of jitter, "
            f"{len(answered)} degradations that it answers for, or a figure that is no number",
            "measure anew with ci/derive_bounds.py",
        )
    worst = max(jitter, key=lambda each: each.distances[measure])
    mildest = min(answered, key=lambda each: each.distances[measure])
    middle = math.sqrt(_jitter_of(worst, measure) * max(mildest.distances[measure], 0.0))
    found = Separation(measure, worst, mildest, _rounded(middle))
    if not found.gap >= SEPARATION_MIN:
        raise GoldenProblem(
            f"no bound of {measure} tells {mildest.name!r} ({mildest.canary}, "
            f"{mildest.distances[measure]:.3g}) from {worst.name!r} ({worst.canary}, "
            f"{worst.distances[measure]:.3g}): they must lie a factor of {SEPARATION_MIN:g} apart",
            "let another measure answer for that degradation, or find out where the jitter is from",
        )
    return found


def _jitter_of(measurement: Measurement, measure: str) -> float:
    return max(measurement.distances[measure], JITTER_FLOOR)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") if value > 0 else value
