"""Edges of the recovery time that a mutation run found untested."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import FaultSpec

if TYPE_CHECKING:
    from unit.verify.conftest import Story

OBJECTIVE_S = 60.0


def without_outage(story: Story) -> Story:
    story.scenario = replace(story.scenario, outage_expected=False)
    return story


def test_a_canary_at_the_very_moment_of_the_evidence_does_not_count(story: Story) -> None:
    without_outage(story).fault(seen=5.0)
    story.canaries(5.0, 5.0)
    story.canaries(6.0, 20.0)
    assert story.check("rto").value == 6.5


def test_what_was_right_before_any_failure_shows_no_outage_that_passed(story: Story) -> None:
    without_outage(story).fault(seen=5.0)
    story.canary(1.0)
    story.canaries(6.0, 20.0)
    assert story.check("rto").value == 6.5


def test_a_failure_that_ended_before_the_fault_is_no_part_of_the_outage(story: Story) -> None:
    without_outage(story).fault(seen=5.0)
    story.canary(-3.0, answered=False, took=1.0)
    story.canary(1.0)
    story.canaries(6.0, 20.0)
    assert story.check("rto").value == 6.5


def test_a_latent_defect_that_was_not_planted_is_not_its_matter(story: Story) -> None:
    latent = FaultSpec("stale", "dr", latent=True)
    story.scenario = replace(story.scenario, faults=(*story.scenario.faults, latent))
    story.before()
    op = story.say(0.0, "invoke", "fault", name="host_power_loss", target="primary",
                   starts_clock=True)  # fmt: skip
    story.say(0.5, "ok", "fault", op, name="host_power_loss", target="primary")
    story.say(0.6, "note", "evidence", name="host_power_loss", target="primary", seen=True)
    story.outage(10.0)
    story.canaries(11.0, 26.0)
    assert story.check("rto").value == 11.5
    assert story.check("fault_evidence").verdict is Verdict.UNKNOWN


def test_the_end_of_a_long_canary_watches_too(story: Story) -> None:
    story.fault()
    story.canary(1.0, answered=False, took=0.5)
    # recovered at 10.5 s; an interval after the last submission it was watched until 19.5 s only
    story.canaries(10.0, 15.0)
    story.canary(18.0, took=3.0)
    story.say(30.0, "note", "phase", phase="readback")
    assert story.check("rto").value == 10.5


def test_who_failed_early_and_who_is_under_way_late_say_nothing_of_the_time_between(
    story: Story,
) -> None:
    story.fault(healed=None)
    story.canary(1.0, answered=False)
    story.canary(59.0, took=None)
    story.say(65.0, "note", "phase", phase="over")
    check = story.check("rto")
    assert check.verdict is Verdict.UNKNOWN
    assert "watched for 2.50 s of 60 s" in check.detail


def test_who_is_under_way_beyond_its_limit_has_failed_whoever_watched_before(story: Story) -> None:
    story.fault(healed=None)
    story.canary(1.0, answered=False)
    story.canary(59.0, took=None)
    story.say(72.0, "note", "phase", phase="over")
    assert story.check("rto").verdict is Verdict.FAIL


def test_a_pause_in_which_nobody_watched_shows_no_stable_recovery(story: Story) -> None:
    story.fault()
    story.outage(10.0)
    story.canaries(11.0, 14.0)
    story.canaries(40.0, 50.0)
    check = story.check("rto")
    assert check.verdict is Verdict.UNKNOWN
    assert "watched for 4.0 s more where 10 s are wanted" in check.detail


def test_each_kind_of_canary_must_have_come_back(story: Story) -> None:
    story.canary(-5.0, name="building", site="primary")
    story.fault()
    story.canary(1.0, answered=False)
    story.canaries(10.0, 25.0)
    check = story.check("rto")
    assert check.verdict is Verdict.UNKNOWN
    assert "no canary building has come back correct since" in check.detail
    story.canary(26.0, name="building")
    assert story.check("rto").value == 10.5


@pytest.mark.parametrize("seen", [0.6, None])
def test_what_is_unknown_says_what_it_would_have_been_measured_against(
    story: Story, seen: float | None
) -> None:
    story.fault(seen=seen)
    check = story.check("rto")
    assert (check.verdict, check.value, check.bound) == (Verdict.UNKNOWN, None, OBJECTIVE_S)
    story.canary(1.0, answered=False)
    assert story.check("rto").bound == OBJECTIVE_S


def test_what_comes_too_late_or_is_in_doubt_says_what_it_was_measured_against(
    story: Story,
) -> None:
    story.fault()
    story.canary(1.0, answered=False)
    story.canaries(20.0, 21.0)
    assert story.check("rto").verdict is Verdict.UNKNOWN
    assert story.check("rto").bound == OBJECTIVE_S
    story.canary(60.0, answered=False)
    story.canaries(70.0, 90.0)
    assert story.check("rto").verdict is Verdict.FAIL
    assert story.check("rto").bound == OBJECTIVE_S


def test_without_a_failed_step_no_step_is_blamed(story: Story) -> None:
    story.fault()
    assert story.check("rto").detail == "no canary was submitted after the fault was seen"


def test_a_failure_says_what_it_was_measured_against(story: Story) -> None:
    story.fault()
    story.canaries(1.0, 70.0, answered=False, took=0.5)
    check = story.check("rto")
    assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, None, OBJECTIVE_S)
    assert check.detail.endswith("was unanswered")


def test_a_wrong_picture_is_told_with_all_its_reasons(story: Story) -> None:
    story.fault()
    op = story.canary(1.0, scored=False)
    reasons = ["too grey", "too small"]
    story.say(2.0, "note", "score", op=op, correct=False, reasons=reasons, scores=None)
    assert story.check("rto").detail.endswith("was wrong: too grey; too small")


@pytest.mark.parametrize(
    ("how", "why"),
    [({"cached": True}, "was answered from a cache"), ({"scored": False}, "no score")],
)
def test_doubt_says_why(story: Story, how: dict[str, bool], why: str) -> None:
    story.fault()
    story.canary(1.0, answered=False)
    story.canary(10.0, **how)  # type: ignore[arg-type]
    story.canaries(11.0, 25.0)
    assert why in story.check("rto").detail


@pytest.mark.parametrize(
    ("refused", "verdict"), [(52.0, Verdict.UNKNOWN), (63.1, Verdict.FAIL), (None, Verdict.FAIL)]
)
def test_a_canary_that_a_refused_recovery_gave_up_on_has_not_failed(
    story: Story, refused: float | None, verdict: Verdict
) -> None:
    story.fault()
    story.canaries(1.0, 50.0, answered=False, took=1.0)
    story.canary(51.0, took=None)
    if refused is not None:
        story.say(refused, "note", "phase", phase="refused")
    assert story.check("rto").verdict is verdict
