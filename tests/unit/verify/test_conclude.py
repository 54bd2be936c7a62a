from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.errors import RecordProblem
from colordrill.outcome import Actuals, Check, Counts, Verdict
from colordrill.scenario.catalogue import find_scenario, red_twins
from colordrill.verify import conclude as conclusion
from colordrill.verify.conclude import JUDGES, conclude
from colordrill.verify.judged import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from colordrill.history import Event
    from colordrill.scenario.model import Scenario
    from colordrill.verify.judged import Judged
    from colordrill.verify.observations import Observations
    from unit.verify.conftest import Story

NAMES = [
    "steady_state",
    "fault_evidence",
    "rto",
    "steady_after",
    "rpo",
    "backup_promise",
    "integrity",
    "lost_after_fault",
    "jobs_lost",
    "duplicates",
    "user_work",
    "colour",
    "determinism",
    "configuration",
    "fault_healed",
]
"""Of a failover that is not about storage: the other checks do not apply to it."""


def test_a_healthy_drill_passes_every_check_in_a_fixed_order(healthy: Story) -> None:
    outcome = healthy.outcome()
    assert [check.name for check in outcome.checks] == NAMES
    assert outcome.verdict is Verdict.PASS


def test_an_empty_history_is_unknown_in_every_check(story: Story) -> None:
    outcome = story.outcome()
    assert [check.name for check in outcome.checks] == NAMES
    assert {check.verdict for check in outcome.checks} == {Verdict.UNKNOWN}
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.counts == Counts()


def test_a_drill_that_ended_before_its_fault_is_unknown_in_every_check(story: Story) -> None:
    story.before()
    assert set(story.verdicts().values()) == {Verdict.UNKNOWN}


def test_every_check_has_the_name_of_its_judge(story: Story, healthy: Story) -> None:
    for each in (story, healthy):
        applies = [name for name in JUDGES if name not in {"backups_resume", "replica"}]
        assert [check.name for check in each.outcome().checks] == applies


class TestRedTwins:
    """The named check fails and no other; the catalogue's own words say which."""

    def only(self, story: Story, sabotage: str) -> dict[str, Verdict]:
        story.scenario = find_scenario(f"host_power_loss@{sabotage}")
        expected = story.scenario.sabotage
        assert expected is not None
        assert story.failed() == {expected.expected_check}
        return story.verdicts()

    def test_only_the_oldest_point_fails_rpo(self, story: Story) -> None:
        story.before()
        for second in (-13.0, -9.0, -2.0):
            story.item(f"workflows/lost{second:g}.json", second, "lost")
        story.fault()
        story.outage(10.0)
        story.runbook(point="p1")
        story.canaries(11.0, 26.0)
        story.item("workflows/later.json", 13.0)
        story.job("later", 14.0, 16.0)
        verdicts = self.only(story, "only_oldest_point")
        assert verdicts["integrity"] is Verdict.PASS
        assert verdicts["rto"] is Verdict.PASS
        assert verdicts["user_work"] is Verdict.PASS
        assert story.check("rpo").value == 13.0

    @pytest.mark.parametrize("sabotage", ["other_weights", "liar_uncoloured", "liar_previous",
                                          "liar_golden"])  # fmt: skip
    def test_a_refused_site_fails_colour(self, story: Story, sabotage: str) -> None:
        story.before()
        story.fault()
        story.outage(12.0)
        story.runbook(correct=False)
        verdicts = self.only(story, sabotage)
        assert verdicts["rto"] is Verdict.UNKNOWN
        assert verdicts["user_work"] is Verdict.UNKNOWN

    def test_a_slow_start_fails_rto(self, story: Story) -> None:
        story.before()
        story.item("workflows/last.json", -1.0, "lost")
        story.fault()
        story.outage(75.0)
        story.runbook(start_s=66.0)
        story.canaries(76.0, 95.0)
        story.item("workflows/later.json", 80.0)
        story.job("later", 81.0, 83.0)
        verdicts = self.only(story, "slow_start")
        assert verdicts["rpo"] is Verdict.PASS
        assert verdicts["user_work"] is Verdict.PASS
        assert story.outcome().actuals.rta_s is None
        assert story.outcome().actuals.rta_breakdown["start_s"] == 66.0

    def test_a_gateway_that_never_switches_fails_rto(self, story: Story) -> None:
        story.before()
        story.item("workflows/last.json", -1.0, "unknown")
        story.fault()
        story.outage(62.0)
        # the step asks the public address who answers, and nobody does
        story.runbook(switched=False)
        story.operation("edit", 20.0, 20.1, "fail", item="workflows/unsaved.json")
        verdicts = self.only(story, "gateway_not_switched")
        assert verdicts["rpo"] is Verdict.UNKNOWN
        assert verdicts["integrity"] is Verdict.UNKNOWN
        assert verdicts["user_work"] is Verdict.UNKNOWN

    def test_every_twin_expects_a_check_that_exists(self) -> None:
        for twin in red_twins().values():
            assert twin.sabotage is not None
            assert twin.sabotage.expected_check in JUDGES


class TestTrouble:
    def test_a_check_that_crashes_is_unknown_and_the_others_stand(
        self, healthy: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(observations: Observations, scenario: Scenario) -> Judged:
            del observations, scenario
            raise ZeroDivisionError("no canaries to divide by")

        healthy.may_crash = True
        monkeypatch.setitem(conclusion.JUDGES, "rpo", crash)
        verdicts = healthy.verdicts()
        assert verdicts.pop("rpo") is Verdict.UNKNOWN
        assert set(verdicts.values()) == {Verdict.PASS}
        assert "ZeroDivisionError: no canaries to divide by" in healthy.check("rpo").detail
        assert healthy.outcome().actuals.rpa_s is None

    def test_an_event_without_its_data_makes_every_check_unknown(self, healthy: Story) -> None:
        healthy.may_crash = True
        healthy.say(30.0, "ok", "upload")
        outcome = healthy.outcome()
        assert {check.verdict for check in outcome.checks} == {Verdict.UNKNOWN}
        assert [check.name for check in outcome.checks] == list(JUDGES)
        assert "KeyError: 'item'" in outcome.checks[0].detail
        assert outcome.actuals == Actuals()

    def test_an_unreadable_history_is_not_a_verdict(self, healthy: Story) -> None:
        def events() -> Iterator[Event]:
            yield from healthy.events()[:10]
            raise RecordProblem("line 11 is not an event")

        with pytest.raises(RecordProblem):
            conclude(events(), healthy.scenario)

    def test_time_that_runs_backwards_lets_nothing_pass(self, healthy: Story) -> None:
        events = healthy.events()
        events[10], events[11] = events[11], events[10]
        checks = conclude(events, healthy.scenario).checks
        assert {check.verdict for check in checks} == {Verdict.UNKNOWN}
        assert "time runs backwards" in checks[0].detail

    def test_a_contradiction_does_not_hide_a_failure(self, story: Story) -> None:
        story.before()
        story.fault(healed="fail")
        events = story.events()
        checks = conclude([*events, events[0]], story.scenario).checks
        failed: list[Check] = [check for check in checks if check.verdict is Verdict.FAIL]
        assert [check.name for check in failed] == ["fault_healed"]


def test_lists_are_short() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcde")) == "a, b, c, d, e"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
