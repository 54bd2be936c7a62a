from __future__ import annotations

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


def test_a_kind_of_canary_that_has_not_come_back_keeps_the_recovery_open(story: Story) -> None:
    """Correct people say nothing of buildings, whose canary comes more seldom."""
    story.canary(-8.0, name="building", site="primary")
    drill(story)
    story.canaries(11.0, 40.0)

    verdict, detail = told(story)

    assert verdict is Verdict.UNKNOWN
    assert "no canary building" in detail


def test_the_recovery_is_closed_once_every_kind_has_come_back(story: Story) -> None:
    story.canary(-8.0, name="building", site="primary")
    drill(story)
    story.canaries(11.0, 40.0)
    story.canary(41.0, name="building")

    assert told(story)[0] is Verdict.PASS
