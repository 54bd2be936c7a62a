from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from colordrill.backup.point_ids import begun_at, next_point_id, point_id
from colordrill.backup.points import (
    COPY_LIMIT_S,
    PointDamaged,
    RecoveryPoint,
    Restored,
    SiteFault,
    SiteHoldsData,
    Verification,
    catalogue,
    list_points,
    restore_after,
    restore_point,
)
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

WALL = datetime(2026, 11, 22, 20, 15, 30, 123_000, tzinfo=UTC)
POINT: dict[str, Any] = {
    "point": "20261122T201530.123Z",
    "strategy": "rsync",
    "files": 3,
    "bytes": 42,
}


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

    assert list_points(target) == (RecoveryPoint(POINT["point"], "rsync", 3, 42),)


@pytest.mark.parametrize("behind_s", [0.0, 0.001, 1.0, 86400.0])
def test_an_id_never_comes_twice_and_never_sorts_before_an_older_one(behind_s: float) -> None:
    newest = point_id(WALL)

    following = next_point_id(WALL - timedelta(seconds=behind_s), newest)

    assert following == "20261122T201530.124Z"
    assert next_point_id(WALL - timedelta(seconds=behind_s), following) > following


def test_an_id_is_the_time_where_that_is_later() -> None:
    assert next_point_id(WALL, None) == point_id(WALL)
    assert next_point_id(WALL + timedelta(seconds=9), point_id(WALL)) == "20261122T201539.123Z"


def test_a_point_begun_at_the_end_of_a_year_is_followed_by_the_next_year() -> None:
    assert next_point_id(WALL, "20261231T235959.999Z") == "20270101T000000.000Z"


@pytest.mark.parametrize(
    ("damaged", "condition"), [(None, "unknown"), ([], "whole"), (["output/a.png"], "damaged")]
)
def test_what_a_verification_found_is_told_with_the_point(
    damaged: list[str] | None, condition: str
) -> None:
    verified = damaged is not None and {
        "at": WALL.isoformat(),
        "outcome": "damaged" if damaged else "whole",
        "damaged_files": len(damaged),
        "damaged": damaged,
    }
    listed = json.dumps([{**POINT, "verified": verified or None}])

    (point,) = list_points(answering("colordrill-points", 0, listed))

    assert point.condition == condition
    assert point.begun == WALL
    if damaged is not None:
        assert point.verified == Verification(WALL, len(damaged), tuple(damaged))


@pytest.mark.parametrize(
    "verified",
    [
        {},
        [],
        "whole",
        {"at": "noon", "outcome": "whole", "damaged_files": 0, "damaged": []},
        {"at": WALL.isoformat(), "outcome": "damaged", "damaged_files": 0, "damaged": []},
        {"at": WALL.isoformat(), "outcome": "whole", "damaged_files": 2, "damaged": []},
        {"at": WALL.isoformat(), "outcome": "fine", "damaged_files": 0, "damaged": []},
    ],
)
def test_a_result_that_makes_no_sense_is_never_whole(verified: object) -> None:
    listed = json.dumps([{**POINT, "verified": verified}])

    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        list_points(answering("colordrill-points", 0, listed))


def test_the_catalogue_has_the_points_that_nothing_can_be_restored_from() -> None:
    listed = json.dumps([{"point": POINT["point"], "problem": "no manifest"}])

    (point,) = catalogue(answering("colordrill-points", 0, listed))

    assert (point.condition, point.problem) == ("damaged", "no manifest")


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


def test_a_restore_after_an_earlier_one_names_its_points_and_tells_what_it_kept() -> None:
    asked: list[list[str]] = []

    def restore(_part: Part, command: Sequence[str]) -> Executed:
        asked.append(list(command))
        return Executed(0, '{"point": "x", "files": 17, "kept": 5}', "")

    target = FakeTarget(parts={Part.DR_AGENT: FakePart()}, programs={"colordrill-restore": restore})

    restored = restore_after(target, Part.DR_AGENT, "x", ["w", "x"], "verifycan-")

    assert restored == Restored(files=17, kept=5)
    assert asked == [
        ["colordrill-restore", "x", "--canaries", "verifycan-", "--after", "w", "--after", "x"]
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(5, PointDamaged), (3, SiteHoldsData), (7, SiteFault), (1, EnvironmentProblem)],
)
def test_why_a_restore_did_not_succeed_is_told_apart(code: int, kind: type[Exception]) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        restore_after(answering("colordrill-restore", code, ""), Part.DR_AGENT, "x", (), "v-")

    assert type(caught.value) is kind


def test_a_restore_in_an_incident_may_take_as_long_as_a_copy() -> None:
    limits_s: list[float] = []

    class Timed(FakeTarget):
        def execute(
            self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0
        ) -> Executed:
            limits_s.append(timeout_s)
            return super().execute(part, command, timeout_s=timeout_s)

    told = Executed(0, '{"files": 17, "kept": 0}', "")
    target = Timed({Part.DR_AGENT: FakePart()}, {"colordrill-restore": lambda *_: told})

    restore_after(target, Part.DR_AGENT, "x", (), "v-")

    assert limits_s == [COPY_LIMIT_S]


def test_the_time_of_a_point_is_read_from_its_id() -> None:
    moment = datetime(2026, 11, 22, 20, 15, 30, 123_000, tzinfo=UTC)

    assert begun_at(point_id(moment)) == moment
    with pytest.raises(EnvironmentProblem, match="no recovery point's id"):
        begun_at("yesterday")
