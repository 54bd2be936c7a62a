"""Checks ``configuration`` and ``replica``: what probes and readers of storage wrote down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.outcome import Verdict
from colordrill.scenario.fault_spec import Recovery

if TYPE_CHECKING:
    from unit.verify.conftest import Story


class TestConfiguration:
    NAME = "configuration"

    @pytest.mark.parametrize("outcome", ["as_primary", "mended"])
    def test_what_is_as_at_the_primary_passes(self, story: Story, outcome: str) -> None:
        story.fault()
        story.probe(5.0, "image")
        story.probe(5.1, "mounts", outcome)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 2, 2)
        assert ("mended on the way: mounts" in check.detail) is (outcome == "mended")

    def test_what_differs_fails_and_is_named(self, story: Story) -> None:
        story.fault()
        story.probe(5.0, "image", "differs")
        story.probe(5.1, "mounts", "unknown")
        story.probe(5.2, "owner")
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 1, 3)
        assert check.detail == "dr is not set up as the primary: image (seen)"

    def test_what_differs_fails_without_a_fault_too(self, story: Story) -> None:
        story.probe(5.0, "image")
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN
        story.probe(5.0, "image", "differs")
        assert story.check(self.NAME).verdict is Verdict.FAIL

    @pytest.mark.parametrize("outcome", ["unknown", "fine", ""])
    def test_what_could_not_be_told_is_unknown(self, story: Story, outcome: str) -> None:
        story.fault()
        story.probe(5.0, "image")
        story.probe(5.1, "mounts", outcome)
        check = story.check(self.NAME)
        assert check.verdict is Verdict.UNKNOWN
        assert "mounts" in check.detail

    @pytest.mark.parametrize(
        ("outcomes", "verdict"),
        [
            (["differs", "mended"], Verdict.PASS),
            (["as_primary", "differs"], Verdict.FAIL),
            (["as_primary", "unknown"], Verdict.UNKNOWN),
        ],
    )
    def test_the_last_look_of_a_probe_counts(
        self, story: Story, outcomes: list[str], verdict: Verdict
    ) -> None:
        story.fault()
        for number, outcome in enumerate(outcomes):
            story.probe(5.0 + number, "image", outcome)
        assert story.check(self.NAME).verdict is verdict

    def test_no_probe_is_unknown(self, story: Story) -> None:
        story.fault()
        assert story.check(self.NAME).detail == "no probe looked at dr"
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_a_probe_of_another_site_says_nothing(self, story: Story) -> None:
        story.fault()
        story.probe(5.0, "image", site="primary")
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize("recovery", [Recovery.IN_PLACE, Recovery.UNAIDED])
    def test_it_applies_to_a_failover_alone(self, story: Story, recovery: Recovery) -> None:
        story.scenario = replace(story.scenario, recovery=recovery)
        story.fault()
        story.probe(5.0, "image", "differs")
        assert self.NAME not in story.verdicts()


class TestReplica:
    NAME = "replica"

    def told(self, story: Story, **found: Any) -> Story:
        story.scenario = replace(story.scenario, replica=True)
        named = {"missing": [], "differs": [], "compared": found["acknowledged"]}
        story.say(50.0, "note", "replica", **{**named, **found})
        return story

    def outputs(self, story: Story, count: int) -> None:
        story.item("workflows/a.json", 5.0)
        for number in range(count):
            story.job(f"j{number}", 5.0, 6.0)

    def test_everything_that_was_acknowledged_passes(self, story: Story) -> None:
        story.fault()
        self.outputs(story, 7)
        self.told(story, acknowledged=7, present=7)
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.PASS, 7, 7)

    def test_what_is_missing_fails_and_is_named(self, story: Story) -> None:
        self.told(story, acknowledged=7, present=6, missing=["output/a.png"])
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 6, 7)
        assert check.detail.endswith("missing: output/a.png")

    def test_half_a_picture_of_the_right_name_fails_and_is_named(self, story: Story) -> None:
        self.told(story, acknowledged=7, present=5, missing=["b.png"], differs=["a.png"])
        check = story.check(self.NAME)
        assert (check.verdict, check.value, check.bound) == (Verdict.FAIL, 5, 7)
        assert check.detail.endswith("missing: b.png; with other bytes: a.png")

    def test_one_that_differs_fails_whatever_the_count_says(self, story: Story) -> None:
        self.told(story, acknowledged=7, present=7, differs=["a.png"])
        assert story.check(self.NAME).verdict is Verdict.FAIL

    def test_where_nobody_was_told_missing_it_says_so(self, story: Story) -> None:
        self.told(story, acknowledged=7, present=6)
        assert story.check(self.NAME).detail.endswith("missing: nobody said which")

    @pytest.mark.parametrize(("compared", "unseen"), [(6, 1), (0, 7)])
    def test_one_whose_bytes_nobody_compared_is_unknown(
        self, story: Story, compared: int, unseen: int
    ) -> None:
        story.fault()
        self.outputs(story, 7)
        self.told(story, acknowledged=7, present=7, compared=compared)
        check = story.check(self.NAME)
        assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
        assert check.detail.endswith(f"but nobody compared the bytes of {unseen} of them")

    def test_a_note_of_names_alone_is_unknown(self, story: Story) -> None:
        story.fault()
        story.job("a", -9.0, -8.0)
        story.say(50.0, "note", "replica", acknowledged=1, present=1, missing=[])
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize(("present", "missing"), [(6, []), (7, ["output/a.png"])])
    def test_either_sign_of_a_loss_is_enough(
        self, story: Story, present: int, missing: list[str]
    ) -> None:
        self.told(story, acknowledged=7, present=present, missing=missing)
        assert story.check(self.NAME).verdict is Verdict.FAIL

    @pytest.mark.parametrize(("count", "present", "compared"), [(0, 0, 0), (6, 7, 6), (6, 6, 7)])
    def test_figures_that_prove_nothing_are_unknown(
        self, story: Story, count: int, present: int, compared: int
    ) -> None:
        story.fault()
        self.outputs(story, count)
        self.told(story, acknowledged=count, present=present, compared=compared)
        check = story.check(self.NAME)
        assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)

    @pytest.mark.parametrize("outputs", [0, 6, 8])
    def test_a_look_at_other_outputs_than_were_acknowledged_is_unknown(
        self, story: Story, outputs: int
    ) -> None:
        story.fault()
        self.outputs(story, outputs)
        self.told(story, acknowledged=7, present=7)
        check = story.check(self.NAME)
        assert (check.verdict, check.value) == (Verdict.UNKNOWN, None)
        assert check.detail.endswith(f"but clients were acknowledged {outputs} outputs")

    @pytest.mark.parametrize(
        ("second", "verdict"), [(-0.001, Verdict.UNKNOWN), (0.0, Verdict.PASS)]
    )
    def test_a_look_before_the_fault_says_nothing(
        self, story: Story, second: float, verdict: Verdict
    ) -> None:
        story.fault()
        story.job("a", -9.0, -8.0)
        story.say(second, "note", "replica", acknowledged=1, present=1, compared=1, missing=[])
        assert story.check(self.NAME).verdict is verdict

    def test_the_last_look_counts(self, story: Story) -> None:
        story.fault()
        self.outputs(story, 7)
        self.told(story, acknowledged=7, present=6, missing=["output/a.png"])
        found = {"acknowledged": 7, "present": 7, "compared": 7, "missing": []}
        story.say(51.0, "note", "replica", **found)
        assert story.check(self.NAME).verdict is Verdict.PASS

    def test_nobody_looked_where_somebody_had_to_is_unknown(self, story: Story) -> None:
        story.scenario = replace(story.scenario, replica=True)
        story.fault()
        assert story.check(self.NAME).detail == "nobody looked at what the replica holds"
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    def test_without_a_fault_it_is_unknown(self, story: Story) -> None:
        self.told(story, acknowledged=7, present=7)
        assert story.check(self.NAME).verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize("present", [True, "7", None, 7.0])
    def test_what_is_no_count_makes_everything_unknown(self, healthy: Story, present: Any) -> None:
        healthy.may_crash = True
        self.told(healthy, acknowledged=7, present=present, missing=[])
        assert set(healthy.verdicts().values()) == {Verdict.UNKNOWN}

    def test_it_does_not_apply_where_storage_is_not_the_matter(self, story: Story) -> None:
        story.fault()
        assert self.NAME not in story.verdicts()

    def test_a_look_that_nobody_asked_for_is_judged_all_the_same(self, story: Story) -> None:
        story.say(50.0, "note", "replica", acknowledged=7, present=6, missing=[])
        assert story.check(self.NAME).verdict is Verdict.FAIL
