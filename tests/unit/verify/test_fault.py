from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def seen(story: Story, second: float, **changed: object) -> None:
    spec = story.scenario.faults[0]
    data = {"name": spec.name, "target": spec.target, "seen": True, "detail": "gone"} | changed
    story.say(second, "note", "evidence", **data)


class TestEvidence:
    NAME = "fault_evidence"

    def test_what_a_peer_saw_passes(self, story: Story) -> None:
        story.fault(seen=0.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 1, 1)
        assert "refused" in check.detail

    @pytest.mark.parametrize(
        "changed", [{"seen": False}, {"seen": "yes"}, {"name": "other"}, {"target": "dr"}], ids=str
    )
    def test_what_no_peer_saw_is_unknown(self, story: Story, changed: dict[str, object]) -> None:
        story.fault(seen=None)
        seen(story, 1.0, **changed)
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "no peer saw host_power_loss at primary" in check.detail

    def test_what_was_seen_before_the_injection_is_no_evidence(self, story: Story) -> None:
        seen(story, -1.0)
        story.fault(seen=None)
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_a_fault_that_was_never_injected_is_unknown(self, story: Story) -> None:
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "host_power_loss at primary was never injected" in check.detail

    def test_of_several_faults_each_must_be_seen(self, story: Story) -> None:
        story.fault()
        story.say(1.0, "invoke", "fault", name="extra", target="dr", starts_clock=True)
        check = story.check(self.NAME)
        assert (check.verdict, check.bound) == (Verdict.UNKNOWN, 2)
        assert story.check("rto").detail == "no peer saw the disaster take effect"
        story.say(2.0, "note", "evidence", name="extra", target="dr", seen=True)
        assert story.check(self.NAME).value == 2

    def test_injected_and_missing_faults_are_counted_together(self, story: Story) -> None:
        story.say(0.0, "invoke", "fault", name="extra", target="dr", starts_clock=True)
        assert story.check(self.NAME).bound == 2
        assert story.check("fault_healed").bound == 2

    def test_a_scenario_without_faults_is_unknown(self, story: Story) -> None:
        story.scenario = replace(story.scenario, faults=())
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN
        assert story.check("fault_healed").verdict is Verdict.UNKNOWN


class TestHealed:
    NAME = "fault_healed"

    def test_a_cure_that_was_read_back_passes(self, story: Story) -> None:
        story.fault()
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 1, 1)
        assert "host_power_loss at primary" in check.detail

    @pytest.mark.parametrize("how", ["fail", "unknown"])
    def test_a_cure_that_did_not_hold_fails(self, story: Story, how: str) -> None:
        story.fault(healed=how)
        check = story.check(self.NAME)
        assert (check.verdict, check.value) == (Verdict.FAIL, 0)
        assert "host_power_loss at primary: running again" in check.detail

    def test_the_last_cure_counts(self, story: Story) -> None:
        story.fault(healed="fail")
        spec = story.scenario.faults[0]
        story.operation("heal", 107.0, 108.0, name=spec.name, target=spec.target, detail="second")
        assert story.check(self.NAME).verdict is Verdict.PASS

    def test_a_cure_that_ended_without_naming_its_fault_is_known_by_its_beginning(
        self, story: Story
    ) -> None:
        story.fault(healed=None)
        spec = story.scenario.faults[0]
        op = story.say(50.0, "invoke", "heal", name=spec.name, target=spec.target)
        story.say(51.0, "unknown", "heal", op, error="the engine does not answer")
        assert story.check(self.NAME).verdict is Verdict.FAIL

    def test_a_cure_without_a_beginning_names_its_fault(self, story: Story) -> None:
        story.fault(healed=None)
        spec = story.scenario.faults[0]
        story.say(51.0, "ok", "heal", name=spec.name, target=spec.target, detail="")
        assert story.check(self.NAME).verdict is Verdict.PASS

    def test_no_cure_is_unknown(self, story: Story) -> None:
        story.fault(healed=None)
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "nobody read back" in check.detail

    def test_a_cure_before_the_injection_is_none(self, story: Story) -> None:
        story.fault(healed=None)
        spec = story.scenario.faults[0]
        story.operation("heal", -3.0, -2.0, name=spec.name, target=spec.target, detail="")
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_a_fault_that_was_never_injected_is_unknown(self, story: Story) -> None:
        assert "never injected" in story.check(self.NAME).detail
