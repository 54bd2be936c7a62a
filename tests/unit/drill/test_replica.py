from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from colordrill.drill import replica
from colordrill.drill.replica import CAUGHT_UP_LIMIT_S, note_replica, objects
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, History
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget

ACKNOWLEDGED = ("output/a.png", "output/b.png", "input/photo.png", "workflows/w.json")


class Bucket:
    """The storage, as the mirror's client lists it."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.answer: Executed | None = None
        self.target = FakeTarget(
            parts={Part.PRIMARY_MIRROR: FakePart()}, programs={"mc": self.list}
        )

    def list(self, _part: Part, _command: Sequence[str]) -> Executed:
        if self.answer is not None:
            return self.answer
        lines = [json.dumps({"status": "success", "key": key}) for key in self.keys]
        return Executed(0, "\n".join(lines) + "\n", "")


@pytest.fixture
def noted(
    monkeypatch: pytest.MonkeyPatch, history: History, clock: ManualClock, events: list[Event]
) -> Noted:
    items = [SimpleNamespace(name=name) for name in ACKNOWLEDGED]
    monkeypatch.setattr(replica, "observe", lambda _events: SimpleNamespace(items=items))
    return Noted(history, clock, events)


class Noted:
    """What is written down of a bucket."""

    def __init__(self, history: History, clock: ManualClock, events: list[Event]) -> None:
        self._history, self._clock, self._events = history, clock, events
        self.said: list[str] = []

    def __call__(self, bucket: Bucket) -> list[dict[str, object]]:
        note_replica(bucket.target, (), self._history, self._clock, self.said.append)
        return [dict(event.data) for event in self._events if event.kind == "replica"]


def test_a_bucket_that_holds_every_acknowledged_output_is_noted_at_once(
    noted: Noted, clock: ManualClock
) -> None:
    """Only outputs are mirrored; what else the bucket holds is no matter."""
    assert noted(Bucket("a.png", "b.png", "older.png")) == [
        {"acknowledged": 2, "present": 2, "missing": []}
    ]
    assert clock.elapsed_s == 0.0


def test_a_bucket_that_catches_up_late_is_whole(noted: Noted, clock: ManualClock) -> None:
    bucket = Bucket("a.png")
    clock.at(10.0, lambda: bucket.keys.append("b.png"))

    assert noted(bucket) == [{"acknowledged": 2, "present": 2, "missing": []}]


def test_what_never_arrives_is_named_after_the_limit(noted: Noted, clock: ManualClock) -> None:
    assert noted(Bucket("b.png")) == [{"acknowledged": 2, "present": 1, "missing": ["a.png"]}]

    assert clock.elapsed_s == pytest.approx(CAUGHT_UP_LIMIT_S)
    assert "the storage did not catch up" in noted.said


UNREADABLE = [
    Executed(1, "", "Access Key Id does not exist"),
    Executed(0, "<html>\n", ""),
    Executed(0, "{}\n", ""),
    Executed(0, "[]\n", ""),
    Executed(124, "", ""),
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_bucket_that_cannot_be_listed_leaves_no_note(noted: Noted, answer: Executed) -> None:
    """Then the check is unknown, and never pass."""
    bucket = Bucket("a.png", "b.png")
    bucket.answer = answer

    assert noted(bucket) == []
    assert any("cannot be listed" in line for line in noted.said)


def test_a_listing_that_fails_once_is_asked_again(noted: Noted, clock: ManualClock) -> None:
    bucket = Bucket("a.png", "b.png")
    bucket.answer = UNREADABLE[0]
    clock.at(2.0, lambda: setattr(bucket, "answer", None))

    assert noted(bucket) == [{"acknowledged": 2, "present": 2, "missing": []}]


def test_a_bucket_that_is_empty_holds_nothing() -> None:
    assert objects(Bucket().target) == set()


def test_a_mirror_that_does_not_run_cannot_list() -> None:
    bucket = Bucket("a.png")
    bucket.target.kill([Part.PRIMARY_MIRROR])

    with pytest.raises(EnvironmentProblem):
        objects(bucket.target)
