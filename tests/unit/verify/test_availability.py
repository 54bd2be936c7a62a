"""Figures of availability, and how long wrong pictures were given out; exact to the nanosecond."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colordrill.verify.availability import availability, bad_output_s, timeline
from colordrill.verify.observations import Canary, CanaryState, Observations, Score

if TYPE_CHECKING:
    from unit.verify.conftest import Story

TICK_NS = 250_000_000


def canary(sent: int, took: int, state: CanaryState) -> Canary:
    """A canary of *state*, in ticks of a quarter of a second."""
    correct = {CanaryState.CORRECT: True, CanaryState.WRONG: False}.get(state)
    return Canary(
        op=f"{sent}",
        name="person",
        sent_ns=sent * TICK_NS,
        ended_ns=(sent + took) * TICK_NS,
        answered=state is not CanaryState.UNANSWERED,
        site="primary",
        cached=False,
        score=None if correct is None else Score(correct, (), {}),
    )


CANARIES = st.lists(
    st.builds(canary, st.integers(0, 60), st.integers(0, 20), st.sampled_from(CanaryState)),
    max_size=12,
)


def speaks(each: Canary) -> int:
    return each.sent_ns if each.state is CanaryState.UNANSWERED else each.ended_ns or 0


def by_ticks(canaries: list[Canary], wanted: CanaryState, since: int = 0) -> float:
    """What a watcher counts who looks up, tick by tick, what was said last."""
    said = [each for each in canaries if each.state is not CanaryState.UNDECIDED]
    seconds = 0.0
    for tick in range(since, 100):
        t_ns = tick * TICK_NS
        before = [each for each in said if speaks(each) <= t_ns]
        if not before or not any(speaks(each) > t_ns for each in said):
            continue
        latest = max(speaks(each) for each in before)
        last = [each for each in before if speaks(each) == latest][-1]
        seconds += 0.25 if last.state is wanted else 0.0
    return seconds


@settings(max_examples=300, deadline=None)
@given(canaries=CANARIES)
def test_bad_output_is_what_a_watcher_counts(canaries: list[Canary]) -> None:
    found = bad_output_s(Observations(canaries=tuple(canaries)))
    pictures = {CanaryState.CORRECT, CanaryState.WRONG}
    if not any(each.state in pictures for each in canaries):
        assert found is None
    else:
        assert found == by_ticks(canaries, CanaryState.WRONG)


@settings(max_examples=300, deadline=None)
@given(canaries=CANARIES, fault=st.integers(0, 70))
def test_up_and_down_are_what_a_watcher_counts_from_the_fault_on(
    canaries: list[Canary], fault: int
) -> None:
    seen = Observations(canaries=tuple(canaries), t_fault_ns=fault * TICK_NS)
    found = availability(seen)
    if found["available_s"] is None:
        assert found["outage_s"] is None
        expected = (0.0, 0.0)
    else:
        expected = (found["available_s"], found["outage_s"] or 0.0)
    assert expected == (
        by_ticks(canaries, CanaryState.CORRECT, fault),
        by_ticks(canaries, CanaryState.UNANSWERED, fault),
    )


@settings(max_examples=100, deadline=None)
@given(canaries=CANARIES)
def test_the_timeline_has_neither_gaps_nor_overlaps(canaries: list[Canary]) -> None:
    spans = timeline(canaries)
    for first, second in itertools.pairwise(spans):
        assert first.ended_ns == second.began_ns


def test_without_a_fault_nothing_is_measured(story: Story) -> None:
    story.canaries(1.0, 9.0)
    assert (story.outcome().actuals.available_s, story.outcome().actuals.outage_s) == (None, None)


def test_an_outage_is_measured_from_the_fault_to_the_first_picture_that_is_held(
    story: Story,
) -> None:
    story.canary(-2.0, took=0.5)
    story.fault()
    story.canary(0.5, answered=False, took=2.0)
    story.canary(2.0, answered=False, took=0.1)
    story.canary(5.0, took=0.5)
    story.canary(9.0, took=1.0)
    actuals = story.outcome().actuals
    assert actuals.available_s == pytest.approx(0.5 + 4.5)
    assert actuals.outage_s == pytest.approx(5.0)
    assert actuals.bad_output_s == 0.0


def test_wrong_pictures_are_neither_up_nor_down(story: Story) -> None:
    story.fault()
    story.canary(1.0, took=0.5, correct=False)
    story.canary(3.0, took=0.5)
    story.canary(6.0, took=0.5)
    actuals = story.outcome().actuals
    assert (actuals.available_s, actuals.outage_s, actuals.bad_output_s) == (3.0, 0.0, 2.0)
