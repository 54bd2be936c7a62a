from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from colordrill.clock import NS_PER_S
from colordrill.drill.steady import SteadyWatch
from colordrill.history import Event, EventType
from colordrill.scenario.model import Pace

PACE = replace(Pace(), steady_canaries=2, points_before_fault=2)
RPO_BOUND_NS = 4


class Told:
    """Tells a watch what happens, each event later than the one before."""

    def __init__(self, rpo_bound_s: float = 0.0) -> None:
        self.watch = SteadyWatch(PACE, rpo_bound_s)
        self._t_ns = itertools.count(1)

    @property
    def ready(self) -> bool:
        return self.watch.ready.is_set()

    def say(self, type_: str, kind: str, id_: str, /, **data: object) -> None:
        self.watch.observe(Event(next(self._t_ns), "", EventType(type_), kind, id_, data))

    def correct(self, correct: object = True, times: int = 1, kind: str = "canary") -> None:
        for _ in range(times):
            self.say("note", "score", "score-1", op=f"{kind}-1", correct=correct)

    def point(self, op: str = "snapshot-1", end: str = "ok") -> None:
        self.say("invoke", "snapshot", op, point="p")
        self.say(end, "snapshot", op, point="p")

    def acknowledged(self, kind: str = "upload") -> None:
        self.say("ok", kind, f"{kind}-1")

    def everything(self) -> None:
        self.correct(times=2)
        self.point()
        self.point()
        self.acknowledged()


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_has_happened_and_nothing_is_steady(told: Told) -> None:
    assert not told.ready
    assert told.watch.progress().startswith("0 of 2 correct canaries")


def test_canaries_points_and_an_item_after_the_newest_point_make_it_steady(told: Told) -> None:
    told.everything()

    assert told.ready


@pytest.mark.parametrize(("since", "ready"), [(RPO_BOUND_NS - 1, False), (RPO_BOUND_NS, True)])
def test_work_must_be_older_than_what_may_be_lost(since: int, ready: bool) -> None:
    """Otherwise losing all of it would be within the bound."""
    told = Told(RPO_BOUND_NS / NS_PER_S)
    told.correct(times=2)
    told.point()
    told.point()
    told.acknowledged()
    for _ in range(since):
        told.say("invoke", "job", "job-1")

    assert told.ready is ready
    assert f"{since / NS_PER_S:.0f} of 4e-09 s of work" in told.watch.progress()


@pytest.mark.parametrize("missing", ["canaries", "points", "item"])
def test_each_of_the_three_is_needed(told: Told, missing: str) -> None:
    told.correct(times=1 if missing == "canaries" else 2)
    for _ in range(1 if missing == "points" else 2):
        told.point()
    if missing != "item":
        told.acknowledged()

    assert not told.ready


def test_an_item_acknowledged_while_the_newest_point_was_copied_counts(told: Told) -> None:
    told.correct(times=2)
    told.point()
    told.say("invoke", "snapshot", "snapshot-2")
    told.acknowledged()
    told.say("ok", "snapshot", "snapshot-2")

    assert told.ready


def test_an_item_acknowledged_before_the_newest_points_copy_does_not_count(told: Told) -> None:
    told.correct(times=2)
    told.acknowledged()
    told.point()
    told.point()

    assert not told.ready


@pytest.mark.parametrize("kind", ["upload", "edit", "complete"])
def test_every_kind_of_acknowledged_item_counts(told: Told, kind: str) -> None:
    told.correct(times=2)
    told.point()
    told.point()
    told.acknowledged(kind)

    assert told.ready


@pytest.mark.parametrize("kind", ["submit", "fetch", "push", "step"])
def test_what_acknowledges_no_item_does_not_count(told: Told, kind: str) -> None:
    told.correct(times=2)
    told.point()
    told.point()
    told.acknowledged(kind)

    assert not told.ready


@pytest.mark.parametrize("wrong", [False, None])
def test_a_picture_that_is_not_right_ends_the_row(told: Told, wrong: object) -> None:
    told.everything()

    told.correct(wrong)
    assert not told.ready
    told.correct()
    assert not told.ready
    told.correct()
    assert told.ready


@pytest.mark.parametrize("end", ["fail", "unknown"])
def test_an_unanswered_canary_ends_the_row(told: Told, end: str) -> None:
    told.everything()

    told.say(end, "canary", "canary-9")

    assert not told.ready


def test_a_failed_snapshot_is_no_recovery_point(told: Told) -> None:
    told.correct(times=2)
    told.point()
    told.point(end="fail")
    told.acknowledged()

    assert not told.ready


def test_a_canary_of_the_runbook_does_not_count(told: Told) -> None:
    told.correct(times=5, kind="verifycan")
    told.point()
    told.point()
    told.acknowledged()

    assert not told.ready
