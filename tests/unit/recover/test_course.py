"""What a start has to do, from the journal and from what the stack says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.recover.course import Way, World, course_of
from colordrill.recover.failback_past import WayBack
from colordrill.recover.incidents import Incident, Past
from colordrill.stack.parts import Site

OLD, NEW = "20261122T201500.000Z", "20261122T210000.000Z"
OPEN = Incident(1, "2026-11-22T20:15:30.123+00:00", restored=(OLD,), broken_off="verify")
SWITCHING = replace(OPEN, broken_off="switch", switching=True)
OVER = replace(SWITCHING, broken_off=None, closed=True)
GOING_BACK = replace(OVER, failback=WayBack("2026-11-22T21:30:00.000+00:00", merged=(OLD,)))
THERE = replace(
    OVER,
    failback=WayBack(GOING_BACK.begun_at, synced=OLD, switched_at="2026-11-22T20:15:40.123+00:00"),
)
EMPTYING = replace(THERE, failback=replace(THERE.failback or WayBack(""), emptying=True))
BACK = replace(EMPTYING, failback=replace(EMPTYING.failback or WayBack(""), done=True))

BOTH_OFF: frozenset[Site] = frozenset()
TO_PRIMARY, TO_DR = frozenset({Site.PRIMARY}), frozenset({Site.DR})
BEFORE = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 22, 20, 45, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "active", "answering", "points", "way", "keep_data"),
    [
        (None, TO_PRIMARY, None, [OLD], Way.BEGIN, False),
        (None, BOTH_OFF, None, [OLD], Way.BEGIN, False),
        # the DR site is where users are
        (None, TO_DR, "dr", [OLD], Way.NOTHING, True),
        (None, TO_DR, None, [OLD], Way.BEGIN, True),
        (OVER, TO_DR, "dr", [OLD], Way.NOTHING, True),
        (OVER, TO_DR, None, [OLD], Way.RESUME, True),
        (SWITCHING, TO_DR, "dr", [OLD], Way.RESUME, True),
        (OPEN, TO_DR, "dr", [OLD], Way.RESUME, True),
        # broken off, and the world is as it was left
        (OPEN, BOTH_OFF, None, [OLD], Way.RESUME, False),
        (OPEN, BOTH_OFF, None, [OLD, NEW], Way.RESUME, False),
        (SWITCHING, BOTH_OFF, None, [OLD], Way.RESUME, True),
        # somebody, or a restart of the gateway, has sent users to the primary since
        (OPEN, TO_PRIMARY, "primary", [OLD], Way.BEGIN, False),
        (OPEN, TO_PRIMARY, None, [OLD, NEW], Way.BEGIN, False),
        (SWITCHING, TO_PRIMARY, None, [OLD], Way.RESUME, True),
        (SWITCHING, TO_PRIMARY, None, [OLD, NEW], Way.BEGIN, False),
        (OVER, TO_PRIMARY, None, [OLD], Way.RESUME, True),
        (OVER, TO_PRIMARY, None, [OLD, NEW], Way.BEGIN, False),
        # a failback was broken off before its switch: users' last state is at the DR site
        (GOING_BACK, TO_DR, "dr", [OLD], Way.NOTHING, True),
        (GOING_BACK, BOTH_OFF, None, [OLD, NEW], Way.RESUME, True),
        (GOING_BACK, TO_PRIMARY, "primary", [OLD], Way.RESUME, True),
        # or after it: users may have written to the primary since
        (THERE, TO_PRIMARY, None, [OLD], Way.RESUME, True),
        (THERE, TO_PRIMARY, None, [OLD, NEW], Way.BEGIN, False),
        (THERE, BOTH_OFF, None, [OLD], Way.RESUME, True),
        (EMPTYING, TO_PRIMARY, None, [OLD], Way.BEGIN, False),
        # or it is over: what was restored into the DR site is there no more
        (BACK, TO_PRIMARY, None, [OLD], Way.BEGIN, False),
        (BACK, BOTH_OFF, None, [OLD], Way.BEGIN, False),
    ],
)
def test_the_course_follows_from_the_journal_and_the_world(
    last: Incident | None,
    active: frozenset[Site],
    answering: str | None,
    points: list[str],
    way: Way,
    keep_data: bool,
) -> None:
    past = Past((last,) if last else ())
    world = World(active, answering, points, primary_runs=False, primary_started_at=AFTER)

    course = course_of(past, world)

    assert (course.way, course.keep_data) == (way, keep_data)
    assert course.why
    if way is Way.BEGIN:
        assert course.incident is None
    else:
        assert course.incident is last


@pytest.mark.parametrize("started_at", [None, BEFORE])
@pytest.mark.parametrize("last", [SWITCHING, OVER])
def test_points_copied_from_a_primary_that_was_not_started_since_hold_nothing_new(
    last: Incident, started_at: datetime | None
) -> None:
    world = World(TO_PRIMARY, None, [OLD, NEW], primary_started_at=started_at)

    course = course_of(Past((last,)), world)

    assert (course.way, course.keep_data) == (Way.RESUME, True)


@pytest.mark.parametrize("gateway_started_at", [None, AFTER, LATER])
@pytest.mark.parametrize("last", [SWITCHING, OVER])
def test_points_of_before_the_primary_s_last_start_may_hold_users_last_state_or_not(
    last: Incident, gateway_started_at: datetime | None
) -> None:
    world = World(
        TO_PRIMARY,
        None,
        [OLD, NEW],
        primary_started_at=LATER,
        gateway_started_at=gateway_started_at,
    )

    with pytest.raises(UsageProblem, match="nobody can tell") as refused:
        course_of(Past((last,)), world)

    assert "set server sites/dr state ready" in str(refused.value)
    assert "--point" in str(refused.value)
    chosen = course_of(Past((last,)), world, chosen=True)
    assert (chosen.way, chosen.keep_data) == (Way.BEGIN, False)


@pytest.mark.parametrize("last", [SWITCHING, OVER])
def test_a_gateway_that_was_not_started_again_was_sent_back_to_the_primary_by_somebody(
    last: Incident,
) -> None:
    world = World(TO_PRIMARY, None, [OLD, NEW], primary_started_at=LATER, gateway_started_at=BEFORE)

    assert course_of(Past((last,)), world).way is Way.BEGIN


@pytest.mark.parametrize("started_at", [None, BEFORE, AFTER, LATER])
@pytest.mark.parametrize("last", [SWITCHING, OVER])
def test_an_empty_dr_site_that_users_are_not_sent_to_is_never_used_as_it_is(
    last: Incident, started_at: datetime | None
) -> None:
    world = World(TO_PRIMARY, None, [OLD, NEW], primary_started_at=started_at, dr_holds=False)

    course = course_of(Past((last,)), world)

    assert (course.way, course.keep_data) == (Way.BEGIN, False)


def test_a_failback_that_was_broken_off_does_not_outweigh_points_of_a_primary_in_use() -> None:
    past, world = Past((GOING_BACK,)), World(TO_PRIMARY, "primary", [OLD, NEW])

    with pytest.raises(UsageProblem, match="nobody can tell"):
        course_of(past, world)

    assert course_of(past, world, chosen=True).way is Way.BEGIN
    assert course_of(past, World(BOTH_OFF, None, [OLD, NEW])).keep_data


def test_users_at_a_dr_site_that_is_half_restored_are_kept_from_it_first() -> None:
    past = Past((replace(OPEN, broken_off="mount"),))

    with pytest.raises(UsageProblem, match="holds a part of that") as refused:
        course_of(past, World(TO_DR, "dr", [OLD]))

    assert "set server sites/dr state maint" in str(refused.value)
    assert not course_of(past, World(BOTH_OFF, None, [OLD])).keep_data


def test_what_depends_on_points_that_cannot_be_listed_is_not_decided() -> None:
    unlisted = EnvironmentProblem("the recovery points cannot be listed")

    def course(started_at: datetime) -> Any:
        world = World(TO_PRIMARY, None, (), unlisted, primary_started_at=started_at)
        return course_of(Past((OVER,)), world)

    assert course(BEFORE).keep_data
    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        course(AFTER)


@pytest.mark.parametrize("runs", [None, True])
@pytest.mark.parametrize(("last", "way"), [(None, Way.BEGIN), (OVER, Way.RESUME)])
def test_an_active_dr_site_is_not_enough_where_the_primary_was_not_seen_to_be_stopped(
    last: Incident | None, way: Way, runs: bool | None
) -> None:
    world = World(TO_DR, "dr", [OLD], primary_runs=runs)

    course = course_of(Past((last,) if last else ()), world)

    assert (course.way, course.keep_data) == (way, True)
    assert "fenced again" in course.why


@pytest.mark.parametrize(
    ("last", "holds", "keep_data"),
    [
        (None, False, False),
        (None, True, True),
        (OPEN, False, False),
        (OPEN, True, True),
        (SWITCHING, False, True),
    ],
)
def test_an_active_dr_site_that_holds_nothing_is_restored_unless_it_was_switched_to(
    last: Incident | None, holds: bool, keep_data: bool
) -> None:
    world = World(TO_DR, "dr", [OLD], primary_runs=False, dr_holds=holds)

    course = course_of(Past((last,) if last else ()), world)

    assert course.keep_data is keep_data
    # where nobody has written yet the primary may still be the site that counts
    assert course.on_dr is keep_data
    assert (course.way is Way.NOTHING) is (last is None and holds)


def test_the_primary_is_asked_unless_the_dr_site_is_where_users_are() -> None:
    past = Past((OVER,))

    assert course_of(past, World(TO_DR, None, [OLD])).on_dr
    assert not course_of(past, World(TO_PRIMARY, "primary", [OLD])).on_dr


def test_force_is_remembered_only_while_the_primary_is_still_fenced() -> None:
    past = Past((replace(OPEN, forced=True),))

    assert course_of(past, World(BOTH_OFF, None, [OLD])).forced
    assert not course_of(past, World(TO_PRIMARY, "primary", [OLD])).forced
    over = Past((replace(OVER, forced=True),))
    assert not course_of(over, World(TO_PRIMARY, "primary", [OLD])).forced


@pytest.mark.parametrize(
    ("holds", "way", "keep_data"), [(True, Way.NOTHING, True), (False, Way.BEGIN, False)]
)
def test_users_who_were_sent_by_hand_to_a_dr_site_that_was_emptied_keep_what_they_wrote_there(
    holds: bool, way: Way, keep_data: bool
) -> None:
    world = World(TO_DR, "dr", [OLD], primary_runs=False, dr_holds=holds)

    course = course_of(Past((BACK,)), world)

    assert (course.way, course.keep_data, course.incident) == (way, keep_data, None)


@pytest.mark.parametrize("last", [THERE, GOING_BACK])
@pytest.mark.parametrize(("active", "weighed"), [(TO_PRIMARY, True), (BOTH_OFF, False)])
def test_a_healthy_primary_counts_after_a_failback_only_where_users_are_sent_to_it(
    active: frozenset[Site], weighed: bool, last: Incident
) -> None:
    course = course_of(Past((last,)), World(active, None, [OLD]))

    assert course.on_dr is not weighed
