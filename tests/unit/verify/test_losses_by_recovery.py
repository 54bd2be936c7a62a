"""What may be lost after a repair in place, and where nobody helps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Check, Verdict
from colordrill.scenario.fault_spec import Detection, FaultSpec, Recovery

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def told(story: Story, name: str) -> tuple[Verdict, Any]:
    check: Check = story.check(name)
    return check.verdict, check.value


def in_place(story: Story, **changed: Any) -> Story:
    story.scenario = replace(story.scenario, recovery=Recovery.IN_PLACE, **changed)
    return story


def unaided(story: Story, **changed: Any) -> Story:
    """A link is down from 0 s to 5.5 s; nobody helps."""
    spec = FaultSpec("down", "link", duration_s=5.0)
    story.scenario = replace(story.scenario, faults=(spec,), recovery=Recovery.UNAIDED, **changed)
    story.fault(healed=None)
    story.operation("heal", 5.0, 5.5, name="down", target="link", scheduled=True)
    return story


class TestIntegrity:
    @pytest.mark.parametrize("outcome", ["lost", "corrupt"])
    def test_unaided_nothing_may_be_gone(self, story: Story, outcome: str) -> None:
        unaided(story).item("workflows/a.json", -0.2, outcome)
        check = story.check("integrity")
        assert (check.verdict, check.value) == (Verdict.FAIL, 1)
        assert "that a site that nobody restored must hold" in check.detail

    @pytest.mark.parametrize(("acked", "verdict"), [(-5.001, Verdict.FAIL), (-5.0, Verdict.PASS)])
    def test_unaided_unflushed_writes_may_be_gone_where_the_scenario_says_so(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        unaided(story, unflushed_max_s=5.0).item("workflows/a.json", acked, "lost")
        check = story.check("integrity")
        assert check.verdict is verdict
        assert "the disk (5 s before the fault)" in check.detail

    def test_unaided_a_restored_point_excuses_nothing(self, story: Story) -> None:
        unaided(story).snapshot("p4", -4.0)
        story.runbook()
        story.item("workflows/a.json", -0.2, "lost")
        assert story.check("integrity").verdict is Verdict.FAIL

    def test_unaided_with_everything_there_it_passes(self, story: Story) -> None:
        unaided(story).item("workflows/a.json", -0.2)
        assert told(story, "integrity") == (Verdict.PASS, 0)

    @pytest.mark.parametrize(("acked", "verdict"), [(-4.001, Verdict.FAIL), (-4.0, Verdict.PASS)])
    def test_in_place_the_restored_point_must_hold_its_own(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        in_place(story, repair=("output",)).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item("output/a.png", acked, "lost")
        assert story.check("integrity").verdict is verdict

    @pytest.mark.parametrize(
        ("repair", "name", "verdict"),
        [
            ("workflows/a.json", "workflows/a.json", Verdict.PASS),
            ("workflows/a.json", "workflows/a.json2", Verdict.FAIL),
            ("workflows/a.json", "output/workflows/a.json", Verdict.FAIL),
            ("output", "output/run/a.png", Verdict.PASS),
            ("output/", "output/run/a.png", Verdict.PASS),
            ("output", "outputs/a.png", Verdict.FAIL),
            ("output", "workflows/a.json", Verdict.FAIL),
        ],
    )
    def test_in_place_a_repair_excuses_only_what_it_brings_back(
        self, story: Story, repair: str, name: str, verdict: Verdict
    ) -> None:
        in_place(story, repair=("models/x", repair)).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item(name, -1.0, "lost")
        check = story.check("integrity")
        assert check.verdict is verdict
        holder = f"a site of which only models/x, {repair} was brought back must hold"
        assert (holder in check.detail) is (verdict is Verdict.FAIL)

    def test_in_place_outside_of_a_repair_what_the_fault_interrupted_may_be_gone(
        self, story: Story
    ) -> None:
        in_place(story, repair=("output",)).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item("workflows/a.json", 0.0, "lost")
        assert told(story, "integrity") == (Verdict.PASS, 0)

    def test_in_place_losses_inside_and_outside_of_a_repair_are_told_together(
        self, story: Story
    ) -> None:
        in_place(story, repair=("output",)).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item("output/a.png", -5.0, "lost")
        story.item("workflows/a.json", -1.0, "lost")
        check = story.check("integrity")
        assert (check.verdict, check.value) == (Verdict.FAIL, 2)
        assert check.detail.startswith(
            "2 items that the restored point p4 and a site of which only output was brought back "
            "must hold are not right: output/a.png"
        )

    @pytest.mark.parametrize(
        ("name", "acked", "verdict"),
        [
            ("workflows/a.json", -5.001, Verdict.FAIL),
            ("workflows/a.json", -4.5, Verdict.PASS),
            ("output/a.png", -4.5, Verdict.FAIL),
        ],
    )
    def test_in_place_outside_of_a_repair_the_disk_promises_alone(
        self, story: Story, name: str, acked: float, verdict: Verdict
    ) -> None:
        in_place(story, repair=("output",), unflushed_max_s=5.0).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item(name, acked, "lost")
        assert story.check("integrity").verdict is verdict

    def test_in_place_with_a_repair_that_names_no_point_a_loss_is_unknown(
        self, story: Story
    ) -> None:
        in_place(story, repair=("output",)).fault()
        story.item("output/a.png", -9.0, "lost")
        assert story.check("integrity").verdict is Verdict.UNKNOWN
        story.item("workflows/a.json", -9.0, "lost")
        assert story.check("integrity").verdict is Verdict.FAIL

    def test_in_place_where_nothing_is_brought_back_nothing_may_be_gone(self, story: Story) -> None:
        in_place(story).fault()
        story.item("workflows/a.json", -0.1, "lost")
        check = story.check("integrity")
        assert (check.verdict, check.value) == (Verdict.FAIL, 1)
        assert "that a site from which nothing was restored must hold" in check.detail

    @pytest.mark.parametrize(("acked", "verdict"), [(-5.001, Verdict.FAIL), (-5.0, Verdict.PASS)])
    def test_in_place_the_disk_holds_what_is_older_than_unflushed_writes(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        in_place(story, unflushed_max_s=5.0).fault()
        story.item("workflows/a.json", acked, "corrupt")
        check = story.check("integrity")
        assert check.verdict is verdict
        assert "the disk (5 s before the fault)" in check.detail

    @pytest.mark.parametrize(
        ("unflushed", "holder"), [(5.0, "the restored point p4"), (3.0, "the disk")]
    )
    def test_in_place_of_two_promises_the_larger_counts(
        self, story: Story, unflushed: float, holder: str
    ) -> None:
        in_place(story, unflushed_max_s=unflushed).fault()
        story.snapshot("p4", -4.0)
        story.runbook()
        story.item("workflows/a.json", -4.5, "lost")
        check = story.check("integrity")
        assert check.verdict is Verdict.FAIL
        assert holder in check.detail

    def test_in_place_an_unread_item_is_unknown_all_the_same(self, story: Story) -> None:
        in_place(story, unflushed_max_s=5.0).fault()
        story.item("workflows/a.json", -1.0, None)
        assert story.check("integrity").verdict is Verdict.UNKNOWN


class TestRpo:
    def drill(self, story: Story, oldest_lost: float, **changed: Any) -> Story:
        in_place(story, **changed).before()
        story.fault()
        story.runbook()
        story.item("workflows/young.json", -1.0)
        story.item("workflows/gone.json", -oldest_lost, "lost")
        return story

    @pytest.mark.parametrize(("age", "verdict"), [(5.0, Verdict.PASS), (5.001, Verdict.FAIL)])
    def test_the_disk_promises_what_its_scenario_declares(
        self, story: Story, age: float, verdict: Verdict
    ) -> None:
        check = self.drill(story, age, unflushed_max_s=5.0).check("rpo")
        assert (check.verdict, check.value, check.bound) == (verdict, age, 5.0)
        assert verdict is Verdict.PASS or "older than 5 s should have been on the disk" in (
            check.detail
        )
        assert "backups promise" not in check.detail

    def test_the_objective_bounds_it_too(self, story: Story) -> None:
        check = self.drill(story, 10.5, unflushed_max_s=30.0).check("rpo")
        assert (check.verdict, check.bound) == (Verdict.FAIL, 10.0)
        assert check.detail.endswith("the objective is 10 s")

    def test_an_age_of_exactly_the_promise_breaks_the_objective_alone(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, rpo_s=3.0)
        check = self.drill(story, 5.0, objectives=objectives, unflushed_max_s=5.0).check("rpo")
        assert check.detail.endswith("; the objective is 3 s")

    def test_both_limits_that_are_exceeded_are_told(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, rpo_s=3.0)
        check = self.drill(story, 5.5, objectives=objectives, unflushed_max_s=5.0).check("rpo")
        assert check.detail.endswith(
            "the objective is 3 s and what is older than 5 s should have been on the disk"
        )

    def test_without_it_the_backups_promise_counts(self, story: Story) -> None:
        check = self.drill(story, 9.0).check("rpo")
        assert (check.verdict, check.bound) == (Verdict.FAIL, 8.0)


class TestLostAfterFault:
    def drill(self, story: Story, acked: float) -> Verdict:
        objectives = replace(story.scenario.objectives, lost_after_fault_max=1)
        in_place(story, objectives=objectives).fault()
        story.runbook()
        story.item("workflows/a.json", acked, "lost")
        return story.check("lost_after_fault").verdict

    def test_in_place_what_was_acknowledged_before_the_repair_may_be_gone(
        self, story: Story
    ) -> None:
        assert self.drill(story, 8.0) is Verdict.PASS

    def test_in_place_what_was_acknowledged_after_it_may_not(self, story: Story) -> None:
        assert self.drill(story, 8.001) is Verdict.FAIL

    def test_in_place_without_a_repair_the_evidence_counts(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, lost_after_fault_max=1)
        in_place(story, objectives=objectives).fault()
        story.item("workflows/a.json", 0.7, "lost")
        assert story.check("lost_after_fault").verdict is Verdict.FAIL


class TestJobsLost:
    """Where nothing detects, the evidence ends the time in which jobs may be lost."""

    @pytest.mark.parametrize(("accepted", "verdict"), [(0.6, Verdict.PASS), (0.7, Verdict.FAIL)])
    def test_a_job_accepted_after_the_evidence_may_not_be_lost(
        self, story: Story, accepted: float, verdict: Verdict
    ) -> None:
        unaided(story, detection=Detection.NONE)
        story.job("lost", accepted, None, given_up=9.0, refused=True)
        assert story.check("jobs_lost").verdict is verdict

    def test_where_something_detects_it_is_as_ever(self, story: Story) -> None:
        unaided(story)
        story.job("lost", 0.3, None, given_up=9.0, refused=True)
        assert story.check("jobs_lost").verdict is Verdict.UNKNOWN
        story.say(3.0, "note", "detect", canaries=[])
        assert story.check("jobs_lost").verdict is Verdict.PASS


class TestLostAfterFaultUnaided:
    """Only a disk that fails under a site excuses what it was told once the disaster was seen."""

    def drill(self, story: Story, acked: float, **changed: Any) -> Verdict:
        objectives = replace(story.scenario.objectives, lost_after_fault_max=1)
        unaided(story, objectives=objectives, **changed)
        story.item("workflows/a.json", acked, "lost")
        return story.check("lost_after_fault").verdict

    @pytest.mark.parametrize(("acked", "verdict"), [(5.5, Verdict.PASS), (5.501, Verdict.FAIL)])
    def test_what_goes_to_a_failing_disk_may_be_gone_until_it_has_passed(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        assert self.drill(story, acked, unflushed_max_s=5.0) is verdict

    @pytest.mark.parametrize(("acked", "verdict"), [(0.6, Verdict.PASS), (0.601, Verdict.FAIL)])
    def test_otherwise_nothing_that_was_acknowledged_after_the_evidence_may(
        self, story: Story, acked: float, verdict: Verdict
    ) -> None:
        assert self.drill(story, acked) is verdict

    def test_a_site_whose_disk_is_another_matter_is_excused_by_neither(self, story: Story) -> None:
        objectives = replace(story.scenario.objectives, lost_after_fault_max=1)
        story.scenario = replace(story.scenario, objectives=objectives, unflushed_max_s=5.0)
        story.fault()
        story.item("workflows/a.json", 0.7, "lost")
        assert story.check("lost_after_fault").verdict is Verdict.FAIL
