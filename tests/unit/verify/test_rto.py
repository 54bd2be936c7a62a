from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
    story.canary(1.0, answered=False)
    story.canary(4.9, took=0.05)
    story.canary(5.0, took=0.05)
    story.canaries(5.1, 20.0, took=0.05)
    assert story.check("rto").value == 5.15


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


@pytest.mark.parametrize(
    "how",
    [
        {"correct": False},
        {"answered": False},
        {"site": "primary"},
        {"site": None},
        {"took": None},
        {"correct": False, "cached": True},
    ],
)
def test_any_later_failure_moves_the_recovery_behind_it(story: Story, how: dict[str, bool]) -> None:
    drill(story)
    story.canaries(11.0, 20.0)
    story.canary(21.0, **how)  # type: ignore[arg-type]
    story.canaries(22.0, 40.0)
    assert story.check("rto").value == 22.5


def test_a_canary_that_hangs_from_before_the_switch_does_not_move_the_recovery(
    story: Story,
) -> None:
    drill(story)
    story.canary(10.5, answered=False, took=12.0)
    story.canaries(11.0, 26.0)
    assert story.check("rto").value == 11.5


def test_the_first_picture_held_counts_not_the_first_submitted(story: Story) -> None:
    drill(story)
    story.canary(11.0, took=4.0)
    story.canary(12.0, took=0.25)
    story.canaries(13.0, 26.0)
    assert story.check("rto").value == 12.25


@pytest.mark.parametrize("how", [{"scored": False}, {"correct": None}, {"cached": True}], ids=str)
def test_an_undecided_canary_after_recovery_makes_it_unknown(
    healthy: Story, how: dict[str, bool]
) -> None:
    op = healthy.canary(26.5, **how)  # type: ignore[arg-type]
    verdict, detail = told(healthy)
    assert verdict is Verdict.UNKNOWN
    assert op in detail
    assert healthy.outcome().actuals.rta_s is None


def test_only_undecided_canaries_are_unknown(story: Story) -> None:
    drill(story)
    story.canaries(11.0, 26.0, scored=False)
    assert story.check("rto").verdict is Verdict.UNKNOWN


def test_only_undecided_canaries_after_the_objective_fail(story: Story) -> None:
    drill(story, until=60.0)
    story.canaries(61.0, 80.0, scored=False)
    assert story.check("rto").verdict is Verdict.FAIL


def test_an_undecided_canary_before_the_last_failure_changes_nothing(story: Story) -> None:
    drill(story)
    story.canary(10.2, scored=False)
    story.canary(10.3, took=None)
    story.canary(10.4, answered=False)
    story.canaries(11.0, 26.0)
    assert story.check("rto").verdict is Verdict.PASS


@pytest.mark.parametrize(("followers", "verdict"), [(2, Verdict.UNKNOWN), (3, Verdict.PASS)])
def test_three_correct_canaries_must_follow(story: Story, followers: int, verdict: Verdict) -> None:
    drill(story)
    story.canary(11.0)
    for number in range(followers):
        story.canary(21.5 + number)
    story.say(40.0, "note", "phase", phase="over")
    assert story.check("rto").verdict is verdict


@pytest.mark.parametrize(("last", "verdict"), [(19.999, Verdict.UNKNOWN), (20.0, Verdict.PASS)])
def test_ten_seconds_without_failure_must_follow(
    story: Story, last: float, verdict: Verdict
) -> None:
    # recovered at 11.5; the next canary is due 1.5 s after the last
    drill(story)
    story.canaries(11.0, 17.0)
    story.canary(last)
    story.say(40.0, "note", "phase", phase="over")
    found, detail = told(story)
    assert found is verdict
    assert verdict is Verdict.PASS or "where 10 s are wanted" in detail


def test_a_history_that_ends_before_the_stability_is_over_is_unknown(story: Story) -> None:
    story.fault(healed=None)
    story.canary(1.0, answered=False, took=1.0)
    story.canaries(11.0, 20.7)
    assert story.check("rto").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("sent", "verdict"), [(21.5, Verdict.UNKNOWN), (21.501, Verdict.PASS)])
def test_a_canary_under_way_at_the_end_counts_only_within_the_stability(
    story: Story, sent: float, verdict: Verdict
) -> None:
    drill(story)
    story.told = [each for each in story.told if each.kind not in {"heal", "readback"}]
    story.canaries(11.0, 26.0)
    op = story.canary(sent, took=None)
    found, detail = told(story)
    assert found is verdict
    assert verdict is Verdict.PASS or op in detail


def test_a_switch_that_reads_back_late_does_not_make_time_negative(story: Story) -> None:
    drill(story)
    story.runbook(began=10.0)
    story.canaries(11.0, 26.0)
    assert story.outcome().actuals.rta_breakdown["first_correct_s"] == 0.0


def test_without_steps_and_detection_the_breakdown_is_empty_and_the_time_stands(
    story: Story,
) -> None:
    story.fault()
    story.canary(1.0, answered=False)
    story.canaries(11.0, 26.0)
    actuals = story.outcome().actuals
    assert actuals.rta_s == 11.5
    assert actuals.rta_from_detection_s is None
    assert set(actuals.rta_breakdown.values()) == {None}


@pytest.mark.parametrize(("last", "verdict"), [(13.0, Verdict.UNKNOWN), (13.001, Verdict.PASS)])
def test_a_canary_is_overdue_after_its_whole_limit(
    story: Story, last: float, verdict: Verdict
) -> None:
    story.fault(healed=None)
    story.canary(1.0, took=None)
    story.canaries(2.0, 12.0, took=0.2)
    story.say(last, "note", "phase", phase="over")
    check = story.check("rto")
    assert check.verdict is verdict
    assert verdict is Verdict.PASS or "no canary saw one" in check.detail


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"correct": False}, "was wrong: chroma SSIM 0.2000"),
        ({"site": "primary"}, "was answered by primary"),
        ({"site": None}, "was answered by an unnamed site"),
        ({"answered": False}, "was unanswered"),
    ],
)
def test_a_failure_says_what_the_last_canary_was(
    story: Story, how: dict[str, str], words: str
) -> None:
    drill(story, until=58.0)
    story.canary(61.0, **how)  # type: ignore[arg-type]
    verdict, detail = told(story)
    assert verdict is Verdict.FAIL
    assert words in detail


def test_a_switch_that_never_ended_gives_no_time_to_the_first_correct_picture(
    story: Story,
) -> None:
    drill(story)
    story.operation("step", 5.0, 6.0, step="verify", detail="")
    story.operation("step", 9.0, None, step="switch")
    story.canaries(11.0, 26.0)
    breakdown = story.outcome().actuals.rta_breakdown
    assert (breakdown["verify_s"], breakdown["switch_s"]) == (1.0, None)
    assert breakdown["first_correct_s"] is None
