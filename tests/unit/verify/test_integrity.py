from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.catalogue import HOST_POWER_LOSS

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def drill(story: Story) -> Story:
    """The restored point is p2, whose copy began at -8 s."""
    story.fault()
    story.snapshot("p1", -12.0)
    story.snapshot("p2", -8.0)
    story.snapshot("p3", -4.0)
    story.item("workflows/kept.json", -10.0)
    story.runbook(point="p2")
    return story


class TestIntegrity:
    def test_what_came_after_the_copy_may_be_gone(self, story: Story) -> None:
        drill(story).item("workflows/a.json", -8.0, "corrupt")
        story.item("workflows/b.json", -1.0, "lost")
        check = story.check("integrity")
        assert (check.verdict, check.value) == (Verdict.PASS, 0)
        assert "2 are gone" in check.detail

    @pytest.mark.parametrize("outcome", ["corrupt", "lost"])
    def test_what_the_point_must_hold_may_not(self, story: Story, outcome: str) -> None:
        drill(story).item("workflows/a.json", -8.001, outcome)
        story.item("workflows/unread.json", -9.0, None)
        check = story.check("integrity")
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 1, 0)
        assert f"workflows/a.json ({outcome}: as read)" in check.detail

    def test_an_item_whose_reading_says_no_more_is_named_with_its_outcome(
        self, story: Story
    ) -> None:
        drill(story).item("workflows/a.json", -9.0, None)
        story.operation("readback", 90.0, 90.1, item="workflows/a.json", outcome="lost")
        assert story.check("integrity").detail.endswith("are not right: workflows/a.json (lost)")

    @pytest.mark.parametrize("acked", [-10.0, -1.0, 5.0])
    def test_an_unread_item_makes_it_unknown(self, story: Story, acked: float) -> None:
        drill(story).item("workflows/unread.json", acked, None)
        check = story.check("integrity")
        assert check.verdict is Verdict.UNKNOWN
        assert "1 of 2" in check.detail

    def test_nothing_acknowledged_is_unknown(self, story: Story) -> None:
        story.fault()
        assert "nothing was acknowledged" in story.check("integrity").detail

    def test_without_a_fault_it_is_unknown(self, story: Story) -> None:
        story.before()
        assert story.check("integrity").verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize("outcome", ["lost", "corrupt"])
    def test_a_loss_without_a_restored_point_is_unknown(self, story: Story, outcome: str) -> None:
        story.fault()
        story.item("workflows/a.json", -1.0, outcome)
        assert story.check("integrity").verdict is Verdict.UNKNOWN

    def test_a_restored_point_that_nobody_took_is_unknown(self, story: Story) -> None:
        drill(story).item("workflows/a.json", -9.0, "corrupt")
        story.told = [each for each in story.told if each.kind != "snapshot"]
        check = story.check("integrity")
        assert check.verdict is Verdict.UNKNOWN
        assert check.detail.endswith("no step says which point was restored")

    def test_no_loss_needs_no_restored_point(self, story: Story) -> None:
        story.fault()
        story.item("workflows/a.json", -1.0)
        assert story.check("integrity").verdict is Verdict.PASS

    def test_the_point_mounted_last_counts(self, story: Story) -> None:
        drill(story).item("workflows/a.json", -6.0, "corrupt")
        assert story.check("integrity").verdict is Verdict.PASS
        story.operation("step", 12.0, 13.0, step="mount", point="p3", detail="")
        assert story.check("integrity").verdict is Verdict.FAIL

    def test_a_mount_that_failed_restored_nothing(self, story: Story) -> None:
        drill(story).item("workflows/a.json", -6.0, "corrupt")
        story.operation("step", 12.0, 13.0, "fail", step="mount", point="p3", detail="")
        assert story.check("integrity").verdict is Verdict.PASS

    def test_what_was_acknowledged_at_the_fault_is_not_its_matter(self, story: Story) -> None:
        story.fault()
        story.item("workflows/a.json", 0.0, "lost")
        assert story.check("integrity").verdict is Verdict.PASS
        assert story.outcome().counts.lost == 0

    def test_what_was_acknowledged_is_counted_without_a_fault_and_without_items_too(
        self, story: Story
    ) -> None:
        story.job("undone", -6.0, None)
        assert story.outcome().counts.accepted == 1
        story.fault()
        assert story.outcome().counts.accepted == 1

    def test_everything_is_counted(self, story: Story) -> None:
        drill(story).item("workflows/lost.json", -1.0, "lost")
        story.item("workflows/corrupt.json", -1.0, "corrupt")
        story.item("workflows/unread.json", -1.0, None)
        story.item("workflows/after.json", 5.0, "lost")
        story.item("workflows/after-unread.json", 5.0, None)
        story.job("done", -6.0, -5.0)
        story.job("undone", -6.0, None, given_up=6.0)
        counts = story.outcome().counts
        assert (counts.accepted, counts.completed, counts.delivered) == (2, 1, 1)
        assert (counts.lost, counts.corrupt, counts.unknown) == (1, 1, 2)
        assert (counts.lost_after_fault, counts.jobs_lost) == (1, 1)


class TestLostAfterFault:
    NAME = "lost_after_fault"

    def test_what_is_there_passes(self, story: Story) -> None:
        drill(story).item("workflows/a.json", 0.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0, 0)
        assert "1 items were acknowledged after" in check.detail

    @pytest.mark.parametrize("outcome", ["lost", "corrupt"])
    def test_what_is_gone_fails_and_is_named(self, story: Story, outcome: str) -> None:
        drill(story).item("workflows/a.json", 0.0, outcome)
        story.item("workflows/unread.json", 5.0, None)
        check = story.check(self.NAME)
        assert (check.verdict, check.value) == (Verdict.FAIL, 1)
        assert "workflows/a.json at 0.00 s" in check.detail

    def test_the_scenario_may_allow_some(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, lost_after_fault_max=1)
        story.scenario = replace(story.scenario, objectives=objectives)
        drill(story).item("workflows/a.json", 0.1, "lost")
        assert story.check(self.NAME).verdict is Verdict.PASS
        story.item("workflows/b.json", 0.2, "lost")
        assert story.check(self.NAME).verdict is Verdict.FAIL

    def test_the_dying_host_may_leave_three_behind_and_no_fourth(self, story: Story) -> None:
        story.scenario = HOST_POWER_LOSS
        drill(story)
        for number in range(3):
            story.item(f"workflows/{number}.json", 0.1, "lost")
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 3, 3)
        story.item("workflows/fourth.json", 0.1, "lost")
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 4, 3)

    @pytest.mark.parametrize("outcome", ["lost", "corrupt"])
    @pytest.mark.parametrize(("acked", "verdict"), [(0.6, Verdict.PASS), (0.601, Verdict.FAIL)])
    def test_what_is_allowed_ends_with_the_evidence(
        self, story: Story, acked: float, outcome: str, verdict: Verdict
    ) -> None:
        story.scenario = HOST_POWER_LOSS
        drill(story).item("workflows/a.json", acked, outcome)
        story.item("workflows/unread.json", 5.0, None if verdict is Verdict.FAIL else "present")
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (verdict, 1, 3)
        assert story.outcome().counts.lost_after_fault == 1

    def test_without_evidence_it_does_not_end_and_the_drill_does_not_pass(
        self, healthy: Story
    ) -> None:
        unseen = healthy.without("evidence")
        unseen.scenario = HOST_POWER_LOSS
        unseen.item("workflows/a.json", 0.601, "lost")
        assert unseen.check(self.NAME).verdict is Verdict.PASS
        assert unseen.outcome().verdict is Verdict.UNKNOWN

    def test_an_unread_item_makes_it_unknown(self, story: Story) -> None:
        drill(story).item("workflows/a.json", 5.0, "unknown")
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_nothing_acknowledged_after_the_fault_is_unknown(self, story: Story) -> None:
        drill(story).item("workflows/a.json", -0.001, "lost")
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "nothing was acknowledged after" in check.detail

    def test_without_a_fault_it_is_unknown(self, story: Story) -> None:
        story.before()
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN


class TestJobsLost:
    NAME = "jobs_lost"

    def detected(self, story: Story) -> Story:
        story.fault()
        story.say(3.0, "note", "detect", canaries=[])
        return story

    def test_completed_jobs_are_not_lost(self, story: Story) -> None:
        self.detected(story).job("a", -5.0, -3.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0, 0)

    @pytest.mark.parametrize("accepted", [-5.0, 0.0, 0.001, 3.0])
    def test_jobs_in_flight_and_accepted_until_detection_may_be(
        self, story: Story, accepted: float
    ) -> None:
        self.detected(story).job("a", accepted, None, given_up=30.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 1, 1)

    def test_a_job_accepted_after_detection_may_not(self, story: Story) -> None:
        self.detected(story).job("a", 3.001, None, given_up=30.0, refused=True)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 1, 0)

    def test_one_that_merely_outlived_its_limit_there_is_undecided(self, story: Story) -> None:
        self.detected(story).job("a", 3.001, None, given_up=30.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.UNKNOWN, None, 0)
        assert "0 of 1 accepted jobs never completed and 1 are undecided" in check.detail
        assert story.outcome().counts.jobs_lost == 0

    def test_undecided_jobs_within_the_bound_do_no_harm(self, story: Story) -> None:
        self.detected(story).job("a", -1.0, 3.5)
        story.job("b", 20.0, None, given_up=32.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 0, 1)

    @pytest.mark.parametrize("refused", [True, False])
    @pytest.mark.parametrize(
        ("given_up", "verdict", "bound"),
        [(-0.001, Verdict.FAIL, 0), (0.0, Verdict.FAIL, 0), (0.001, Verdict.PASS, 1)],
    )
    def test_a_job_given_up_by_the_fault_was_not_in_flight(
        self, story: Story, given_up: float, refused: bool, verdict: Verdict, bound: int
    ) -> None:
        self.detected(story).job("a", -5.0, None, given_up=given_up, refused=refused)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (verdict, 1, bound)

    def test_slack_is_added(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, jobs_lost_max_slack=1)
        story.scenario = replace(story.scenario, objectives=objectives)
        self.detected(story).job("a", 4.0, None, given_up=30.0, refused=True)
        assert story.check(self.NAME).verdict is Verdict.PASS
        story.job("b", 5.0, None, given_up=30.0, refused=True)
        assert story.check(self.NAME).verdict is Verdict.FAIL

    @pytest.mark.parametrize(("completed", "bound"), [(0.0, 0), (0.001, 1)])
    def test_a_job_completed_by_the_fault_was_not_in_flight(
        self, story: Story, completed: float, bound: int
    ) -> None:
        self.detected(story).job("a", -5.0, completed)
        assert story.check(self.NAME).bound == bound

    def test_jobs_still_awaited_beyond_the_bound_are_unknown(self, story: Story) -> None:
        self.detected(story).job("a", 20.0, None)
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "0 of 1 accepted jobs never completed and 1 are undecided" in check.detail
        story.job("b", -1.0, None, given_up=30.0)
        detail = story.check(self.NAME).detail
        assert "1 of 2 accepted jobs never completed and 1 are undecided" in detail
        assert story.outcome().counts.jobs_lost == 1

    def test_undetected_the_bound_of_later_jobs_is_unknown(self, story: Story) -> None:
        story.fault()
        story.job("a", 1.0, None, given_up=30.0)
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "undetected" in check.detail

    def test_undetected_what_was_in_flight_may_be_lost(self, story: Story) -> None:
        story.fault()
        story.job("a", -1.0, None, given_up=30.0)
        assert story.check(self.NAME).verdict is Verdict.PASS

    def test_no_job_is_unknown(self, story: Story) -> None:
        assert self.detected(story).check(self.NAME).verdict is Verdict.UNKNOWN

    def test_without_a_fault_it_is_unknown(self, story: Story) -> None:
        story.job("a", -5.0, -3.0)
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN
