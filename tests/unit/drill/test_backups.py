"""Points of a standing stack: one now, and how old the newest may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from colordrill.backup.point_ids import point_id
from colordrill.backup.points import RecoveryPoint, Verification
from colordrill.drill.backups import HISTORIES, freshness, take_now
from colordrill.errors import EnvironmentProblem
from colordrill.history import read_history
from colordrill.scenario.backup_plan import BackupPlan, Retention
from fakes.backup_server import BackupServer
from fakes.clock import BEGINNING, ManualClock

REFUSED = 5
OLD, DAMAGED = "20261122T191530.000Z", "20261122T195530.000Z"
TAKEN = "20261122T201530.123Z"
NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


@pytest.fixture
def server() -> BackupServer:
    return BackupServer()


def taken(server: BackupServer, directory: Path, plan: BackupPlan | None = None) -> list[str]:
    """Take a point; returns what was said."""
    said: list[str] = []
    take_now(server.target(), directory, plan or BackupPlan(), ManualClock(), said.append)
    return said


def test_a_point_is_published_neither_verified_nor_are_others_removed_unasked(
    server: BackupServer, tmp_path: Path
) -> None:
    server.points[OLD] = None

    assert taken(server, tmp_path) == []

    assert server.points == {OLD: None, TAKEN: None}


def test_a_point_is_verified_and_the_rules_applied_if_asked(
    server: BackupServer, tmp_path: Path
) -> None:
    server.points[OLD] = None
    plan = BackupPlan(verify=True, retention=Retention(last=1))

    done = take_now(server.target(), tmp_path, plan, ManualClock(), print)

    assert done.point == TAKEN
    assert done.verified is not None
    assert done.verified.damaged_files == 0
    assert done.forgotten.removed == (OLD,)
    assert server.points == {TAKEN: []}


def test_unchanged_files_are_shared_with_the_newest_point_that_is_not_damaged(
    server: BackupServer, tmp_path: Path
) -> None:
    server.points = {OLD: None, DAMAGED: ["output/a.png"]}

    taken(server, tmp_path)

    (copy,) = (each for each in server.commands if each[0] == "colordrill-snapshot")
    assert copy[1:] == [TAKEN, "--previous", OLD]


def test_where_the_copy_is_refused_a_whole_one_is_tried_once_its_leftovers_are_gone(
    server: BackupServer, tmp_path: Path
) -> None:
    server.points[OLD] = None
    server.failing["colordrill-publish"], server.exit_code = 1, REFUSED

    swept, said = taken(server, tmp_path)

    assert "what failed copies left is removed: 2026" in swept
    assert "colordrill-publish broke" in said
    copies = [each for each in server.commands if each[0] == "colordrill-snapshot"]
    assert [len(each) for each in copies] == [4, 2]
    assert list(server.points) == [OLD, copies[1][1]]


@pytest.mark.parametrize("program", ["colordrill-snapshot", "colordrill-publish"])
def test_where_anything_else_fails_no_whole_copy_is_tried_and_no_leftover_stays(
    server: BackupServer, tmp_path: Path, program: str
) -> None:
    server.points[OLD] = None
    server.failing[program] = 1

    with pytest.raises(EnvironmentProblem, match=f"{program} broke"):
        taken(server, tmp_path)

    assert server.left == set()
    assert server.points == {OLD: None}


def test_leftovers_that_cannot_be_removed_are_said_and_the_failure_is_told(
    server: BackupServer, tmp_path: Path
) -> None:
    server.failing = {"colordrill-snapshot": 1, "colordrill-forget": 1}
    said: list[str] = []

    with pytest.raises(EnvironmentProblem, match="colordrill-snapshot broke"):
        take_now(server.target(), tmp_path, BackupPlan(), ManualClock(), said.append)

    assert "colordrill-forget broke" in said[0]


def test_a_point_that_fails_is_an_error_and_the_others_stay(
    server: BackupServer, tmp_path: Path
) -> None:
    server.points[OLD] = None
    server.failing["colordrill-publish"] = 2

    with pytest.raises(EnvironmentProblem, match="colordrill-publish broke") as caught:
        taken(server, tmp_path, BackupPlan(retention=Retention(last=1)))

    assert caught.value.next_step
    assert server.points == {OLD: None}


def test_the_first_point_of_all_is_tried_once(server: BackupServer, tmp_path: Path) -> None:
    server.failing["colordrill-publish"] = 1

    with pytest.raises(EnvironmentProblem, match="no recovery point was taken"):
        taken(server, tmp_path)


def test_what_was_done_is_in_a_history_of_its_own(server: BackupServer, tmp_path: Path) -> None:
    taken(server, tmp_path)

    (path,) = (tmp_path / HISTORIES).iterdir()
    assert [event.kind for event in read_history(path)] == ["snapshot"] * 2 + ["push"] * 2


def test_a_point_sorts_after_one_from_the_future(server: BackupServer, tmp_path: Path) -> None:
    future = point_id(BEGINNING + timedelta(days=3))
    server.points[future] = None

    taken(server, tmp_path)

    assert list(server.points) == sorted(server.points)
    assert len(server.points) == 2


def points(*ages_s: float, verified: bool = False, damaged: int = 0) -> tuple[RecoveryPoint, ...]:
    """Points of these ages, oldest first; the newest so many are damaged."""
    made = []
    for number, age_s in enumerate(reversed(ages_s), start=1):
        found = Verification(NOW, 1, ("a",)) if number <= damaged else Verification(NOW)
        known = found if verified or number <= damaged else None
        made.append(RecoveryPoint(point_id(NOW - timedelta(seconds=age_s)), "rsync", 1, 1, known))
    return tuple(reversed(made))


@pytest.mark.parametrize(
    ("ages_s", "late"),
    [
        ([], True),
        ([3601.0], True),
        ([3600.0], False),
        ([9000.0, 60.0], False),
        ([60.0, -0.5], False),
        ([60.0, -3600.0], True),
    ],
)
def test_the_newest_point_is_late_when_it_is_too_old_or_from_the_future(
    ages_s: list[float], late: bool
) -> None:
    assert freshness(points(*ages_s), NOW, 3600.0).late is late


def test_a_damaged_point_is_not_the_newest_to_rely_on() -> None:
    fresh = freshness(points(7200.0, 60.0, damaged=1), NOW, 3600.0)

    assert (fresh.age_s, fresh.late) == (7200.0, True)


def test_only_verified_points_count_if_asked() -> None:
    unverified = points(60.0)

    assert freshness(unverified, NOW, 3600.0).late is False
    assert freshness(unverified, NOW, 3600.0, verified=True).late is True
    assert freshness(points(60.0, verified=True), NOW, 3600.0, verified=True).late is False


def test_where_nobody_said_how_old_it_may_be_lateness_is_not_known() -> None:
    assert freshness(points(60.0), NOW, None).late is None
