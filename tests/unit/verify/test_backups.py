from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


NAME = "backup_promise"


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.snapshot("p1", -8.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("took", "verdict"), [(4.0, Verdict.PASS), (4.001, Verdict.FAIL)])
def test_a_backup_longer_than_declared_fails(story: Story, took: float, verdict: Verdict) -> None:
    story.fault()
    story.snapshot("quick", -14.0)
    story.snapshot("slow", -7.0, took=took)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (verdict, took, 4.0)
    assert verdict is Verdict.PASS or "slow took 4.00 s" in check.detail


def test_a_failed_backup_before_the_fault_fails(story: Story) -> None:
    story.fault()
    story.snapshot("broken", -7.0, type_="fail")
    check = story.check(NAME)
    assert check.verdict is Verdict.FAIL
    assert "1 times the promise was broken: broken failed" in check.detail


@pytest.mark.parametrize("type_", ["fail", "ok"])
def test_a_backup_that_the_fault_interrupted_counts_only_until_then(
    story: Story, type_: str
) -> None:
    story.fault()
    story.snapshot("whole", -8.0)
    story.snapshot("cut", -1.0, took=9.0, type_=type_)
    story.snapshot("later", 0.0, took=9.0, type_=type_)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.PASS, 1.0)
    assert "1 backups before the fault" in check.detail


def test_a_backup_that_was_overdue_at_the_fault_fails(story: Story) -> None:
    story.fault()
    story.snapshot("stuck", -5.0, took=None)
    assert story.check(NAME).verdict is Verdict.FAIL


def test_without_a_finished_backup_it_is_unknown(story: Story) -> None:
    story.fault()
    story.snapshot("cut", -1.0, took=None)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_the_fault_itself_is_the_boundary(story: Story) -> None:
    story.fault()
    story.snapshot("ends at the fault", -2.0, took=2.0, type_="fail")
    story.snapshot("begins at the fault", 0.0, took=1.0, type_="fail")
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    story.snapshot("whole", -9.0)
    assert story.check(NAME).verdict is Verdict.PASS


class TestGaps:
    """The interval is 4 s and the declared duration 4 s: one must begin every 8 s."""

    @pytest.mark.parametrize(("first", "verdict"), [(-13.0, Verdict.PASS), (-13.001, Verdict.FAIL)])
    def test_between_two_beginnings(self, story: Story, first: float, verdict: Verdict) -> None:
        story.fault()
        story.snapshot("late", -5.0)
        story.snapshot("early", first)
        check = story.check(NAME)
        assert (check.verdict, check.value, check.bound) == (verdict, 1.0, 4.0)
        assert verdict is Verdict.PASS or "no backup began for 8.00 s" in check.detail

    @pytest.mark.parametrize(("last", "verdict"), [(-8.0, Verdict.PASS), (-8.001, Verdict.FAIL)])
    def test_until_the_fault(self, story: Story, last: float, verdict: Verdict) -> None:
        story.fault()
        story.snapshot("p1", -12.0)
        story.snapshot("p2", last)
        story.snapshot("too late", 0.0)
        assert story.check(NAME).verdict is verdict

    def test_a_missing_one_fails_even_where_none_had_ended(self, story: Story) -> None:
        story.fault()
        story.snapshot("p1", -12.0, took=None)
        assert "12.00 s, no backup began for 12.00 s" in story.check(NAME).detail

    def test_every_gap_is_told(self, story: Story) -> None:
        story.fault()
        for began in (-40.0, -30.0, -25.0, -9.0):
            story.snapshot(f"at{began:g}", began)
        detail = story.check(NAME).detail
        assert "3 times the promise was broken" in detail
        for span in ("10.00", "16.00", "9.00"):
            assert f"no backup began for {span} s" in detail

    def test_an_interval_of_the_scenario_counts(self, story: Story) -> None:
        pace = replace(story.scenario.pace, backup_interval_s=6.0, backup_duration_max_s=3.0)
        story.scenario = replace(story.scenario, pace=pace)
        story.fault()
        story.snapshot("p1", -9.0)
        assert story.check(NAME).verdict is Verdict.PASS
        story.snapshot("p0", -18.001)
        assert story.check(NAME).verdict is Verdict.FAIL

    def test_backups_after_the_fault_are_not_its_matter(self, story: Story) -> None:
        story.fault()
        story.snapshot("p1", -4.0)
        story.snapshot("p2", 60.0)
        assert story.check(NAME).verdict is Verdict.PASS
