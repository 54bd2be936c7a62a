"""Bounds are computed from what was measured; jitter that overlaps a defect gives none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from colordrill.data import golden_images
from colordrill.errors import GoldenProblem
from colordrill.picture import (
    BOUNDS_FILE,
    MEASURES,
    ColourBounds,
    Measurement,
    bounds_of,
    distance,
    load_bounds,
    load_measurements,
    separate,
)

BUNDLED = golden_images() / "ddcolor_nano"


def measured(distance_: float, answered_by: tuple[str, ...] = (), name: str = "x") -> Measurement:
    return Measurement(name, "person", dict.fromkeys(MEASURES, distance_), answered_by)


JITTER = measured(1e-4, name="jitter")
DEFECT = measured(1e-2, MEASURES, name="defect")


def test_the_bound_is_the_geometric_middle() -> None:
    found = separate([JITTER], [DEFECT])
    assert {each.bound for each in found.values()} == {0.001}
    assert {round(each.gap) for each in found.values()} == {100}
    assert bounds_of(found) == ColourBounds(0.999, 0.999, 0.999, 0.001)


def test_the_worst_jitter_and_the_mildest_defect_count() -> None:
    found = separate([measured(1e-9), JITTER], [measured(0.5, MEASURES), DEFECT])
    assert (found["delta_e"].jitter, found["delta_e"].degradation) == (JITTER, DEFECT)


def test_a_defect_counts_only_for_the_measures_that_answer_for_it() -> None:
    mild = measured(2e-4, ("chroma_tile",))
    found = separate([measured(1e-5)], [DEFECT, mild])
    assert found["chroma_tile"].degradation == mild
    assert found["chroma_ssim"].degradation == DEFECT


def test_no_jitter_at_all_counts_as_the_resolution_of_single_precision() -> None:
    assert separate([measured(0.0)], [DEFECT])["luma_ssim"].bound == 1e-4


@pytest.mark.parametrize("jitter", [1e-2, 0.02, 0.0026])
def test_jitter_that_reaches_a_defect_gives_no_bound(jitter: float) -> None:
    with pytest.raises(GoldenProblem, match="no bound of chroma_ssim tells 'defect'") as caught:
        separate([measured(jitter, name="old processor")], [DEFECT])
    assert "old processor" in caught.value.cause


def test_a_factor_of_four_is_enough() -> None:
    assert separate([measured(0.0025)], [DEFECT])["chroma_ssim"].bound == 0.005


@pytest.mark.parametrize(
    ("jitter", "defects"),
    [
        ([], [DEFECT]),
        ([JITTER], []),
        ([JITTER], [replace(DEFECT, answered_by=("chroma_ssim",))]),
        ([measured(float("nan"))], [DEFECT]),
        ([JITTER], [DEFECT, measured(float("nan"))]),
    ],
    ids=["no jitter", "no defect", "unanswered", "jitter is no number", "defect is no number"],
)
def test_missing_figures_give_no_bound(
    jitter: list[Measurement], defects: list[Measurement]
) -> None:
    with pytest.raises(GoldenProblem, match="give no bound"):
        separate(jitter, defects)


def test_a_distance_is_what_is_missing_to_the_best_score() -> None:
    assert distance("luma_ssim", 0.75) == 0.25
    assert distance("delta_e", 0.75) == 0.75


def test_the_bundled_bounds_are_those_that_their_raw_figures_give() -> None:
    stated = json.loads((BUNDLED / BOUNDS_FILE).read_text(encoding="utf-8"))["bounds"]
    bounds = load_bounds(BUNDLED)
    assert {name: getattr(bounds, name) for name in stated} == stated
    assert len(stated) == len(MEASURES)


def test_every_measured_defect_is_caught_and_no_jitter_is() -> None:
    jitter, defects = load_measurements(BUNDLED)
    limits = {name: each.bound for name, each in separate(jitter, defects).items()}

    def caught_by(each: Measurement) -> set[str]:
        return {measure for measure in MEASURES if each.distances[measure] > limits[measure]}

    assert [each.name for each in jitter if caught_by(each)] == []
    assert [each.name for each in defects if not set(each.answered_by) <= caught_by(each)] == []
    assert [each.name for each in defects if not each.answered_by] == []


def test_the_bundled_figures_belong_to_the_bundled_goldens() -> None:
    bounds = json.loads((BUNDLED / BOUNDS_FILE).read_text(encoding="utf-8"))
    manifest = json.loads((BUNDLED / "MANIFEST.json").read_text(encoding="utf-8"))
    assert bounds["weights_sha256"] == manifest["weights"]["sha256"]


def test_a_bound_written_into_the_file_by_hand_is_not_used(tmp_path: Path) -> None:
    content = json.loads((BUNDLED / BOUNDS_FILE).read_text(encoding="utf-8"))
    content["bounds"]["delta_e_max"] = 99.0
    (tmp_path / BOUNDS_FILE).write_text(json.dumps(content), encoding="utf-8")
    assert load_bounds(tmp_path) == load_bounds(BUNDLED)


@pytest.mark.parametrize(
    "text",
    [None, "", "[]", "{}", '{"jitter": [{"name": "x"}], "degradations": []}', '{"jitter": 3}'],
)
def test_a_file_that_is_absent_or_malformed_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / BOUNDS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(GoldenProblem, match=BOUNDS_FILE):
        load_bounds(tmp_path)
