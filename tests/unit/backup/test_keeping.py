"""The wrappers of verification and removal: what the programs say becomes data or an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from colordrill.backup.keeping import Forgotten, forget, verify_point
from colordrill.backup.points import Verification
from colordrill.backup.restic import ResticStrategy
from colordrill.errors import EnvironmentProblem
from colordrill.scenario.backup_plan import Retention
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target
from fakes.target import FakePart, FakeTarget

POINT = "20261122T201530.123Z"
AT = datetime(2026, 11, 22, 20, 16, tzinfo=UTC)
WHOLE: dict[str, Any] = {"point": POINT, "at": AT.isoformat(), "outcome": "whole", "damaged": []}
DAMAGED = {**WHOLE, "outcome": "damaged", "damaged": [{"file": "output/a.png", "why": "absent"}]}
FORGOTTEN: dict[str, Any] = {
    "kept": [{"point": POINT, "reasons": ["last", "newest"]}],
    "removed": ["a"],
    "in_use": ["b"],
    "swept": ["c"],
}


def answering(program: str, exit_code: int, stdout: str, stderr: str = "") -> FakeTarget:
    ended = Executed(exit_code, stdout, stderr)
    return FakeTarget(parts={Part.BACKUP: FakePart()}, programs={program: lambda *_: ended})


def test_a_whole_point_has_no_damaged_files() -> None:
    target = answering("colordrill-verify", 0, json.dumps(WHOLE))

    assert verify_point(target, POINT) == Verification(AT, 0, ())


@dataclass
class Watching:
    """A stack that answers everything with what each of them reads, and notes the limits."""

    limits_s: list[float] = field(default_factory=list)

    def execute(self, _part: Part, _command: Sequence[str], *, timeout_s: float) -> Executed:
        self.limits_s.append(timeout_s)
        return Executed(0, json.dumps({**WHOLE, "files": 3}), "")


def test_what_reads_a_whole_point_has_as_long_as_what_copies_one() -> None:
    watching = Watching()
    target = cast("Target", watching)

    verify_point(target, POINT)
    ResticStrategy(target).restore(Part.DR_AGENT, POINT)

    assert watching.limits_s == [6 * 3600.0] * 2


def test_a_damaged_point_is_a_result_and_no_error() -> None:
    target = answering("colordrill-verify", 5, json.dumps(DAMAGED))

    assert verify_point(target, POINT) == Verification(AT, 1, ("output/a.png",))


@pytest.mark.parametrize(
    ("exit_code", "stdout"),
    [
        (1, ""),
        (1, json.dumps(WHOLE)),
        (124, ""),
        (0, ""),
        (0, "null"),
        (0, "[]"),
        (0, "{}"),
        (0, json.dumps(DAMAGED)),
        (5, json.dumps(WHOLE)),
        (0, json.dumps({**WHOLE, "damaged": DAMAGED["damaged"]})),
        (5, json.dumps({**DAMAGED, "damaged": []})),
        (0, json.dumps({**WHOLE, "at": "noon"})),
    ],
)
def test_a_verification_that_cannot_be_understood_is_never_whole(
    exit_code: int, stdout: str
) -> None:
    target = answering("colordrill-verify", exit_code, stdout, "the disk is gone\n")

    with pytest.raises(EnvironmentProblem, match=POINT) as caught:
        verify_point(target, POINT)

    assert caught.value.next_step


def test_the_rules_are_told_to_the_server() -> None:
    asked: list[Sequence[str]] = []

    def program(_part: Part, command: Sequence[str]) -> Executed:
        asked.append(list(command))
        return Executed(0, json.dumps(FORGOTTEN), "")

    target = FakeTarget({Part.BACKUP: FakePart()}, {"colordrill-forget": program})

    told = forget(target, Retention(3, 24, 7, 60.0), dry_run=True)

    assert told == Forgotten({POINT: ("last", "newest")}, ("a",), ("b",), ("c",))
    rules = ["--keep-last=3", "--keep-hourly=24", "--keep-daily=7", "--keep-within=60.0"]
    assert asked == [["colordrill-forget", *rules, "--dry-run"]]


@pytest.mark.parametrize(
    ("exit_code", "stdout"), [(1, ""), (2, ""), (0, ""), (0, "[]"), (0, "{}"), (0, '{"kept": 1}')]
)
def test_a_removal_that_cannot_be_understood_is_an_error(exit_code: int, stdout: str) -> None:
    target = answering("colordrill-forget", exit_code, stdout, "another is at work\n")

    with pytest.raises(EnvironmentProblem, match="could not be removed"):
        forget(target, Retention(last=1))
