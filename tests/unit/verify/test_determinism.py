from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import Recovery
from unit.verify.conftest import BAD, GOOD

if TYPE_CHECKING:
    from unit.verify.conftest import Story

NAME = "determinism"


def drill(story: Story) -> Story:
    """Two canaries, each once before the fault and once at the restored site itself."""
    story.fault()
    for name in ("person", "building"):
        story.canary(-5.0, site="primary", name=name, pixels=name)
        story.canary(9.0, kind="verifycan", name=name, pixels=name)
    return story


def test_equal_pixels_pass(story: Story) -> None:
    drill(story).canary(15.0, name="person", pixels="person")
    check = story.check(NAME)
    bound = story.scenario.objectives.chroma_ssim_min
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 1.0, bound)
    assert check.detail == "5 pictures of building, person have equal pixels, before and after"


def test_other_pixels_within_the_bounds_pass_and_it_says_so(story: Story) -> None:
    drill(story).canary(15.0, name="person", pixels="other")
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.PASS, GOOD["chroma_ssim"])
    assert "those of person differ in their pixels; each is within the bounds" in check.detail


def test_pictures_without_hashes_pass_by_their_figures(story: Story) -> None:
    story.fault()
    story.canary(-5.0, site="primary", pixels=None)
    story.canary(9.0, pixels="f0")
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.PASS, GOOD["chroma_ssim"])
    assert "those of person have no hash of their pixels" in check.detail


@pytest.mark.parametrize("key", list(GOOD))
def test_other_pixels_beyond_a_bound_fail(story: Story, key: str) -> None:
    op = drill(story).canary(15.0, pixels="other", figures={**GOOD, key: BAD[key]})
    check = story.check(NAME)
    assert check.verdict is Verdict.FAIL
    assert check.detail == f"called correct, and not within the bounds: {op}"


@pytest.mark.parametrize(
    ("key", "bound"),
    [("chroma_ssim", "chroma_ssim_min"), ("chroma_tile", "chroma_tile_min"),
     ("luma_ssim", "luma_ssim_min"), ("delta_e", "delta_e_max")],
)  # fmt: skip
def test_a_figure_at_its_bound_is_within(story: Story, key: str, bound: str) -> None:
    value = getattr(story.scenario.objectives, bound)
    drill(story).canary(15.0, pixels="other", figures={**GOOD, "delta_e": 0.0, key: value})
    assert story.check(NAME).verdict is Verdict.PASS


def test_equal_pixels_need_no_figures_and_others_do(story: Story) -> None:
    drill(story).canary(15.0, pixels="person", figures={"other": 1.0})
    assert story.check(NAME).verdict is Verdict.PASS
    story.canary(16.0, pixels="unlike", figures={"other": 1.0})
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert "pixels of person differ" in check.detail


@pytest.mark.parametrize("key", list(GOOD))
def test_each_of_the_four_figures_must_be_measured_where_pixels_differ(
    story: Story, key: str
) -> None:
    figures = {name: value for name, value in GOOD.items() if name != key}
    op = drill(story).canary(15.0, pixels="other", figures=figures)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
    assert check.detail.endswith(f"1 of 3 pictures lack figures, first {op}: no {key}")


@pytest.mark.parametrize("how", [{"correct": False}, {"cached": True}, {"scored": False},
                                 {"site": "primary"}, {"site": None}], ids=str)  # fmt: skip
def test_what_is_no_correct_picture_of_the_restored_site_is_not_its_matter(
    story: Story, how: dict[str, Any]
) -> None:
    drill(story).canary(15.0, pixels="other", **how)
    assert story.check(NAME).value == 1.0


@pytest.mark.parametrize(
    ("sent", "site", "told"),
    [
        (-5.0, "primary", "no correct picture dr of crop"),
        (9.0, "dr", "no correct picture before the fault of crop"),
    ],
)
def test_a_canary_of_one_side_alone_is_unknown(
    story: Story, sent: float, site: str, told: str
) -> None:
    drill(story).canary(sent, site=site, name="crop")
    check = story.check(NAME)
    assert (check.verdict, check.detail) == (Verdict.UNKNOWN, told)


def test_no_correct_picture_at_all_is_unknown(story: Story) -> None:
    story.fault()
    story.canary(9.0, correct=False)
    assert story.check(NAME).detail == "there is no correct picture"


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.canary(-5.0, site="primary")
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_a_picture_that_was_under_way_at_the_fault_is_of_neither_side(story: Story) -> None:
    drill(story).canary(-0.2, site="primary", took=0.5, pixels="other")
    story.canary(0.0, site="dr", pixels="other")
    assert story.check(NAME).value == 1.0


@pytest.mark.parametrize("recovery", [Recovery.IN_PLACE, Recovery.UNAIDED])
def test_without_a_failover_it_is_before_against_after(story: Story, recovery: Recovery) -> None:
    story.scenario = replace(story.scenario, recovery=recovery)
    story.fault()
    story.canary(-5.0, site="primary", pixels="a")
    assert story.check(NAME).detail == "no correct picture after the fault of person"
    story.canary(9.0, site="primary", pixels="a")
    assert story.check(NAME).value == 1.0
    story.canary(10.0, site="primary", pixels="b", figures=BAD)
    assert story.check(NAME).verdict is Verdict.FAIL
