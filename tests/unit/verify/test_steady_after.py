from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import FaultSpec, Recovery

if TYPE_CHECKING:
    from colordrill.outcome import Check
    from unit.verify.conftest import Story

NAME = "steady_after"


def switched(story: Story) -> Story:
    """The gateway is switched at 10 s; the observed phase ends at 40 s."""
    story.fault()
    story.runbook()
    story.say(40.0, "note", "phase", phase="readback")
    story.say(60.0, "note", "phase", phase="heal")
    return story


def told(story: Story) -> tuple[Verdict, Any]:
    check: Check = story.check(NAME)
    return check.verdict, check.value


def test_correct_canaries_until_the_end_pass(story: Story) -> None:
    switched(story).canaries(11.0, 38.0)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 19, 3)
    assert "the last one 1.5 s before the end" in check.detail


def test_exactly_as_many_as_wanted_pass(story: Story) -> None:
    switched(story).canary(30.0, answered=False)
    story.canaries(32.0, 35.0)
    assert told(story) == (Verdict.PASS, 3)


@pytest.mark.parametrize(
    "how", [{"answered": False}, {"correct": False}, {"site": "primary"}, {"site": None}], ids=str
)
def test_a_service_that_was_back_and_fails_at_the_end_fails(
    story: Story, how: dict[str, Any]
) -> None:
    switched(story).canaries(11.0, 30.0)
    op = story.canary(31.0, **how)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 0)
    assert op in check.detail
    assert story.check("rto").verdict is not Verdict.PASS


def test_one_failure_among_the_last_fails_however_the_drill_ends(story: Story) -> None:
    switched(story).canaries(11.0, 30.0)
    story.canary(32.0, answered=False)
    story.canaries(33.5, 35.0)
    assert told(story) == (Verdict.FAIL, 2)


def test_a_canary_that_never_ended_is_a_failure_after_its_limit(story: Story) -> None:
    switched(story).canaries(11.0, 30.0)
    story.canary(31.0, took=None)
    assert told(story) == (Verdict.FAIL, 0)


def test_failures_before_it_was_back_do_not_count(story: Story) -> None:
    switched(story).canaries(10.5, 20.0, answered=False)
    story.canaries(21.0, 38.0)
    assert story.check(NAME).verdict is Verdict.PASS


@pytest.mark.parametrize("how", [{"scored": False}, {"cached": True}, {"correct": None}], ids=str)
def test_an_undecided_canary_among_the_last_makes_it_unknown(
    story: Story, how: dict[str, Any]
) -> None:
    switched(story).canaries(11.0, 30.0)
    story.canary(32.0, **how)
    story.canaries(33.5, 35.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_two_correct_canaries_are_too_few(story: Story) -> None:
    switched(story).canaries(35.0, 36.5)
    check = story.check(NAME)
    assert check.verdict is Verdict.UNKNOWN
    assert "never gave 3 correct pictures in a row" in check.detail


@pytest.mark.parametrize(("last", "verdict"), [(14.0, Verdict.PASS), (13.9, Verdict.UNKNOWN)])
def test_the_last_answer_must_be_recent(story: Story, last: float, verdict: Verdict) -> None:
    switched(story)
    for number in range(4):
        story.canary(last - number * 0.5, took=0.5)
    assert story.check(NAME).verdict is verdict


def test_without_a_read_back_the_history_ends_the_observed_phase(story: Story) -> None:
    story.fault(healed=None)
    story.runbook()
    story.canaries(11.0, 30.0)
    assert story.check(NAME).verdict is Verdict.PASS
    story.say(90.0, "note", "phase", phase="refused")
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_a_service_that_recovered_too_late_may_be_steady_all_the_same(story: Story) -> None:
    story.fault()
    story.outage(75.0)
    story.runbook(start_s=66.0)
    story.canaries(76.0, 95.0)
    story.say(97.0, "note", "phase", phase="readback")
    assert story.check("rto").verdict is Verdict.FAIL
    assert story.check(NAME).verdict is Verdict.PASS


def test_without_a_switch_it_is_unknown(story: Story) -> None:
    story.fault()
    story.runbook(switched=False)
    story.canaries(11.0, 30.0, answered=False)
    check = story.check(NAME)
    assert (check.verdict, check.detail) == (
        Verdict.UNKNOWN,
        "the public address was never switched",
    )


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.canaries(1.0, 20.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_without_evidence_it_is_unknown(story: Story) -> None:
    story.fault(seen=None)
    story.runbook()
    story.canaries(11.0, 30.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


class TestUnaided:
    """Nobody switches: the service must be whole once the last disaster has passed."""

    def drill(self, story: Story) -> Story:
        spec = FaultSpec("down", "link", duration_s=5.0)
        story.scenario = replace(story.scenario, faults=(spec,), recovery=Recovery.UNAIDED)
        story.fault(healed=None)
        story.operation("heal", 5.0, 5.5, name="down", target="link", scheduled=True)
        story.say(30.0, "note", "phase", phase="readback")
        return story

    def test_what_happens_while_the_fault_lasts_does_not_count(self, story: Story) -> None:
        self.drill(story).canaries(0.7, 5.4, site="primary")
        assert story.check(NAME).verdict is Verdict.UNKNOWN
        story.canaries(5.6, 28.0, site="primary")
        assert story.check(NAME).verdict is Verdict.PASS

    def test_a_failure_at_the_end_fails(self, story: Story) -> None:
        self.drill(story).canaries(5.6, 25.0, site="primary")
        story.canary(26.0, site="primary", correct=False)
        assert told(story) == (Verdict.FAIL, 0)
