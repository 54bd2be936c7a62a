from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.scenario.model import Scenario
from colordrill.verify.observe import observe

if TYPE_CHECKING:
    from unit.verify.conftest import Story


def at_ns(second: float) -> int:
    return 1_000_000_000_000 + round(second * 1e9)


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
        story.operation("fault", 1.0, 1.1, name="extra", target="dr", starts_clock=True)
        check = story.check(self.NAME)
        assert (check.verdict, check.bound) == (Verdict.UNKNOWN, 2)
        assert story.check("rto").detail == "no peer saw the disaster take effect"
        story.say(2.0, "note", "evidence", name="extra", target="dr", seen=True)
        assert story.check(self.NAME).value == 2

    def test_injected_and_missing_faults_are_counted_together(self, story: Story) -> None:
        story.say(0.0, "invoke", "fault", name="extra", target="dr", starts_clock=True)
        assert story.check(self.NAME).bound == 2
        assert story.check("fault_healed").bound == 2

    def test_a_latent_defect_must_be_seen_too(self, story: Story) -> None:
        story.scenario = with_faults(story, FaultSpec("stale", "dr", latent=True))
        story.operation("fault", -30.0, -29.5, name="stale", target="dr", starts_clock=False)
        story.fault()
        assert "no peer saw stale at dr" in story.check(self.NAME).detail
        story.say(-29.0, "note", "evidence", name="stale", target="dr", seen=True, detail="old")
        assert story.check(self.NAME).verdict is Verdict.PASS

    def test_what_was_seen_once_it_was_undone_is_no_evidence(self, story: Story) -> None:
        story.fault(seen=None, healed=None)
        spec = story.scenario.faults[0]
        story.operation("heal", 1.0, 1.5, name=spec.name, target=spec.target, scheduled=True)
        seen(story, 1.6)
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN
        assert story.check("rto").detail == "no peer saw the disaster take effect"

    def test_a_cure_that_failed_did_not_undo_it(self, story: Story) -> None:
        story.fault(seen=None, healed=None)
        spec = story.scenario.faults[0]
        story.operation("heal", 1.0, 1.5, "fail", name=spec.name, target=spec.target)
        seen(story, 1.6)
        assert story.check(self.NAME).verdict is Verdict.PASS

    @pytest.mark.parametrize("ended", [None, "fail"])
    def test_what_was_seen_of_an_injection_that_did_not_succeed_is_no_evidence(
        self, story: Story, ended: str | None
    ) -> None:
        spec = story.scenario.faults[0]
        story.operation("fault", 0.0, None if ended is None else 0.5, ended or "", name=spec.name,
                        target=spec.target, starts_clock=True)  # fmt: skip
        seen(story, 1.0)
        check = story.check(self.NAME)
        assert (check.verdict, check.bound) == (Verdict.UNKNOWN, 1)
        assert check.detail == (
            "the injection of host_power_loss at primary failed, or never ended"
        )

    def test_what_was_seen_of_an_injection_that_nobody_can_tell_of_is_evidence(
        self, story: Story
    ) -> None:
        spec = story.scenario.faults[0]
        story.operation("fault", 0.0, 0.5, "unknown", name=spec.name, target=spec.target,
                        starts_clock=True)  # fmt: skip
        seen(story, 1.0)
        assert story.check(self.NAME).verdict is Verdict.PASS

    @pytest.mark.parametrize("lines", [("ok", "unknown"), ("unknown", "ok")])
    def test_an_injection_ended_when_it_first_did(
        self, story: Story, lines: tuple[str, str]
    ) -> None:
        op = story.operation("fault", 0.0, 0.5, lines[0], name="a", target="b", starts_clock=True)
        story.say(0.7, lines[1], "fault", op, name="a", target="b")
        assert observe(story.events()).faults[0].injected_ns == at_ns(0.5)


class TestFlapping:
    """A fault that is injected and undone three times: each time is an injection of its own."""

    def flap(self, story: Story, *, times: int = 3, unseen: int | None = None) -> Story:
        spec = FaultSpec("down", "link", duration_s=1.0, times=3, pause_s=1.0)
        story.scenario = replace(story.scenario, faults=(spec,))
        named = {"name": "down", "target": "link"}
        for number in range(times):
            began = 2.0 * number
            op = story.say(began, "invoke", "fault", **named, starts_clock=True)
            story.say(began + 0.1, "ok", "fault", op, **named)
            if number != unseen:
                seen(story, began + 0.2)
            story.operation("heal", began + 1.0, began + 1.1, **named, scheduled=True)
        return story

    def test_each_time_is_seen_and_undone_by_itself(self, story: Story) -> None:
        found = observe(self.flap(story).events())
        assert [each.invoked_ns for each in found.faults] == [at_ns(0.0), at_ns(2.0), at_ns(4.0)]
        assert [each.seen_ns for each in found.faults] == [at_ns(0.2), at_ns(2.2), at_ns(4.2)]
        assert [each.undone_ns for each in found.faults] == [at_ns(1.1), at_ns(3.1), at_ns(5.1)]
        assert (found.evidence_ns, found.passed_ns) == (at_ns(4.2), at_ns(5.1))
        assert found.t_fault_ns == at_ns(0.0)
        assert story.check("fault_evidence").value == 3
        assert story.check("fault_healed").value == 3

    def test_too_few_times_are_unknown(self, story: Story) -> None:
        self.flap(story, times=2)
        assert "down at link (2 of 3 times) was never injected" in (
            story.check("fault_evidence").detail
        )
        assert "not every disaster was injected" in story.check("rto").detail
        assert story.check("fault_healed").verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize("unseen", [0, 1, 2])
    def test_one_time_that_no_peer_saw_is_unknown(self, story: Story, unseen: int) -> None:
        self.flap(story, unseen=unseen)
        check = story.check("fault_evidence")
        assert (check.verdict, check.bound) == (Verdict.UNKNOWN, 3)
        assert observe(story.events()).passed_ns is None

    def test_a_late_sighting_belongs_to_the_injection_in_force(self, story: Story) -> None:
        self.flap(story, unseen=0)
        seen(story, 2.1)
        assert story.check("fault_evidence").verdict is Verdict.UNKNOWN

    def test_the_last_cure_speaks_for_all(self, story: Story) -> None:
        self.flap(story)
        story.operation("heal", 50.0, 51.0, "fail", name="down", target="link", detail="stuck")
        check = story.check("fault_healed")
        assert (check.verdict, check.value) == (Verdict.FAIL, 0)

    def test_a_cure_before_the_last_injection_does_not_heal_it(self, story: Story) -> None:
        self.flap(story)
        story.told = [e for e in story.told if not (e.kind == "heal" and e.t_ns > at_ns(4.0))]
        assert story.check("fault_healed").verdict is Verdict.UNKNOWN
        assert observe(story.events()).passed_ns == at_ns(4.2)

    def test_injected_again_before_it_was_undone_is_another_injection(self, story: Story) -> None:
        self.flap(story)
        story.told = [e for e in story.told if not (e.kind == "heal" and e.t_ns < at_ns(2.0))]
        found = observe(story.events())
        assert [each.undone_ns for each in found.faults] == [None, at_ns(3.1), at_ns(5.1)]

    def test_a_cure_that_began_before_the_injection_is_not_its_cure(self, story: Story) -> None:
        named = {"name": "down", "target": "link"}
        heal = story.say(-1.0, "invoke", "heal", **named)
        op = story.say(0.0, "invoke", "fault", **named, starts_clock=True)
        story.say(0.1, "ok", "fault", op, **named)
        story.say(0.2, "ok", "heal", heal, **named, scheduled=True)
        seen(story, 0.3, **named)
        (fault,) = observe(story.events()).faults
        assert (fault.undone_ns, fault.healed, fault.seen_ns) == (None, None, at_ns(0.3))

    def test_a_cure_at_the_drills_end_is_no_schedule(self, story: Story) -> None:
        self.flap(story)
        story.operation("heal", 50.0, 51.0, name="down", target="link", detail="nothing left")
        assert observe(story.events()).passed_ns == at_ns(5.1)
        assert story.check("fault_healed").verdict is Verdict.PASS

    @pytest.mark.parametrize("where", ["invoke", "ok"])
    def test_either_line_may_say_that_it_was_the_schedule(self, story: Story, where: str) -> None:
        self.flap(story)
        story.told = [
            replace(e, data={k: v for k, v in e.data.items() if k != "scheduled"})
            if e.kind == "heal" and e.type.value != where
            else e
            for e in story.told
        ]
        assert observe(story.events()).passed_ns == at_ns(5.1)


def with_faults(story: Story, *more: FaultSpec) -> Scenario:
    return replace(story.scenario, faults=(*story.scenario.faults, *more))


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

    def test_a_last_cure_that_never_ended_is_unknown(self, story: Story) -> None:
        story.fault()
        spec = story.scenario.faults[0]
        story.say(110.0, "invoke", "heal", name=spec.name, target=spec.target)
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_a_fault_that_was_never_injected_is_unknown(self, story: Story) -> None:
        assert "never injected" in story.check(self.NAME).detail
