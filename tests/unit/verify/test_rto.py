from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def told(story: Story) -> tuple[Verdict, str]:
    check = story.check("rto")
    return check.verdict, check.detail


def drill(story: Story, *, until: float = 10.0) -> Story:
    story.before()
    story.fault()
    story.outage(until)
    return story


def test_recovery_is_the_first_correct_picture_held(healthy: Story) -> None:
    outcome = healthy.outcome()
    check = healthy.check("rto")
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 11.5, 60.0)
    assert "10 more followed within 15.0 s and none failed" in check.detail
    assert outcome.actuals.rta_s == 11.5
    assert outcome.actuals.rta_from_detection_s == 8.0
    assert outcome.actuals.rta_breakdown == {
        "detect_s": 3.5,
        "start_s": 3.0,
        "mount_s": 1.0,
        "verify_s": 1.0,
        "switch_s": 1.0,
        "first_correct_s": 1.5,
    }


@pytest.mark.parametrize(("took", "verdict"), [(3.0, Verdict.PASS), (3.001, Verdict.FAIL)])
def test_a_recovery_at_the_objective_holds_and_after_it_fails(
    story: Story, took: float, verdict: Verdict
) -> None:
    drill(story, until=55.0)
    story.canary(57.0, took=took)
    story.canaries(58.5, 75.0, took=2.0)
    check = story.check("rto")
    assert check.verdict is verdict
    assert check.value == (60.0 if verdict is Verdict.PASS else None)
    assert story.outcome().actuals.rta_s == check.value


def test_a_late_recovery_fails_and_says_when(story: Story) -> None:
    drill(story, until=70.0)
    story.canaries(71.0, 90.0)
    verdict, detail = told(story)
    assert verdict is Verdict.FAIL
    assert "recovered 71.50 s after the fault" in detail


def test_no_recovery_in_the_whole_objective_fails(story: Story) -> None:
    drill(story, until=60.0)
    verdict, detail = told(story)
    assert verdict is Verdict.FAIL
    assert "no correct picture from dr in the 6" in detail
    assert "unanswered" in detail


@pytest.mark.parametrize(("until", "verdict"), [(58.4, Verdict.UNKNOWN), (58.5, Verdict.FAIL)])
def test_no_recovery_fails_only_if_watched_for_the_objective(
    story: Story, until: float, verdict: Verdict
) -> None:
    story.fault()
    story.canary(until, answered=False, took=0.1)
    story.say(80.0, "note", "phase", phase="over")
    assert story.check("rto").verdict is verdict


def test_later_lines_do_not_make_canaries_watch_longer_and_fewer_lines_make_them_less(
    story: Story,
) -> None:
    story.fault()
    story.canary(59.0, answered=False, took=0.5)
    story.told = [each for each in story.told if each.kind != "heal"]
    verdict, detail = told(story)
    assert verdict is Verdict.UNKNOWN
    assert "watched for 59.50 s of 60 s" in detail


def test_an_early_end_is_unknown_and_names_the_step_that_stopped_it(story: Story) -> None:
    drill(story)
    story.runbook(correct=False)
    verdict, detail = told(story)
    assert verdict is Verdict.UNKNOWN
    assert "the runbook stopped at step verify: canary judged" in detail


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.before()
    check = story.check("rto")
    assert (check.verdict, check.value, check.bound) == (Verdict.UNKNOWN, None, 60.0)
    assert "no disaster" in check.detail


def test_a_latent_defect_starts_no_clock(story: Story) -> None:
    story.before()
    story.fault(starts_clock=False)
    assert "no disaster" in story.check("rto").detail


def test_without_evidence_it_is_unknown(story: Story) -> None:
    story.fault(seen=None)
    story.outage(10.0)
    story.canaries(11.0, 26.0)
    verdict, detail = told(story)
    assert verdict is Verdict.UNKNOWN
    assert "no peer saw" in detail


def test_without_canaries_after_the_evidence_it_is_unknown(story: Story) -> None:
    story.before()
    story.fault(seen=30.0)
    story.outage(10.0)
    verdict, detail = told(story)
    assert verdict is Verdict.UNKNOWN
    assert "no canary was submitted" in detail


def test_canaries_submitted_before_the_evidence_do_not_count(story: Story) -> None:
    story.fault(seen=5.0)
    story.canary(0.5, took=0.05)
    story.canary(4.9, answered=False, took=0.05)
    story.canaries(5.1, 20.0, took=0.05)
    assert story.check("rto").value == 5.15


class TestEvidenceThatComesLate:
    """The outage had passed before a peer looked: nobody knows when the service was back."""

    def test_a_picture_before_the_evidence_lets_nothing_pass(self, story: Story) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        op = story.canary(4.9, took=0.05)
        story.canaries(5.1, 20.0)
        verdict, detail = told(story)
        assert verdict is Verdict.UNKNOWN
        assert f"canary {op} was answered before a peer had seen the disaster" in detail
        assert story.outcome().actuals.rta_s is None

    def test_one_at_the_very_moment_of_the_evidence_too(self, story: Story) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        story.canary(4.5, scored=False, took=0.5)
        story.canaries(5.1, 20.0)
        assert story.check("rto").verdict is Verdict.UNKNOWN

    def test_one_that_was_under_way_then_shows_nothing_that_had_passed(self, story: Story) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        story.canary(4.9, took=2.0)
        story.canaries(5.1, 20.0)
        assert story.check("rto").value == 5.6

    @pytest.mark.parametrize("how", [{"site": "primary"}, {"took": None}])
    def test_what_the_expected_site_did_not_answer_says_nothing(
        self, story: Story, how: dict[str, Any]
    ) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        story.canary(4.9, **how)
        story.canaries(5.1, 30.0)
        assert story.check("rto").verdict is Verdict.PASS

    def test_a_failure_after_that_picture_shows_that_the_outage_went_on(self, story: Story) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        story.canary(4.0)
        story.canary(4.9, answered=False)
        story.canaries(5.1, 20.0)
        assert story.check("rto").value == 5.6

    def test_a_failure_after_the_evidence_does_so_too(self, story: Story) -> None:
        story.fault(seen=5.0)
        story.canary(1.0, answered=False)
        story.canary(4.9)
        story.canary(6.0, answered=False, took=0.1)
        story.canaries(7.0, 20.0)
        assert story.check("rto").value == 7.5

    def test_too_late_is_too_late_all_the_same(self, story: Story) -> None:
        story.fault(seen=61.0)
        story.canary(1.0, answered=False)
        story.canaries(4.9, 80.0)
        assert story.check("rto").verdict is Verdict.FAIL


def test_an_expected_outage_that_nobody_saw_is_unknown(story: Story) -> None:
    story.before()
    story.fault()
    story.canaries(1.0, 20.0)
    verdict, detail = told(story)
    assert verdict is Verdict.UNKNOWN
    assert "an outage was expected" in detail


def test_a_failure_that_ended_before_the_fault_is_no_outage(story: Story) -> None:
    story.canary(-5.0, answered=False, took=5.0)
    story.fault()
    story.canaries(1.0, 20.0)
    assert story.check("rto").verdict is Verdict.UNKNOWN


def test_a_failure_of_a_canary_under_way_at_the_fault_is_the_outage(story: Story) -> None:
    story.canary(-5.0, answered=False, took=5.1)
    story.fault()
    story.canaries(1.0, 20.0)
    assert story.check("rto").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("sent", "verdict"),
    [(-40.0, Verdict.UNKNOWN), (-12.0, Verdict.UNKNOWN), (-11.999, Verdict.PASS)],
)
def test_one_that_never_ended_is_the_outage_only_if_its_limit_was_after_the_fault(
    story: Story, sent: float, verdict: Verdict
) -> None:
    story.canary(sent, took=None)
    story.fault()
    story.canaries(1.0, 20.0)
    check = story.check("rto")
    assert check.verdict is verdict
    assert verdict is Verdict.PASS or "no canary saw one" in check.detail


def test_a_canary_that_never_ended_is_unanswered_after_its_limit(story: Story) -> None:
    story.fault()
    story.canary(1.0, took=None)
    story.canaries(2.0, 13.1)
    story.say(13.001, "note", "phase", phase="over")
    assert story.check("rto").verdict is Verdict.PASS


def test_where_no_outage_is_expected_none_is_needed(story: Story) -> None:
    story.scenario = replace(story.scenario, outage_expected=False)
    story.fault()
    story.canaries(1.0, 20.0)
    assert story.check("rto").value == 1.5
