"""The verdict of an earlier run from its history alone, and where a record differs from it."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.outcome import Verdict
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.verify.conclude import conclude
from colordrill.verify.recomputed import differences, recompute
from unit.verify.runs import noted

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def asked_in_vain() -> Any:
    raise RecordProblem("the history was enough")


class TestRecompute:
    def test_the_noted_scenario_judges(self, healthy: Story) -> None:
        tight = replace(HOST_POWER_LOSS, objectives=replace(HOST_POWER_LOSS.objectives, rto_s=11.0))
        events = noted(healthy, scenario=asdict(tight))
        found = recompute(lambda: events, asked_in_vain)
        assert found.scenario == tight
        assert found.outcome == conclude(events, tight)
        assert found.outcome.verdict is Verdict.FAIL

    def test_without_a_note_somebody_else_must_know(self, healthy: Story) -> None:
        events = healthy.events()
        assert recompute(lambda: events, lambda: HOST_POWER_LOSS).scenario is HOST_POWER_LOSS
        with pytest.raises(RecordProblem, match="was enough"):
            recompute(lambda: events, asked_in_vain)


class TestDifferences:
    CHECK = MappingProxyType({"name": "rto", "verdict": "pass", "value": 1.0, "bound": 60.0})
    NOW = MappingProxyType(
        {
            "verdict": "pass",
            "checks": [CHECK],
            "actuals": {"rta_s": 1.0, "rta_breakdown": {"detect_s": None}},
            "faults": [{"name": "host", "evidence": [{"seen": True}]}],
            "problems": ["slow"],
        }
    )

    def found(self, *, now: dict[str, Any] | None = None, **recorded: Any) -> list[str]:
        return differences({**self.NOW, **(now or {})}, {**self.NOW, **recorded})

    def checked(self, *checks: dict[str, Any]) -> list[str]:
        return self.found(checks=[{**self.CHECK, **each} for each in checks])

    def test_what_agrees_differs_in_nothing(self) -> None:
        assert self.found() == []
        assert self.checked({"value": 1.0000009, "bound": 60}) == []

    @pytest.mark.parametrize(
        ("field", "then", "told"),
        [
            ("verdict", "fail", "rto.verdict is 'pass', the record says 'fail'"),
            ("value", 1.0000011, "rto.value is 1.0, the record says 1.0000011"),
            ("value", None, "rto.value is 1.0, the record says None"),
            ("value", "1.0", "rto.value is 1.0, the record says '1.0'"),
            ("bound", 90.0, "rto.bound is 60.0, the record says 90.0"),
        ],
    )
    def test_every_field_of_a_check_counts(self, field: str, then: Any, told: str) -> None:
        assert self.checked({field: then}) == [told]

    def test_what_was_not_measured_is_not_the_same_as_something(self) -> None:
        nothing = {"checks": [{**self.CHECK, "value": None}]}
        found = self.found(now=nothing)
        assert found == ["rto.value is None, the record says 1.0"]

    def test_checks_are_compared_by_name(self) -> None:
        assert self.checked({"name": "old"}) == [
            "the record has no check rto (pass now)",
            "the check old of the record is not judged now",
        ]
        assert self.checked({"name": "old"}, {}) == [
            "the check old of the record is not judged now"
        ]

    def test_a_check_that_stands_twice_is_named_whatever_it_says(self) -> None:
        assert self.checked({"value": 0.1}, {}) == ["the record has the check rto twice"]

    def test_the_verdict_counts(self) -> None:
        assert self.found(verdict="fail") == ["verdict is 'pass', the record says 'fail'"]

    def test_figures_count_at_every_depth(self) -> None:
        assert self.found(actuals={"rta_s": 0.5, "rta_breakdown": {"detect_s": 0.0}}) == [
            "actuals.rta_s is 1.0, the record says 0.5",
            "actuals.rta_breakdown.detect_s is None, the record says 0.0",
        ]
        assert self.found(actuals={"rta_breakdown": {"detect_s": None}}) == [
            "the record has no actuals.rta_s (1.0 now)"
        ]

    def test_lists_count_by_place_and_length(self) -> None:
        assert self.found(faults=[]) == ["faults: 1 now, the record has 0"]
        assert self.found(faults=[{"name": "disk", "evidence": [{"seen": None}]}, {}]) == [
            "faults: 1 now, the record has 2",
            "faults[0].name is 'host', the record says 'disk'",
            "faults[0].evidence[0].seen is True, the record says None",
        ]

    def test_a_record_may_tell_of_more_problems_and_not_of_fewer(self) -> None:
        assert self.found(problems=["slow", "the drill was interrupted"]) == []
        assert self.found(problems=[]) == ["problems: 1 now, the record has 0"]
        assert self.found(problems=["quick", "slow"]) == [
            "problems[0] is 'slow', the record says 'quick'"
        ]

    def test_what_the_history_does_not_say_is_not_compared(self) -> None:
        assert self.found(participants=["nobody"]) == []
