"""The picture of the separation: jitter, degradations, and the bound between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colordrill.picture import Separation

_TITLES = {
    "chroma_ssim": "1 - chroma SSIM",
    "chroma_tile": "1 - chroma SSIM of the worst tile",
    "luma_ssim": "1 - SSIM of L",
    "delta_e": "mean CIEDE2000",
}
_LEAST_SHOWN = 1e-9
_LABELS = ("healthy", "undecided", "defect that another\nmeasure answers for", "defect")
_COLOURS = ("#1b7837", "#999999", "#f4a582", "#b2182b")


def plot(separations: Mapping[str, Separation], content: Mapping[str, Any], path: Path) -> None:
    """Draw one panel for each measure.

    Args:
        separations: by measure.
        content: what BOUNDS.json holds.
        path: the PNG to write.
    """
    figure = Figure(figsize=(10, 8.5), layout="constrained")
    for axes, each in zip(figure.subplots(4, 1), separations.values(), strict=True):
        _panel(axes, each, content)
    figure.suptitle("Distance from the golden, one point for each picture (0 drawn at the left)")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _panel(axes: Axes, separation: Separation, content: Mapping[str, Any]) -> None:
    measure = separation.measure
    answered = [e for e in content["degradations"] if measure in e["answered_by"]]
    others = [e for e in content["degradations"] if measure not in e["answered_by"]]
    groups = (content["jitter"], content["undecided"], others, answered)
    for row, (group, colour) in enumerate(zip(groups, _COLOURS, strict=True)):
        shown = [max(e["distances"][measure], _LEAST_SHOWN) for e in group]
        axes.scatter(shown, [row] * len(shown), s=14, color=colour, alpha=0.6)
    axes.axvline(separation.bound, color="black", linewidth=1.2)
    axes.annotate(
        f"bound {separation.bound:.2g}, gap {separation.gap:.0f}x",
        (separation.bound, len(groups) - 0.55),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=8,
    )
    for edge, row in ((separation.jitter, 0), (separation.degradation, len(groups) - 1)):
        axes.annotate(
            f"{edge.name} ({edge.canary})",
            (max(edge.distances[measure], _LEAST_SHOWN), row),
            xytext=(0, -11),
            textcoords="offset points",
            fontsize=7,
            ha="center",
        )
    axes.set_xscale("log")
    axes.set_xlim(_LEAST_SHOWN / 2, 200 if measure == "delta_e" else 5)
    axes.set_ylim(-0.8, len(groups) - 0.2)
    axes.set_yticks(range(len(groups)), _LABELS, fontsize=8)
    axes.set_title(_TITLES[measure], fontsize=10, loc="left")
    axes.grid(axis="x", alpha=0.3)
