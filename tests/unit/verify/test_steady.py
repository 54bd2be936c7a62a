from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


NAME = "steady_state"


def steady(story: Story, count: int = 6) -> Story:
    story.fault()
    for number in range(count):
        story.canary(-10.0 + number, site="primary")
    return story


@pytest.mark.parametrize(("count", "verdict"), [(5, Verdict.UNKNOWN), (6, Verdict.PASS)])
def test_six_correct_canaries_in_a_row_are_steady(
    story: Story, count: int, verdict: Verdict
) -> None:
    check = steady(story, count).check(NAME)
    assert (check.verdict, check.bound) == (verdict, 6)
    assert f"{count} correct canaries in a row" in check.detail
    assert check.value == (6 if verdict is Verdict.PASS else None)


@pytest.mark.parametrize(
    "how",
    [
        {"correct": False},
        {"answered": False},
        {"scored": False},
        {"correct": None},
        {"cached": True},
        {"site": "dr"},
        {"site": None},
    ],
    ids=str,
)
def test_anything_else_directly_before_the_fault_is_unknown(
    story: Story, how: dict[str, str]
) -> None:
    steady(story)
    op = story.canary(-2.0, **({"site": "primary"} | how))  # type: ignore[arg-type]
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert op in check.detail


def test_a_failure_before_the_six_is_forgiven(story: Story) -> None:
    story.canary(-20.0, correct=False, site="primary")
    assert steady(story).check(NAME).verdict is Verdict.PASS


@pytest.mark.parametrize("took", [2.0, None])
def test_a_canary_under_way_at_the_fault_does_not_count(story: Story, took: float | None) -> None:
    steady(story).canary(-2.0, answered=False, took=took, site="primary")
    assert story.check(NAME).verdict is Verdict.PASS


@pytest.mark.parametrize(("last", "verdict"), [(-13.5, Verdict.PASS), (-13.501, Verdict.UNKNOWN)])
def test_it_must_be_directly_before_the_fault(story: Story, last: float, verdict: Verdict) -> None:
    story.fault()
    for number in range(6):
        story.canary(last - 5 + number, site="primary")
    check = story.check(NAME)
    assert check.verdict is verdict
    assert "submitted 13.5 s before" in check.detail


def test_no_canary_is_unknown(story: Story) -> None:
    story.fault()
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.before()
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_the_canary_that_broke_the_row_is_named(story: Story) -> None:
    story.fault()
    story.canary(-9.0, site="primary")
    op = story.canary(-8.0, site="primary", correct=False)
    story.canaries(-7.0, -4.0, site="primary")
    detail = story.check(NAME).detail
    assert "3 correct canaries in a row" in detail
    assert f"{op} was wrong (site primary): chroma SSIM" in detail
