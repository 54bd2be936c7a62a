from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from colordrill.backup.points import (
    RecoveryPoint,
    begun_at,
    list_points,
    point_id,
    restore_point,
)
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

POINT = {"point": "20261122T201530.123Z", "strategy": "rsync", "files": 3, "bytes": 42}


def answering(command: str, exit_code: int, stdout: str, stderr: str = "") -> FakeTarget:
    return FakeTarget(
        parts={Part.BACKUP: FakePart(), Part.DR_AGENT: FakePart()},
        programs={command: lambda _part, _command: Executed(exit_code, stdout, stderr)},
    )


def test_ids_sort_by_time() -> None:
    times = [
        datetime(2026, 11, 22, 20, 15, 30, 999_999, tzinfo=UTC),
        datetime(2026, 11, 22, 20, 15, 31, 0, tzinfo=UTC),
        datetime(2026, 11, 22, 20, 15, 31, 9_000, tzinfo=UTC),
        datetime(2026, 12, 1, 0, 0, 0, 0, tzinfo=UTC),
    ]

    ids = [point_id(each) for each in times]

    assert ids == sorted(ids)
    assert ids[0] == "20261122T201530.999Z"


def test_an_id_says_when_its_copy_began() -> None:
    began = datetime(2026, 11, 22, 20, 15, 30, 123_000, tzinfo=UTC)

    assert begun_at(point_id(began)) == began


@pytest.mark.parametrize("text", ["", "newest", "20261322T201530.123Z", "20261122T201530.123"])
def test_what_is_no_id_has_no_time(text: str) -> None:
    with pytest.raises(EnvironmentProblem, match="no recovery point's id"):
        begun_at(text)


def test_points_are_listed_as_the_server_tells_them() -> None:
    target = answering("colordrill-points", 0, json.dumps([POINT]))

    assert list_points(target) == (RecoveryPoint(POINT["point"], "rsync", 3, 42),)  # type: ignore[arg-type]


def test_a_server_without_points_has_none() -> None:
    assert list_points(answering("colordrill-points", 0, "[]")) == ()


@pytest.mark.parametrize(
    ("exit_code", "stdout", "stderr"),
    [
        (1, "", "no space left"),
        (124, "", ""),
        (0, "", ""),
        (0, "not json", ""),
        (0, "{}", ""),
        (0, "null", ""),
        (0, "[5]", ""),
        (0, '[{"point": "x"}]', ""),
    ],
)
def test_a_list_that_cannot_be_read_is_an_environment_problem(
    exit_code: int, stdout: str, stderr: str
) -> None:
    if stdout == "{}":
        # an object lists nothing, and nothing would be taken for "there are no points"
        target = answering("colordrill-points", exit_code, json.dumps(POINT), stderr)
    else:
        target = answering("colordrill-points", exit_code, stdout, stderr)

    with pytest.raises(EnvironmentProblem, match="cannot be listed") as caught:
        list_points(target)

    assert stderr in caught.value.cause
    assert caught.value.next_step


def test_a_restore_tells_how_many_files_it_brought() -> None:
    target = answering("colordrill-restore", 0, '{"point": "x", "files": 17}')

    assert restore_point(target, Part.DR_AGENT, "x") == 17


@pytest.mark.parametrize(
    ("exit_code", "stderr", "said"),
    [
        (3, "this site holds data already, in output\n", "holds data already"),
        (1, "", "exit code 1"),
        (124, "", "exit code 124"),
    ],
)
def test_a_restore_that_failed_says_why(exit_code: int, stderr: str, said: str) -> None:
    target = answering("colordrill-restore", exit_code, "", stderr)

    with pytest.raises(EnvironmentProblem, match="could not be restored") as caught:
        restore_point(target, Part.DR_AGENT, "20261122T201530.123Z")

    assert said in str(caught.value)
    assert "20261122T201530.123Z" in str(caught.value)


@pytest.mark.parametrize("stdout", ["", "garbage", "[]", "{}"])
def test_a_restore_that_says_nothing_readable_did_not_succeed(stdout: str) -> None:
    with pytest.raises(EnvironmentProblem):
        restore_point(answering("colordrill-restore", 0, stdout), Part.DR_AGENT, "x")
