from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.model import Objectives
from unit.verify.conftest import BAD, GOOD

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def test_correct_pictures_pass_with_the_worst_figures(story: Story) -> None:
    story.fault()
    story.canary(
        5.0,
        figures={"chroma_ssim": 0.9991, "chroma_tile": 0.995, "luma_ssim": 1.0, "delta_e": 0.01},
    )
    story.canary(
        6.0,
        kind="verifycan",
        figures={"chroma_ssim": 1.0, "chroma_tile": 0.997, "luma_ssim": 0.9998, "delta_e": 0.03},
    )
    check = story.check("colour")
    bound = Objectives(rto_s=1.0, rpo_s=1.0).chroma_ssim_min
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0.9991, bound)
    actuals = story.outcome().actuals
    assert (actuals.chroma_ssim_min, actuals.chroma_tile_min) == (0.9991, 0.995)
    assert (actuals.luma_ssim_min, actuals.delta_e_max) == (0.9998, 0.03)
    assert check.detail.startswith("worst of 2 scored pictures: chroma_ssim_min 0.9991 (bound 0.99")
    assert "), chroma_tile_min 0.9950 (bound " in check.detail


@pytest.mark.parametrize("kind", ["canary", "verifycan"])
def test_a_wrong_picture_of_the_expected_site_fails(story: Story, kind: str) -> None:
    story.fault()
    story.canary(5.0, scored=False)
    story.canary(6.0)
    op = story.canary(7.0, correct=False, kind=kind)
    check = story.check("colour")
    assert (check.verdict, check.value) == (Verdict.FAIL, 0.2)
    assert f"1 of 2 pictures are wrong, first {op}: chroma SSIM 0.2000" in check.detail


def test_all_reasons_are_told(story: Story) -> None:
    story.fault()
    op = story.canary(5.0, scored=False)
    story.say(6.0, "note", "score", op=op, correct=False, reasons=["too grey", "too small"])
    assert f"first {op}: too grey; too small; worst of" in story.check("colour").detail


def test_a_wrong_picture_fails_without_evidence_too(story: Story) -> None:
    story.fault(seen=None)
    story.canary(0.1, correct=False)
    assert story.check("colour").verdict is Verdict.FAIL


def test_correct_pictures_without_evidence_are_unknown(story: Story) -> None:
    story.fault(seen=None)
    story.canary(5.0)
    assert "no peer" in story.check("colour").detail
    assert story.check("colour").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("how", [{"site": "primary"}, {"answered": False}, {"took": None}])
def test_what_the_expected_site_did_not_answer_is_not_its_matter(
    story: Story, how: dict[str, str]
) -> None:
    story.fault()
    story.canary(5.0)
    story.canary(6.0, correct=False, **how)  # type: ignore[arg-type]
    assert story.check("colour").verdict is Verdict.PASS


def test_pictures_from_before_the_evidence_are_not_its_matter(story: Story) -> None:
    story.fault(seen=2.0)
    story.canary(2.0, correct=False)
    story.canary(2.001)
    assert story.check("colour").verdict is Verdict.PASS


@pytest.mark.parametrize("how", [{"scored": False}, {"correct": None}, {"cached": True}])
def test_an_undecided_picture_makes_it_unknown(story: Story, how: dict[str, bool]) -> None:
    story.fault()
    story.canary(5.0)
    op = story.canary(6.0, **how)  # type: ignore[arg-type]
    check = story.check("colour")
    assert check.verdict is Verdict.UNKNOWN
    assert op in check.detail


def test_no_picture_is_unknown(story: Story) -> None:
    story.fault()
    story.canary(5.0, answered=False)
    check = story.check("colour")
    assert check.verdict is Verdict.UNKNOWN
    assert "none of 0 pictures" in check.detail
    assert story.outcome().actuals.chroma_ssim_min is None


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.canary(5.0)
    assert story.check("colour").verdict is Verdict.UNKNOWN


def test_a_score_without_figures_is_still_a_score(story: Story) -> None:
    story.fault()
    op = story.canary(5.0, scored=False)
    story.say(6.0, "note", "score", op=op, correct=False, reasons=["it is not a PNG"], scores=None)
    check = story.check("colour")
    assert (check.verdict, check.value) == (Verdict.FAIL, None)
    assert "it is not a PNG" in check.detail


@pytest.mark.parametrize("kind", ["canary", "verifycan"])
@pytest.mark.parametrize("key", list(BAD))
def test_a_picture_that_is_called_correct_and_is_beyond_a_bound_fails(
    story: Story, key: str, kind: str
) -> None:
    story.fault()
    story.canary(5.0)
    op = story.canary(6.0, figures={**GOOD, key: BAD[key]}, kind=kind)
    check = story.check("colour")
    assert check.verdict is Verdict.FAIL
    assert check.value == (BAD[key] if key == "chroma_ssim" else GOOD["chroma_ssim"])
    assert f"called correct, and not within the bounds: {op}; worst of 2" in check.detail


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf"), "0.9999", True])
def test_a_figure_that_is_no_number_is_within_no_bound_and_unmeasured(
    story: Story, value: Any
) -> None:
    story.fault()
    story.canary(5.0, figures={**GOOD, "chroma_ssim": value})
    check = story.check("colour")
    assert (check.verdict, check.value) == (Verdict.FAIL, None)
    assert "chroma_ssim_min unmeasured" in check.detail
    story.canary(6.0)
    assert story.check("colour").value == GOOD["chroma_ssim"]


@pytest.mark.parametrize("kind", ["canary", "verifycan"])
@pytest.mark.parametrize("scores", [None, {}, "high", {"other": 1.0}])
def test_a_picture_that_is_called_correct_and_was_not_measured_is_unknown(
    story: Story, scores: Any, kind: str
) -> None:
    story.fault()
    op = story.canary(5.0, scored=False, kind=kind)
    story.say(6.0, "note", "score", op=op, correct=True, reasons=[], scores=scores)
    check = story.check("colour")
    assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
    assert f"1 of 1 pictures are called correct and not measured, first {op}: no" in check.detail
    assert "no chroma_ssim, chroma_tile, luma_ssim, delta_e; worst of 1" in check.detail


@pytest.mark.parametrize("key", list(GOOD))
def test_each_of_the_four_figures_must_be_measured_of_every_picture(story: Story, key: str) -> None:
    story.fault()
    story.canary(5.0)
    figures = {name: value for name, value in GOOD.items() if name != key}
    op = story.canary(6.0, figures=figures)
    check = story.check("colour")
    assert check.verdict is Verdict.UNKNOWN
    assert f"1 of 2 pictures are called correct and not measured, first {op}: no {key};" in (
        check.detail
    )


def test_one_that_is_beyond_its_bound_fails_though_another_was_not_measured(story: Story) -> None:
    story.fault()
    story.canary(5.0, figures={"chroma_ssim": 1.0})
    story.canary(6.0, figures={**GOOD, "delta_e": BAD["delta_e"]})
    assert story.check("colour").verdict is Verdict.FAIL


def test_figures_at_their_bounds_pass(story: Story) -> None:
    bounds = story.scenario.objectives
    at_bounds = {
        "chroma_ssim": bounds.chroma_ssim_min,
        "chroma_tile": bounds.chroma_tile_min,
        "luma_ssim": bounds.luma_ssim_min,
        "delta_e": bounds.delta_e_max,
    }
    story.fault()
    story.canary(5.0, figures=at_bounds)
    assert story.check("colour").verdict is Verdict.PASS


def test_figures_of_an_undecided_score_are_not_judged(story: Story) -> None:
    story.fault()
    story.canary(5.0)
    story.canary(6.0, correct=None, figures=BAD)
    assert story.check("colour").verdict is Verdict.UNKNOWN


def test_a_drill_whose_figures_are_beyond_the_bounds_does_not_pass(healthy: Story) -> None:
    healthy.canary(26.5, figures=BAD)
    assert healthy.failed() == {"colour"}


class TestBadOutput:
    def seconds(self, story: Story) -> float | None:
        return story.outcome().actuals.bad_output_s

    def test_wrong_pictures_count_until_a_correct_one_is_held(self, story: Story) -> None:
        story.canary(1.0, took=0.5)
        story.canary(2.0, took=0.5, correct=False)
        story.canary(4.0, took=0.5, correct=False, site="primary")
        story.canary(6.0, took=1.0)
        story.canary(8.0)
        assert self.seconds(story) == 4.5

    def test_they_count_until_a_canary_finds_the_service_down(self, story: Story) -> None:
        story.canary(2.0, took=0.5, correct=False)
        story.canary(3.0, took=12.0, answered=False)
        story.canary(20.0)
        assert self.seconds(story) == 0.5

    def test_a_canary_that_says_nothing_ends_nothing(self, story: Story) -> None:
        story.canary(2.0, took=0.5, correct=False)
        story.canary(3.0, scored=False)
        story.canary(4.0, took=0.5)
        assert self.seconds(story) == 2.0

    def test_a_second_period_adds_up(self, story: Story) -> None:
        for second, correct in ((1.0, False), (2.0, True), (3.0, False), (4.0, False)):
            story.canary(second, correct=correct)
        assert self.seconds(story) == 2.0

    def test_without_pictures_it_is_unmeasured(self, story: Story) -> None:
        story.canary(1.0, answered=False)
        assert self.seconds(story) is None

    def test_the_runbooks_own_canaries_reach_no_user(self, story: Story) -> None:
        story.canary(1.0)
        story.canary(2.0, correct=False, kind="verifycan")
        story.canary(3.0)
        assert self.seconds(story) == 0.0
