from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import FaultSpec, Recovery
from colordrill.verify.backups_resume import judge_backups_resume
from colordrill.verify.observe import observe

if TYPE_CHECKING:
    from unit.verify.conftest import Story

NAME = "backups_resume"


def drill(story: Story) -> Story:
    """A repair in place that was switched to at 10 s, read back at 30 s."""
    story.scenario = replace(story.scenario, recovery=Recovery.IN_PLACE)
    story.fault()
    story.runbook()
    story.snapshot("p1", -4.0)
    story.snapshot("p2", 3.0)
    story.say(30.0, "note", "phase", phase="readback")
    return story


def test_a_point_that_began_once_the_service_was_back_passes(story: Story) -> None:
    drill(story).snapshot("p3", 10.5)
    check = story.check(NAME)
    assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 1, 1)
    assert "p3" in check.detail


def test_one_that_failed_first_is_forgiven(story: Story) -> None:
    drill(story).snapshot("p3", 10.5, type_="fail")
    story.snapshot("p4", 14.5)
    assert story.check(NAME).verdict is Verdict.PASS


def test_only_failures_fail(story: Story) -> None:
    drill(story).snapshot("p3", 10.5, type_="fail")
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 0)
    assert "p3 failed" in check.detail


def test_one_under_way_at_the_end_is_unknown(story: Story) -> None:
    drill(story).snapshot("p3", 10.5, type_="fail")
    story.snapshot("p4", 14.5, took=None)
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
    assert "under way" in check.detail


def test_one_that_worked_does_not_excuse_those_that_failed_after_it(story: Story) -> None:
    drill(story).snapshot("p3", 11.0)
    for number, began in enumerate((15.0, 19.0, 23.0, 27.0), start=4):
        story.snapshot(f"p{number}", began, type_="fail")
    check = story.check(NAME)
    assert (check.verdict, check.value) == (Verdict.FAIL, 1)
    assert "none after p3: p4, p5, p6, p7 failed" in check.detail


def test_the_one_that_ended_last_decides(story: Story) -> None:
    drill(story).snapshot("p3", 10.5, took=9.0, type_="fail")
    story.snapshot("p4", 12.0)
    check = story.check(NAME)
    assert check.verdict is Verdict.FAIL
    assert check.detail.endswith("none after p4: p3 failed")


def test_one_under_way_after_one_that_worked_is_no_matter(story: Story) -> None:
    drill(story).snapshot("p3", 10.5, type_="fail")
    story.snapshot("p4", 14.5)
    story.snapshot("p5", 18.5, took=None)
    assert story.check(NAME).verdict is Verdict.PASS


def test_one_under_way_after_one_that_failed_is_unknown(story: Story) -> None:
    drill(story).snapshot("p3", 10.5)
    story.snapshot("p4", 14.5, type_="fail")
    story.snapshot("p5", 18.5, took=None)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("end", "verdict"), [(18.0, Verdict.UNKNOWN), (18.001, Verdict.FAIL)])
def test_none_at_all_fails_once_one_was_due(story: Story, end: float, verdict: Verdict) -> None:
    drill(story)
    story.told = [each for each in story.told if each.kind != "phase"]
    story.say(end, "note", "phase", phase="readback")
    assert story.check(NAME).verdict is verdict


def test_a_copy_that_began_before_holds_the_outage(story: Story) -> None:
    drill(story).snapshot("p3", 10.0, took=3.0)
    assert story.check(NAME).verdict is Verdict.FAIL


def test_without_a_switch_it_is_unknown(story: Story) -> None:
    story.scenario = replace(story.scenario, recovery=Recovery.IN_PLACE)
    story.fault()
    story.snapshot("p3", 12.0)
    assert story.check(NAME).detail == "the public address was never switched"


def test_without_a_fault_it_is_unknown(story: Story) -> None:
    story.scenario = replace(story.scenario, recovery=Recovery.UNAIDED)
    story.snapshot("p3", 12.0)
    assert story.check(NAME).verdict is Verdict.UNKNOWN


def test_where_nobody_helps_the_end_of_the_disaster_counts(story: Story) -> None:
    spec = FaultSpec("down", "link", duration_s=5.0)
    story.scenario = replace(story.scenario, faults=(spec,), recovery=Recovery.UNAIDED)
    story.fault(healed=None)
    story.operation("heal", 5.0, 5.5, name="down", target="link", scheduled=True)
    story.snapshot("p1", 5.2)
    story.say(6.0, "note", "phase", phase="readback")
    assert story.check(NAME).verdict is Verdict.UNKNOWN
    story.snapshot("p2", 5.6)
    assert story.check(NAME).verdict is Verdict.PASS


def test_without_evidence_nobody_knows_when_it_had_passed(story: Story) -> None:
    story.scenario = replace(story.scenario, recovery=Recovery.UNAIDED)
    story.fault(seen=None)
    story.snapshot("p1", 5.2)
    assert story.check(NAME).detail == "no peer saw the disaster take effect"


def test_it_does_not_apply_to_a_failover(healthy: Story) -> None:
    assert judge_backups_resume(observe(healthy.events()), healthy.scenario) is None
    assert NAME not in healthy.verdicts()
