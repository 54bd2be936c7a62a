"""What the judgements that a failover, a repair in place and nobody's help share ask of each."""

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


class TestWholeDrills:
    """Each passes as a whole, or the scenarios of its way could never be green."""

    def test_a_repair_in_place(self, story: Story) -> None:
        in_place(story, repair=("output", "workflows")).before()
        story.item("workflows/last.json", -1.0, "lost")
        story.fault()
        story.outage(10.0)
        story.runbook()
        story.canaries(11.0, 26.0, site="primary")
        for each in (9, 13):
            story.canary(float(each), site="primary")
        story.item("workflows/later.json", 13.0)
        story.job("later", 14.0, 16.0)
        story.snapshot("p9", 12.0)
        story.say(28.0, "note", "phase", phase="readback")
        assert set(story.verdicts().values()) == {Verdict.PASS}
        assert "configuration" not in story.verdicts()
        assert story.verdicts()["backups_resume"] is Verdict.PASS

    def test_nobodys_help(self, story: Story) -> None:
        story.before()
        unaided(story, detection=Detection.NONE)
        story.canaries(0.7, 5.0, answered=False, took=0.3)
        story.canaries(6.0, 26.0, site="primary")
        story.item("workflows/later.json", 13.0)
        story.item("workflows/young.json", -1.0)
        story.job("later", 14.0, 16.0)
        story.snapshot("p9", 12.0)
        story.say(28.0, "note", "phase", phase="readback")
        assert set(story.verdicts().values()) == {Verdict.PASS}
        assert story.outcome().actuals.rta_s == 6.5


class TestRto:
    @pytest.mark.parametrize("recovery", [Recovery.IN_PLACE, Recovery.UNAIDED])
    def test_the_primary_must_answer_where_nothing_fails_over(
        self, story: Story, recovery: Recovery
    ) -> None:
        story.scenario = replace(story.scenario, recovery=recovery)
        story.fault()
        story.canary(1.0, answered=False)
        story.canaries(4.0, 20.0, site="primary")
        assert told(story, "rto") == (Verdict.PASS, 4.5)
        story.canary(21.0, site="dr")
        assert story.check("rto").verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize(("mounted", "verdict"), [(60.0, Verdict.PASS), (60.1, Verdict.FAIL)])
    def test_in_place_a_repair_that_ends_late_fails_whatever_the_canaries_saw(
        self, story: Story, mounted: float, verdict: Verdict
    ) -> None:
        in_place(story, outage_expected=False).fault()
        story.operation("step", 4.0, mounted, step="mount", detail="")
        story.canaries(1.0, 90.0, site="primary")
        check = story.check("rto")
        assert (check.verdict, check.bound) == (verdict, 60.0)
        assert verdict is Verdict.PASS or "repaired 60.10 s after the fault" in check.detail


class TestColour:
    def test_in_place_pictures_from_before_the_repair_are_not_judged(self, story: Story) -> None:
        in_place(story).fault()
        story.canary(1.0, correct=False, site="primary")
        story.runbook()
        # the mount step ends at 8 s
        story.canary(8.0, correct=False, site="primary")
        story.canary(8.001, site="primary")
        assert story.check("colour").verdict is Verdict.PASS
        assert story.outcome().actuals.bad_output_s == pytest.approx(7.001)

    def test_in_place_a_wrong_picture_from_after_the_repair_fails(self, story: Story) -> None:
        in_place(story).fault()
        story.runbook()
        story.canary(8.001, correct=False, site="primary")
        assert story.check("colour").verdict is Verdict.FAIL

    @pytest.mark.parametrize("correct", [True, False])
    def test_in_place_the_runbooks_canaries_are_judged(self, story: Story, correct: bool) -> None:
        in_place(story).fault()
        story.runbook()
        story.canary(9.0, kind="verifycan", site="primary", correct=correct)
        assert story.check("colour").verdict is (Verdict.PASS if correct else Verdict.FAIL)

    def test_in_place_without_a_repair_it_is_unknown(self, story: Story) -> None:
        in_place(story).fault()
        story.operation("step", 4.0, 5.0, "fail", step="mount", detail="")
        story.canary(6.0, site="primary")
        check = story.check("colour")
        assert check.verdict is Verdict.UNKNOWN
        assert "nothing was repaired" in check.detail

    def test_in_place_without_a_repair_the_runbooks_own_do_not_pass(self, story: Story) -> None:
        in_place(story).fault()
        story.canary(6.0, kind="verifycan", site="primary")
        assert story.check("colour").verdict is Verdict.UNKNOWN

    def test_in_place_the_last_repair_counts(self, story: Story) -> None:
        in_place(story).fault()
        for began in (2.0, 6.0):
            story.operation("step", began, began + 1.0, step="mount", detail="")
        story.canary(5.0, correct=False, site="primary")
        story.canary(7.5, site="primary")
        assert story.check("colour").verdict is Verdict.PASS

    def test_unaided_a_wrong_picture_in_the_outage_is_bad_output_alone(self, story: Story) -> None:
        unaided(story)
        story.canary(1.0, correct=False, site="primary")
        story.canary(5.5, correct=False, site="primary", took=0.1)
        story.canary(5.501, site="primary", took=0.5)
        assert story.check("colour").verdict is Verdict.PASS
        assert story.outcome().actuals.bad_output_s == pytest.approx(4.501)

    def test_unaided_a_wrong_picture_after_the_outage_fails(self, story: Story) -> None:
        unaided(story).canary(5.501, correct=False, site="primary")
        assert story.check("colour").verdict is Verdict.FAIL

    def test_unaided_without_an_outage_all_after_the_evidence_are_judged(
        self, story: Story
    ) -> None:
        unaided(story, outage_expected=False)
        story.canary(0.7, correct=False, site="primary")
        story.canary(7.0, site="primary")
        assert story.check("colour").verdict is Verdict.FAIL

    def test_unaided_a_disaster_that_no_schedule_undoes_passes_with_its_evidence(
        self, story: Story
    ) -> None:
        story.scenario = replace(story.scenario, recovery=Recovery.UNAIDED)
        story.fault(seen=0.6)
        story.canary(0.6, correct=False, site="primary")
        story.canary(7.0, site="primary")
        assert story.check("colour").verdict is Verdict.PASS
        story.canary(0.7, correct=False, site="primary")
        assert story.check("colour").verdict is Verdict.FAIL

    def test_unaided_a_schedule_that_failed_undid_nothing(self, story: Story) -> None:
        unaided(story).canary(1.0, correct=False, site="primary")
        assert story.check("colour").verdict is Verdict.UNKNOWN
        story.told = [
            replace(e, type=type(e.type)("fail")) if e.kind == "heal" and e.type == "ok" else e
            for e in story.told
        ]
        assert story.check("colour").verdict is Verdict.FAIL

    def test_unaided_without_evidence_nothing_passes_and_a_wrong_picture_fails(
        self, story: Story
    ) -> None:
        unaided(story).canary(7.0, site="primary")
        story.told = [each for each in story.told if each.kind != "evidence"]
        assert story.check("colour").verdict is Verdict.UNKNOWN
        story.canary(8.0, correct=False, site="primary")
        assert story.check("colour").verdict is Verdict.FAIL


class TestUserWork:
    def test_unaided_what_began_after_the_recovery_counts(self, story: Story) -> None:
        unaided(story).canaries(0.7, 5.0, answered=False, took=0.3)
        story.canaries(6.0, 26.0, site="primary")
        # recovered at 6.5 s
        story.operation("edit", 6.499, 7.0, "fail", item="workflows/refused.json")
        story.item("workflows/saved.json", 8.0)
        story.job("done", 9.0, 10.0)
        check = story.check("user_work")
        assert (check.verdict, check.value) == (Verdict.PASS, 0)
        assert "began after the recovery" in check.detail
        story.operation("edit", 6.5, 7.0, "fail", item="workflows/refused.json")
        assert told(story, "user_work") == (Verdict.FAIL, 1)

    def test_unaided_without_a_recovery_it_is_unknown(self, story: Story) -> None:
        unaided(story).canaries(0.7, 26.0, answered=False, took=0.3)
        story.operation("edit", 20.0, 21.0, "fail", item="workflows/refused.json")
        check = story.check("user_work")
        assert (check.verdict, check.detail) == (Verdict.UNKNOWN, "the service never recovered")

    def test_in_place_the_switch_counts(self, story: Story) -> None:
        in_place(story).fault()
        story.item("workflows/saved.json", 12.0)
        assert story.check("user_work").detail == "the public address was never switched"
        story.runbook()
        story.job("done", 13.0, 14.0)
        assert story.check("user_work").verdict is Verdict.PASS
