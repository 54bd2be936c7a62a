"""What a start has to do, from the journal and from what the stack says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colordrill.recover.course import Way, World, course_of
from colordrill.recover.incidents import Incident, Past
from colordrill.stack.parts import Site

OLD, NEW = "20261122T201500.000Z", "20261122T210000.000Z"
OPEN = Incident(1, "2026-11-22T20:15:30.123+00:00", restored=(OLD,), broken_off="verify")
SWITCHING = replace(OPEN, broken_off="switch", switching=True)
OVER = replace(SWITCHING, broken_off=None, closed=True)

BOTH_OFF: frozenset[Site] = frozenset()
TO_PRIMARY, TO_DR = frozenset({Site.PRIMARY}), frozenset({Site.DR})


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

    course = course_of(past, World(active, answering, points))

    assert (course.way, course.keep_data) == (way, keep_data)
    assert course.why
    if way is Way.BEGIN:
        assert course.incident is None
    else:
        assert course.incident is last


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
