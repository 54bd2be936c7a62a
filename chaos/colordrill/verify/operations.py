"""From an operation's two lines to what was observed of it; the end line may be missing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from colordrill.history import Event, EventType
from colordrill.verify.observations import Canary, Score, Snapshot, Step, Work
from colordrill.verify.probed import Readiness, Replica


def read_score(data: Mapping[str, Any]) -> Score:
    """The judgement that a ``score`` note holds; anything but true and false is None."""
    correct = data.get("correct")
    figures = data.get("scores")
    pixels = data.get("pixels_sha256")
    return Score(
        correct=correct if isinstance(correct, bool) else None,
        reasons=tuple(str(reason) for reason in data.get("reasons") or ()),
        figures=figures if isinstance(figures, Mapping) else {},
        pixels_sha256=_shared(pixels) if isinstance(pixels, str) and pixels else None,
    )


def canary(begin: Event, end: Event | None) -> Canary:
    """A canary, or a canary of the runbook; its score is not known yet."""
    answer = end.data if end is not None and end.type is EventType.OK else None
    return Canary(
        op=begin.id,
        name=_shared(str(begin.data.get("canary", ""))),
        sent_ns=begin.t_ns,
        ended_ns=None if end is None else end.t_ns,
        answered=answer is not None,
        site=None if answer is None else _shared(answer["site"]),
        # what does not say that it was computed afresh is taken as not
        cached=answer is not None and answer.get("colorize_cached") is not False,
        score=None,
    )


def with_score(seen: Canary, score: Score | None) -> Canary:
    """*seen* with what its score note says."""
    if score is None:
        return seen
    return Canary(
        seen.op,
        seen.name,
        seen.sent_ns,
        seen.ended_ns,
        seen.answered,
        seen.site,
        seen.cached,
        score,
    )


def snapshot(begin: Event, end: Event | None) -> Snapshot:
    """A backup."""
    return Snapshot(
        point=str(begin.data["point"]),
        began_ns=begin.t_ns,
        ended_ns=None if end is None else end.t_ns,
        published=end is not None and end.type is EventType.OK,
    )


def work(begin: Event, end: Event | None) -> Work:
    """An operation of a user."""
    return Work(_shared(begin.kind), begin.id, begin.t_ns, None if end is None else end.type)


def step(begin: Event, end: Event | None) -> Step:
    """A step of the runbook."""
    ended = {} if end is None else end.data
    point = ended.get("point")
    return Step(
        name=str(begin.data["step"]),
        began_ns=begin.t_ns,
        ended_ns=None if end is None else end.t_ns,
        ok=None if end is None else end.type is EventType.OK,
        detail=str(ended.get("detail", "")),
        point=None if point is None else str(point),
    )


def readiness(data: Mapping[str, Any]) -> Readiness:
    """One look of a readiness probe."""
    return Readiness(
        site=str(data["site"]),
        probe=str(data["probe"]),
        outcome=str(data["outcome"]),
        detail=str(data.get("detail", "")),
    )


def replica(event: Event) -> Replica:
    """What the replica held.

    Raises:
        TypeError: its figures are no numbers.
    """
    data = event.data
    # older notes know names alone: nothing was compared
    counts = [data["acknowledged"], data["present"], data.get("compared", 0)]
    if any(type(each) is not int for each in counts):
        raise TypeError("a replica note counts in whole numbers")
    acknowledged, present, compared = counts
    missing, differs = (
        tuple(str(each) for each in names) for names in (data["missing"], data.get("differs", ()))
    )
    return Replica(event.t_ns, acknowledged, present, missing, differs, compared)


def _shared(text: Any) -> Any:
    """The one copy of a text that a long history repeats; what is no text stays as it is."""
    return sys.intern(text) if type(text) is str else text
