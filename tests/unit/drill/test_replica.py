from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from colordrill.drill import replica
from colordrill.drill.replica import CAUGHT_UP_LIMIT_S, digests, note_replica, objects
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, History
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget

WHOLE = b"a whole picture"
SHA256 = hashlib.sha256(WHOLE).hexdigest()
ACKNOWLEDGED = {
    "output/a.png": SHA256,
    "output/x/b.png": SHA256,
    "input/photo.png": SHA256,
    "workflows/w.json": SHA256,
}
BOTH = {"a.png": WHOLE, "x/b.png": WHOLE}

MIRROR = """#!/bin/sh
# mc --quiet mirror BUCKET DIRECTORY, of a bucket that is a folder
[ "$1 $2 $3" = "--quiet mirror storage/outputs" ] && cp -R "$HELD/." "$4"
"""


class Bucket:
    """The storage, as the mirror's client lists and copies it."""

    def __init__(self, folder: Path, held: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.answer: Executed | None = None
        self.copied: Executed | None = None
        self.copies = 0
        self.target = FakeTarget(
            parts={Part.PRIMARY_MIRROR: FakePart()},
            programs={"mc": self.list, "sh": self.copy},
        )
        self.hold(held)

    def hold(self, held: Mapping[str, bytes]) -> None:
        for name, content in held.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def list(self, _part: Part, _command: Sequence[str]) -> Executed:
        if self.answer is not None:
            return self.answer
        keys = [path.relative_to(self.folder) for path in self.folder.rglob("*.png")]
        lines = [json.dumps({"status": "success", "key": str(key)}) for key in keys]
        return Executed(0, "\n".join(lines) + "\n", "")

    def copy(self, _part: Part, command: Sequence[str]) -> Executed:
        self.copies += 1
        if self.copied is not None:
            return self.copied
        done = subprocess.run(command, capture_output=True, check=False, timeout=10)
        return Executed(done.returncode, done.stdout.decode(), done.stderr.decode())


Make = Callable[[Mapping[str, bytes]], Bucket]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes the bucket that holds what is given; its client is found on the path."""
    client = tmp_path / "bin" / "mc"
    client.parent.mkdir()
    client.write_text(MIRROR, encoding="utf-8")
    client.chmod(0o755)
    (tmp_path / "held").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HELD", str(tmp_path / "held"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return lambda held: Bucket(tmp_path / "held", held)


@pytest.fixture
def acknowledged() -> dict[str, str | None]:
    return dict(ACKNOWLEDGED)


@pytest.fixture
def noted(
    monkeypatch: pytest.MonkeyPatch,
    history: History,
    clock: ManualClock,
    events: list[Event],
    acknowledged: dict[str, str | None],
) -> Noted:
    def items(_events: object) -> SimpleNamespace:
        found = [SimpleNamespace(name=name, sha256=sha) for name, sha in acknowledged.items()]
        return SimpleNamespace(items=found)

    monkeypatch.setattr(replica, "observe", items)
    return Noted(history, clock, events)


class Noted:
    """What is written down of a bucket."""

    def __init__(self, history: History, clock: ManualClock, events: list[Event]) -> None:
        self._history, self._clock, self._events = history, clock, events
        self.said: list[str] = []

    def __call__(self, bucket: Bucket) -> list[dict[str, object]]:
        note_replica(bucket.target, (), self._history, self._clock, self.said.append)
        return [dict(event.data) for event in self._events if event.kind == "replica"]


def note(**found: object) -> list[dict[str, object]]:
    """What is written down of two acknowledged outputs."""
    whole = {"acknowledged": 2, "present": 2, "missing": [], "differs": [], "compared": 2}
    return [{**whole, **found}]


def test_a_bucket_that_holds_every_acknowledged_output_is_noted_at_once(
    noted: Noted, clock: ManualClock, bucket: Make, tmp_path: Path
) -> None:
    """Only outputs are mirrored; what else the bucket holds is no matter."""
    held = bucket({**BOTH, "older.png": b"of a canary"})
    assert noted(held) == note()
    assert clock.elapsed_s == 0.0
    assert held.copies == 1
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_bucket_that_catches_up_late_is_whole(
    noted: Noted, clock: ManualClock, bucket: Make
) -> None:
    held = bucket({"a.png": WHOLE})
    clock.at(10.0, lambda: held.hold(BOTH))

    assert noted(held) == note()


def test_what_never_arrives_is_named_after_the_limit(
    noted: Noted, clock: ManualClock, bucket: Make
) -> None:
    held = bucket({"x/b.png": WHOLE})
    assert noted(held) == note(present=1, missing=["a.png"], compared=0)

    assert clock.elapsed_s == pytest.approx(CAUGHT_UP_LIMIT_S)
    assert "the storage did not catch up" in noted.said
    assert held.copies == 0, "nothing is fetched while a name is missing"


@pytest.mark.parametrize("content", [WHOLE[:5], WHOLE + b"!", WHOLE.upper(), b""])
def test_half_a_picture_of_the_right_name_is_none(
    noted: Noted, clock: ManualClock, bucket: Make, content: bytes
) -> None:
    held = bucket({**BOTH, "x/b.png": content})
    assert noted(held) == note(present=1, differs=["x/b.png"])
    assert clock.elapsed_s == pytest.approx(CAUGHT_UP_LIMIT_S)


def test_a_picture_that_is_whole_a_moment_later_is_whole(
    noted: Noted, clock: ManualClock, bucket: Make
) -> None:
    held = bucket({**BOTH, "a.png": WHOLE[:5]})
    clock.at(2.0, lambda: held.hold(BOTH))

    assert noted(held) == note()
    assert clock.elapsed_s == pytest.approx(2.0)


def test_an_output_whose_bytes_no_client_was_given_is_not_compared(
    noted: Noted, bucket: Make, acknowledged: dict[str, str | None]
) -> None:
    acknowledged["output/a.png"] = None
    assert noted(bucket(BOTH)) == note(compared=1)


def test_one_that_is_gone_between_the_list_and_the_copy_is_missing(
    noted: Noted, bucket: Make
) -> None:
    held = bucket(BOTH)
    held.copied = Executed(0, f"{SHA256}  ./a.png\0", "")
    assert noted(held) == note(present=1, missing=["x/b.png"], compared=1)


UNCOPIED = [Executed(1, "", "refused"), Executed(124, "", ""), Executed(0, "<html>\n", "")]


@pytest.mark.parametrize("answer", UNCOPIED)
def test_a_bucket_that_lists_and_cannot_be_read_is_not_compared(
    noted: Noted, bucket: Make, answer: Executed
) -> None:
    """Then the check is unknown, and never pass."""
    held = bucket(BOTH)
    held.copied = answer
    assert noted(held) == note(compared=0)
    assert any("cannot be read" in line for line in noted.said)


def test_a_copy_that_fails_is_no_copy(bucket: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    held = bucket(BOTH)
    monkeypatch.setenv("HELD", "/absent")
    with pytest.raises(EnvironmentProblem, match="absent"):
        digests(held.target)


UNREADABLE = [
    Executed(1, "", "Access Key Id does not exist"),
    Executed(0, "<html>\n", ""),
    Executed(0, "{}\n", ""),
    Executed(0, "[]\n", ""),
    Executed(124, "", ""),
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_bucket_that_cannot_be_listed_leaves_no_note(
    noted: Noted, bucket: Make, answer: Executed
) -> None:
    """Then the check is unknown, and never pass."""
    held = bucket(BOTH)
    held.answer = answer

    assert noted(held) == []
    assert any("cannot be listed" in line for line in noted.said)


def test_a_listing_that_fails_once_is_asked_again(
    noted: Noted, clock: ManualClock, bucket: Make
) -> None:
    held = bucket(BOTH)
    held.answer = UNREADABLE[0]
    clock.at(2.0, lambda: setattr(held, "answer", None))

    assert noted(held) == note()


def test_nothing_acknowledged_is_nothing_to_fetch(
    noted: Noted, bucket: Make, acknowledged: dict[str, str | None]
) -> None:
    acknowledged.clear()
    held = bucket(BOTH)
    assert noted(held) == note(acknowledged=0, present=0, compared=0)
    assert held.copies == 0


def test_a_bucket_that_is_empty_holds_nothing(bucket: Make) -> None:
    held = bucket({})
    assert objects(held.target) == set()
    assert digests(held.target) == {}


def test_a_mirror_that_does_not_run_cannot_list(bucket: Make) -> None:
    held = bucket({"a.png": WHOLE})
    held.target.kill([Part.PRIMARY_MIRROR])

    with pytest.raises(EnvironmentProblem):
        objects(held.target)
    with pytest.raises(EnvironmentProblem):
        digests(held.target)
