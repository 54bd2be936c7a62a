from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict
from colordrill.verify.judged import NO_FAULT

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def drill(story: Story) -> Story:
    story.fault()
    for number, began in enumerate((-16.0, -12.0, -8.0, -4.0), start=1):
        story.snapshot(f"p{number}", began)
    story.item("workflows/newest.json", -1.0)
    return story


def test_nothing_lost_is_zero_seconds(story: Story) -> None:
    check = drill(story).check("rpo")
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0.0, 8.0)


@pytest.mark.parametrize("outcome", ["lost", "corrupt"])
@pytest.mark.parametrize(("acked", "verdict"), [(-8.0, Verdict.PASS), (-8.001, Verdict.FAIL)])
def test_the_oldest_item_gone_counts_to_the_promise_of_the_backups(
    story: Story, acked: float, outcome: str, verdict: Verdict
) -> None:
    drill(story).item("workflows/older.json", acked, outcome)
    story.item("workflows/newer.json", -2.0, "lost")
    check = story.check("rpo")
    assert (check.verdict, check.value) == (verdict, -acked)
    assert "workflows/older.json" in check.detail
    assert "2 of 3" in check.detail
    assert story.outcome().actuals.rpa_s == -acked


def test_the_objective_bounds_where_it_is_tighter(story: Story) -> None:
    objectives = replace(story.scenario.objectives, rpo_s=3.0)
    story.scenario = replace(story.scenario, objectives=objectives)
    drill(story).item("workflows/older.json", -3.0, "lost")
    assert story.check("rpo").verdict is Verdict.PASS
    assert story.check("rpo").bound == 3.0
    story.item("workflows/oldest.json", -3.5, "lost")
    check = story.check("rpo")
    assert check.verdict is Verdict.FAIL
    assert "the objective is 3 s" in check.detail
    assert "promise" not in check.detail


def test_what_was_acknowledged_just_before_the_fault_is_less_than_a_second_lost(
    story: Story,
) -> None:
    drill(story).item("workflows/young.json", -0.4, "lost")
    assert story.check("rpo").value == 0.4


def test_what_lacks_points_says_what_it_would_have_been_measured_against(story: Story) -> None:
    story.fault()
    story.item("workflows/newest.json", -1.0)
    assert story.check("rpo").bound == 8.0


def test_a_failure_names_every_bound_that_was_exceeded(story: Story) -> None:
    drill(story).item("workflows/older.json", -11.0, "lost")
    detail = story.check("rpo").detail
    assert "the objective is 10 s" in detail
    assert "the backups promise 8 s" in detail


def test_a_bound_that_was_met_exactly_is_not_named(story: Story) -> None:
    drill(story).item("workflows/older.json", -10.0, "lost")
    assert "the objective" not in story.check("rpo").detail
    assert "the backups promise" in story.check("rpo").detail
    objectives = replace(story.scenario.objectives, rpo_s=3.0)
    pace = replace(story.scenario.pace, backup_interval_s=6.0)
    story.scenario = replace(story.scenario, objectives=objectives, pace=pace)
    assert "the objective is 3 s" in story.check("rpo").detail
    assert "the backups promise" not in story.check("rpo").detail


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.before()
    assert story.check("rpo").verdict is Verdict.UNKNOWN
    check = story.check("rpo")
    assert (check.bound, check.detail) == (8.0, NO_FAULT)


@pytest.mark.parametrize("outcome", [None, "unknown", "nonsense"])
def test_an_item_that_was_not_read_makes_it_unknown(story: Story, outcome: str | None) -> None:
    drill(story).item("workflows/unread.json", -6.0, outcome)
    check = story.check("rpo")
    assert check.verdict is Verdict.UNKNOWN
    assert "workflows/unread.json" in check.detail
    assert story.outcome().actuals.rpa_s is None


def test_a_failure_stands_whatever_else_was_not_read(story: Story) -> None:
    drill(story).item("workflows/unread.json", -6.0, None)
    story.item("workflows/older.json", -9.0, "lost")
    assert story.check("rpo").verdict is Verdict.FAIL


def test_three_points_must_precede_the_fault(story: Story) -> None:
    story.fault()
    story.item("workflows/newest.json", -1.0)
    story.snapshot("p1", -12.0)
    story.snapshot("p2", -8.0)
    story.snapshot("failed", -6.0, type_="fail")
    story.snapshot("unended", -5.5, took=None)
    story.snapshot("late", -5.0, took=5.0)
    check = story.check("rpo")
    assert check.verdict is Verdict.UNKNOWN
    assert "2 recovery points precede" in check.detail
    story.snapshot("p3", -4.0, took=3.999)
    assert story.check("rpo").verdict is Verdict.PASS


def test_a_point_that_was_published_several_times_is_one(story: Story) -> None:
    story.fault()
    story.item("workflows/newest.json", -1.0)
    for began in (-16.0, -12.0, -8.0, -4.0):
        story.snapshot("p4", began)
    story.snapshot("p5", -2.5)
    check = story.check("rpo")
    assert check.verdict is Verdict.UNKNOWN
    assert "2 recovery points precede" in check.detail


@pytest.mark.parametrize(("acked", "verdict"), [(-4.0, Verdict.UNKNOWN), (-3.999, Verdict.PASS)])
def test_something_must_be_at_risk(story: Story, acked: float, verdict: Verdict) -> None:
    story.fault()
    for number, began in enumerate((-12.0, -8.0, -4.0)):
        story.snapshot(f"p{number}", began)
    story.item("workflows/only.json", acked)
    story.item("workflows/after.json", 1.0)
    check = story.check("rpo")
    assert check.verdict is verdict
    assert verdict is Verdict.PASS or "nothing was acknowledged between" in check.detail


def test_items_acknowledged_from_the_fault_on_are_not_its_matter(story: Story) -> None:
    drill(story).item("workflows/at.json", 0.0, "lost")
    story.item("workflows/after.json", 5.0, None)
    check = story.check("rpo")
    assert (check.verdict, check.value) == (Verdict.PASS, 0.0)
    assert "all 1 items" in check.detail


def test_an_output_counts_from_its_completion(story: Story) -> None:
    drill(story).job("slow", -7.0, -3.0, outcome="lost")
    assert story.check("rpo").value == 3.0


class TestUnderWayAtTheFault:
    """The copy of p4 begins at -1 s and is published after the fault."""

    def drill(self, story: Story, acked: float) -> Story:
        story.fault()
        for number, began in enumerate((-12.0, -8.0, -4.0), start=1):
            story.snapshot(f"p{number}", began)
        story.snapshot("p4", -1.0, took=2.0)
        story.item("workflows/only.json", acked)
        return story

    @pytest.mark.parametrize(
        ("acked", "verdict"), [(-1.0, Verdict.UNKNOWN), (-0.999, Verdict.PASS)]
    )
    def test_restored_it_is_what_work_must_follow(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        self.drill(story, acked).runbook(point="p4")
        check = story.check("rpo")
        assert check.verdict is verdict
        assert verdict is Verdict.PASS or "the newest point (p4) and the fault" in check.detail

    @pytest.mark.parametrize("point", ["p3", "unheard of"])
    def test_unless_it_was_restored_it_does_not_count(self, story: Story, point: str) -> None:
        self.drill(story, -1.0).runbook(point=point)
        assert story.check("rpo").verdict is Verdict.PASS

    def test_nor_where_mounting_it_failed(self, story: Story) -> None:
        self.drill(story, -1.0)
        story.operation("step", 5.0, 6.0, "fail", step="mount", point="p4", detail="no space")
        assert story.check("rpo").verdict is Verdict.PASS

    def test_it_does_not_make_up_for_points_before_the_fault(self, story: Story) -> None:
        self.drill(story, -0.5).runbook(point="p4")
        story.told = [each for each in story.told if each.data.get("point") != "p1"]
        assert "2 recovery points precede" in story.check("rpo").detail


def test_a_point_that_a_cut_off_primary_began_later_is_no_measure_of_what_was_at_risk(
    story: Story,
) -> None:
    """It holds whatever was acknowledged before the fault; the last one before it need not."""
    drill(story).snapshot("p5", 2.0)
    story.runbook(point="p5")

    assert story.check("rpo").verdict is Verdict.PASS


def test_the_point_that_was_under_way_at_the_fault_and_restored_is_the_measure(
    story: Story,
) -> None:
    drill(story).snapshot("p5", -0.5)
    story.runbook(point="p5")

    check = story.check("rpo")

    assert check.verdict is Verdict.UNKNOWN
    assert "p5" in check.detail


@pytest.mark.parametrize(("acked", "verdict"), [(-12.0, Verdict.PASS), (-12.001, Verdict.FAIL)])
def test_where_a_copy_off_site_may_be_restored_the_promise_counts_from_copy_to_copy(
    story: Story, acked: float, verdict: Verdict
) -> None:
    objectives = replace(story.scenario.objectives, rpo_s=60.0)
    story.scenario = replace(story.scenario, offsite_every=2, objectives=objectives)
    drill(story).item("workflows/older.json", acked, "lost")

    check = story.check("rpo")

    assert (check.verdict, check.bound) == (verdict, 12.0)
