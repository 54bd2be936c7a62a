"""What comes after what: ids, intervals of any length, and what follows a point."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path
from typing import Any

from colordrill.backup.schedule import BackupSchedule
from colordrill.errors import RecordProblem
from colordrill.history import Event, History, Operation
from fakes.backup_programs import Programs
from fakes.backup_server import BackupServer
from fakes.clock import SAFETY_S, ManualClock


def test_a_schedule_goes_on_after_the_points_that_there_are(
    schedule: BackupSchedule, programs: Programs, events: list[Event]
) -> None:
    schedule.newest, schedule.linked_to = "20270101T000000.000Z", "20261231T000000.000Z"

    point = schedule.take()

    assert point == "20270101T000000.001Z"
    assert programs.snapshots() == [
        ["colordrill-snapshot", point, "--previous", "20261231T000000.000Z"]
    ]
    assert events[0].data["clock"] == "20261122T201530.123Z"


def test_points_of_the_same_millisecond_have_different_ids(schedule: BackupSchedule) -> None:
    taken = [schedule.take() for _ in range(3)]

    assert len(set(taken)) == 3
    assert taken == sorted(taken, key=str)


def test_an_id_that_failed_is_not_used_again(schedule: BackupSchedule, programs: Programs) -> None:
    programs.failing["colordrill-publish"] = [1]
    schedule.take()
    schedule.take()

    first, second = (command[1] for command in programs.snapshots())
    assert first < second


def test_what_follows_a_point_is_told_its_id_and_hears_of_no_failed_one(
    schedule: BackupSchedule, programs: Programs
) -> None:
    heard: list[str] = []
    schedule.published = heard.append
    programs.failing["colordrill-publish"] = [0, 1]

    taken = [schedule.take() for _ in range(3)]

    assert heard == [point for point in taken if point is not None]
    assert len(heard) == 2


def test_what_follows_a_failure_is_told_its_id_and_hears_of_no_published_one(
    schedule: BackupSchedule, programs: Programs
) -> None:
    heard: list[str] = []
    schedule.failed = heard.append
    programs.failing["colordrill-publish"] = [0, 1]

    for _ in range(3):
        schedule.take()

    assert heard == [programs.snapshots()[1][1]]


def test_points_that_others_took_meanwhile_are_gone_on_after(
    history: History, clock: ManualClock, tmp_path: Path
) -> None:
    server = BackupServer()
    schedule = BackupSchedule(server.target(), history, clock, 4.0, shared=tmp_path / "lock")
    schedule.take()
    server.points["20991122T201530.123Z"] = None

    point = schedule.take()

    assert point == "20991122T201530.124Z"
    copy = [each for each in server.commands if each[0] == "colordrill-snapshot"][-1]
    assert copy[2:] == ["--previous", "20991122T201530.123Z"]


def test_where_the_points_cannot_be_listed_no_id_is_given_that_may_be_there(
    history: History, clock: ManualClock, events: list[Event], tmp_path: Path
) -> None:
    server = BackupServer(failing={"colordrill-points": 1})
    schedule = BackupSchedule(server.target(), history, clock, 4.0, shared=tmp_path / "lock")

    assert schedule.take() is None

    assert "colordrill-points broke" in events[-1].data["error"]
    assert not any(each[0] == "colordrill-snapshot" for each in server.commands)
    assert schedule.take() is not None


def test_two_never_take_a_point_at_once(
    programs: Programs, history: History, clock: ManualClock, tmp_path: Path
) -> None:
    shared = tmp_path / "lock"
    waiting = BackupSchedule(programs.target(), history, clock, 4.0, shared=shared)
    with shared.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        clock.at(6.0, waiting._stop.set)

        assert waiting.take() is None

    assert programs.snapshots() == []


def test_a_history_that_cannot_be_written_is_told_and_the_schedule_goes_on(
    schedule: BackupSchedule, programs: Programs, clock: ManualClock
) -> None:
    told: list[RecordProblem] = []
    schedule.unrecorded = told.append
    full = RecordProblem("no space left")
    invoked = schedule.history.invoke

    def invoke(kind: str, **data: Any) -> Operation:
        if not told:
            raise full
        return invoked(kind, **data)

    schedule.history.invoke = invoke  # type: ignore[method-assign]
    with schedule:
        assert clock.at_horizon.wait(SAFETY_S)

    assert told == [full]
    assert len(programs.snapshots()) == 5


def test_a_schedule_that_an_error_ended_is_not_running(schedule: BackupSchedule) -> None:
    assert not schedule.running
    with schedule:
        assert schedule.running

    assert not schedule.running


def test_an_interval_of_a_day_is_kept(
    programs: Programs, history: History, events: list[Event]
) -> None:
    clock = ManualClock(horizon_s=3 * 86400.0)
    with BackupSchedule(programs.target(), history, clock, 86400.0):
        assert clock.at_horizon.wait(SAFETY_S)

    days = [command[1][:8] for command in programs.snapshots()]
    assert days == ["20261122", "20261123", "20261124", "20261125"]


def test_whole_intervals_without_a_point_are_counted(
    schedule: BackupSchedule, programs: Programs, clock: ManualClock, events: list[Event]
) -> None:
    programs.takes_s = 15.0
    stopped = threading.Event()
    clock.at(15.0, schedule._stop.set)
    clock.at(15.0, stopped.set)

    with schedule:
        assert stopped.wait(SAFETY_S)

    late = [event.data for event in events if event.kind == "backup_late"]
    assert late == [{"late_s": 11.0, "missed": 2}]
