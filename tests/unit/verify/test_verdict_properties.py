"""Properties over altered histories: nothing raises, and what is missing never passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from colordrill.history import Event, EventType
from colordrill.outcome import Outcome, Verdict
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.verify.conclude import JUDGES, conclude

if TYPE_CHECKING:
    from unit.verify.conftest import Story

NOT_OF_A_FAILOVER = {"backups_resume", "replica"}
KINDS = ["readiness", "replica",
         "upload", "submit", "complete", "fetch", "edit", "canary", "score", "snapshot", "fault",
         "evidence", "heal", "sabotage", "detect", "step", "readback", "verifycan", "phase",
         "client_error", "turned_away", "unheard_of"]  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=3), st.lists(st.integers())
)
KEYS = st.sampled_from(
    ["item", "job", "op", "correct", "scores", "reasons", "name", "target", "seen", "point", "step",
     "outcome", "site", "starts_clock", "colorize_cached", "phase", "sha256",
     "stream",
     "scheduled", "probe", "acknowledged", "present", "missing",
     "differs", "compared"]
)  # fmt: skip
EVENTS = st.builds(
    Event,
    t_ns=st.integers(0, 10**11),
    wall=st.just(""),
    type=st.sampled_from(EventType),
    kind=st.sampled_from(KINDS),
    id=st.sampled_from(["a", "b", "c"]),
    data=st.dictionaries(KEYS, VALUES),
)


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    names = [check.name for check in outcome.checks]
    assert names in (list(JUDGES), [name for name in JUDGES if name not in NOT_OF_A_FAILOVER])
    return {check.name: check.verdict for check in outcome.checks}


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, max_size=25))
def test_whatever_the_lines_hold_nothing_raises_and_the_drill_does_not_pass(
    events: list[Event],
) -> None:
    assert conclude(events, HOST_POWER_LOSS).verdict is not Verdict.PASS


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_truncated_history_does_not_pass_before_its_cure(
    data: Any, story_class: type[Story]
) -> None:
    events = story_class().healthy().events()
    cut = data.draw(st.integers(0, len(events)))
    found = conclude(events[:cut], HOST_POWER_LOSS).verdict
    healed = any(event.kind == "heal" and event.type is EventType.OK for event in events[:cut])
    assert found is (Verdict.PASS if healed else Verdict.UNKNOWN)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_shuffled_history_does_not_pass(data: Any, story_class: type[Story]) -> None:
    events = story_class().healthy().events()
    shuffled = data.draw(st.permutations(events))
    found = conclude(shuffled, HOST_POWER_LOSS).verdict
    times = [event.t_ns for event in shuffled]
    assert found is not Verdict.PASS or times == sorted(times)


def fewer_lines(data: Any, story: Story) -> list[Event]:
    events = story.events()
    dropped = data.draw(st.sets(st.sampled_from(range(len(events))), max_size=40))
    return [event for number, event in enumerate(events) if number not in dropped]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wrong_pictures_after_the_fault_never_pass(data: Any, story_class: type[Story]) -> None:
    wrong = [
        replace(event, data={**event.data, "correct": False}) if after_fault(event) else event
        for event in fewer_lines(data, story_class().healthy())
    ]
    found = verdicts(conclude(wrong, HOST_POWER_LOSS))
    assert found["rto"] is not Verdict.PASS
    assert found["colour"] is not Verdict.PASS


def after_fault(event: Event) -> bool:
    return event.kind == "score" and event.t_ns > 1_000_000_000_000


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_lost_line_never_turns_a_failure_of_colour_into_a_pass(
    data: Any, story_class: type[Story]
) -> None:
    story = story_class().healthy()
    story.canary(26.5, correct=False)
    story.canaries(27.0, 45.0)
    whole = verdicts(conclude(story.events(), HOST_POWER_LOSS))
    assert whole["colour"] is Verdict.FAIL
    scores = [event for event in story.events() if event.kind == "score"]
    gone = data.draw(st.sampled_from(scores))
    kept = [event for event in story.events() if event is not gone]
    found = verdicts(conclude(kept, HOST_POWER_LOSS))
    assert found["colour"] is not Verdict.PASS


def test_without_any_one_reading_rpo_or_integrity_is_unknown(story_class: type[Story]) -> None:
    events = story_class().healthy().events()
    acked = {
        event.data["item"]: event.t_ns
        for event in reversed(events)
        if event.type is EventType.OK and event.kind in {"edit", "upload", "complete"}
    }
    readings = [
        event for event in events if event.kind == "readback" and event.type is EventType.OK
    ]
    assert len(readings) == 9
    for reading in readings:
        kept = [event for event in events if event is not reading]
        found = verdicts(conclude(kept, HOST_POWER_LOSS))
        assert found["integrity"] is Verdict.UNKNOWN
        before = acked[reading.data["item"]] < 1_000_000_000_000
        assert found["rpo"] is (Verdict.UNKNOWN if before else Verdict.PASS)
        assert found["lost_after_fault"] is (Verdict.PASS if before else Verdict.UNKNOWN)


def test_no_kind_of_line_can_be_absent_from_a_drill_that_passes(story_class: type[Story]) -> None:
    for kind in ("canary", "score", "snapshot", "fault", "evidence", "heal", "readback", "edit",
                 "submit", "complete", "fetch", "step"):  # fmt: skip
        assert story_class().healthy().without(kind).outcome().verdict is not Verdict.PASS
