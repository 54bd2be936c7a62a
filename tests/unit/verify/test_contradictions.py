"""Lines that no true history can hold: nothing passes on them, and no failure hides in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from colordrill.history import EventType
from colordrill.outcome import Verdict
from colordrill.verify.observe import observe

if TYPE_CHECKING:
    from unit.verify.conftest import Story

ENDS = [each for each in EventType if each not in {EventType.INVOKE, EventType.NOTE}]
KINDS = ["upload", "edit", "submit", "complete", "fetch", "readback", "fault"]
DATA: dict[str, Any] = {
    "item": "output/later.png",
    "job": "later",
    "outcome": "present",
    "name": "host_power_loss",
    "target": "primary",
    "starts_clock": True,
}


def contradiction(story: Story) -> str | None:
    return observe(story.events()).contradiction


def nothing_passes(story: Story, what: str) -> bool:
    return contradiction(story) == what and Verdict.PASS not in story.verdicts().values()


def test_a_drill_in_which_everything_holds_contradicts_itself_nowhere(healthy: Story) -> None:
    assert contradiction(healthy) is None


class TestPairs:
    """An operation begins once and ends once."""

    @pytest.mark.parametrize("first", ENDS)
    @pytest.mark.parametrize("second", ENDS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_an_operation_that_ends_twice(
        self, healthy: Story, kind: str, first: EventType, second: EventType
    ) -> None:
        op = healthy.operation(kind, 111.0, 112.0, first.value, **DATA)
        assert contradiction(healthy) is None
        healthy.say(113.0, second.value, kind, op, **DATA)
        assert nothing_passes(healthy, f"{kind} {op} ends and was not under way")

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_operation_that_begins_twice(self, healthy: Story, kind: str) -> None:
        op = healthy.operation(kind, 111.0, None, **DATA)
        healthy.operation(kind, 111.1, None, **DATA)
        assert contradiction(healthy) is None
        healthy.say(111.5, "invoke", kind, op, **DATA)
        assert nothing_passes(healthy, f"{kind} {op} begins twice")

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_operation_whose_beginning_is_missing(self, healthy: Story, kind: str) -> None:
        healthy.operation("upload", 12.0, 12.5, item="input/a.png")
        begun = next(
            each for each in healthy.told if each.kind == kind and each.type is EventType.INVOKE
        )
        healthy.told.remove(begun)
        assert contradiction(healthy) == f"{kind} {begun.id} ends and was not under way"
        assert Verdict.PASS not in healthy.verdicts().values()

    def test_operations_of_two_kinds_may_share_an_id(self, story: Story) -> None:
        for kind in ("edit", "upload"):
            story.say(1.0, "invoke", kind, "a", item="input/a")
            story.say(2.0, "ok", kind, "a", item="input/a")
        assert contradiction(story) is None

    @pytest.mark.parametrize("ends", [("fail", "ok"), ("ok", "fail"), ("unknown", "ok")])
    def test_of_a_cure_that_ends_twice_the_failure_stands(
        self, healthy: Story, ends: tuple[str, str]
    ) -> None:
        named = {"name": "host_power_loss", "target": "primary"}
        op = healthy.operation("heal", 107.0, 108.0, ends[0], **named)
        healthy.say(109.0, ends[1], "heal", op, **named)
        assert nothing_passes(healthy, f"heal {op} ends twice")
        assert healthy.check("fault_healed").verdict is Verdict.FAIL

    def test_a_cure_that_ends_well_twice(self, healthy: Story) -> None:
        named = {"name": "host_power_loss", "target": "primary"}
        op = healthy.operation("heal", 107.0, 108.0, **named)
        healthy.say(109.0, "ok", "heal", op, **named)
        assert nothing_passes(healthy, f"heal {op} ends twice")

    @pytest.mark.parametrize("ended", [108.0, None])
    def test_a_cure_that_begins_twice(self, healthy: Story, ended: float | None) -> None:
        named = {"name": "host_power_loss", "target": "primary"}
        op = healthy.operation("heal", 107.0, ended, **named)
        healthy.say(109.0, "invoke", "heal", op, **named)
        assert nothing_passes(healthy, f"heal {op} begins twice")


class TestScores:
    """A picture that was judged was held before."""

    @pytest.mark.parametrize("kind", ["canary", "verifycan"])
    @pytest.mark.parametrize("correct", [True, False, None])
    def test_a_score_whose_canary_has_no_end(
        self, healthy: Story, kind: str, correct: bool | None
    ) -> None:
        op = healthy.canary(27.0, kind=kind, correct=correct)
        assert contradiction(healthy) is None
        healthy.told = [e for e in healthy.told if (e.id, e.type) != (op, EventType.OK)]
        assert nothing_passes(healthy, f"{op} has a score and was never answered")

    @pytest.mark.parametrize("end", ["fail", "unknown"])
    def test_a_score_whose_canary_was_not_answered(self, healthy: Story, end: str) -> None:
        op = healthy.operation("canary", 27.0, 27.5, end, canary="person", error="refused")
        assert contradiction(healthy) is None
        healthy.say(27.7, "note", "score", op=op, correct=False, reasons=[], scores={})
        assert nothing_passes(healthy, f"{op} has a score and was never answered")

    def test_a_score_without_any_canary_the_first_by_name(self, healthy: Story) -> None:
        for op in ("canary-b", "canary-a", None):
            healthy.say(27.7, "note", "score", op=op, correct=False, reasons=[], scores={})
        assert nothing_passes(healthy, "None has a score and was never answered")

    def test_a_calibration_may_be_scored(self, healthy: Story) -> None:
        op = healthy.canary(-40.0, kind="calibration", site="primary")
        assert contradiction(healthy) is None
        healthy.told = [e for e in healthy.told if (e.id, e.type) != (op, EventType.OK)]
        assert nothing_passes(healthy, f"{op} has a score and was never answered")


class TestReadings:
    """Only what was acknowledged is read back."""

    @pytest.mark.parametrize("kind", ["edit", "upload"])
    @pytest.mark.parametrize("outcome", ["lost", "corrupt", "present", "unknown"])
    def test_a_reading_whose_acknowledgement_is_missing(
        self, healthy: Story, kind: str, outcome: str
    ) -> None:
        op = healthy.operation(kind, -9.5, -9.0, item="some/a")
        healthy.operation("readback", 100.0, 100.1, item="some/a", outcome=outcome)
        assert contradiction(healthy) is None
        healthy.told = [e for e in healthy.told if (e.id, e.type) != (op, EventType.OK)]
        assert nothing_passes(healthy, "some/a was read back and never acknowledged")

    def test_the_reading_of_an_output_whose_completion_is_missing(self, healthy: Story) -> None:
        healthy.job("gone", -9.5, -9.0, outcome="lost")
        assert healthy.failed() == {"integrity", "rpo"}
        healthy.told = [
            each
            for each in healthy.told
            if each.data.get("job") != "gone" or each.kind not in {"complete", "fetch"}
        ]
        assert nothing_passes(healthy, "output/gone.png was read back and never acknowledged")

    def test_an_acknowledgement_may_be_written_after_the_reading(self, story: Story) -> None:
        story.fault()
        story.operation("readback", 1.0, 1.1, item="some/a", outcome="present")
        assert contradiction(story) == "some/a was read back and never acknowledged"
        story.operation("edit", 0.5, 2.0, item="some/a")
        assert contradiction(story) is None

    def test_a_reading_before_the_fault_says_nothing(self, story: Story) -> None:
        story.operation("readback", -2.0, -1.0, item="some/a", outcome="present")
        story.fault()
        assert contradiction(story) is None
