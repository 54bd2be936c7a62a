from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence

import pytest

from colordrill.backup.s3 import S3Strategy
from colordrill.backup.schedule import BackupSchedule
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, EventType
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.backup_programs import Programs
from fakes.clock import SAFETY_S, ManualClock
from fakes.target import FakeTarget

REFUSED = 5


def ended(events: list[Event], kind: str) -> Counter[str]:
    return Counter(event.type.value for event in events if event.kind == kind)


def test_a_snapshot_is_copied_by_the_agent_published_by_the_server_and_then_pushed(
    schedule: BackupSchedule, programs: Programs, events: list[Event]
) -> None:
    point = schedule.take()

    assert point == "20261122T201530.123Z"
    assert [(part, command[0]) for part, command in programs.commands] == [
        (Part.PRIMARY_AGENT, "colordrill-snapshot"),
        (Part.BACKUP, "colordrill-publish"),
        (Part.PRIMARY_AGENT, "colordrill-push-configuration"),
    ]
    began, published, *_ = events
    assert (began.data["point"], began.data["strategy"]) == (point, "rsync")
    assert published.type is EventType.OK
    assert published.data == {"point": point, "files": 3, "bytes": 42}


def test_another_strategy_takes_the_points_and_is_written_down(
    schedule: BackupSchedule, programs: Programs, events: list[Event]
) -> None:
    told = json.dumps({"files": 3, "bytes": 42})
    target = programs.target()
    target.programs["colordrill-s3"] = lambda _part, command: Executed(
        *((0, told, "") if command[-1] == "20261122T201530.123Z" else (1, "", "unreachable"))
    )
    schedule.strategy = S3Strategy(target)

    first = schedule.take()
    schedule.clock.pause(4.0)
    second = schedule.take()

    assert (first, second) == ("20261122T201530.123Z", None)
    assert not programs.snapshots()
    began = [e.data for e in events if e.kind == "snapshot" and e.type is EventType.INVOKE]
    assert [each["strategy"] for each in began] == ["s3", "s3"]
    assert ended(events, "snapshot") == {"invoke": 2, "ok": 1, "fail": 1}


def test_each_snapshot_links_to_the_last_published_one(
    schedule: BackupSchedule, programs: Programs
) -> None:
    first = schedule.take()
    schedule.clock.pause(4.0)
    second = schedule.take()

    assert [command[1:] for command in programs.snapshots()] == [
        [first],
        [second, "--previous", first],
    ]


@pytest.mark.parametrize(
    ("broken", "exit_code", "linked"),
    [
        ("colordrill-snapshot", 1, True),
        ("colordrill-publish", 1, True),
        ("colordrill-publish", REFUSED, False),
    ],
)
def test_a_snapshot_that_failed_is_never_linked_to(
    schedule: BackupSchedule,
    programs: Programs,
    events: list[Event],
    broken: str,
    exit_code: int,
    linked: bool,
) -> None:
    programs.failing[broken] = [0, exit_code]
    first = schedule.take()
    schedule.clock.pause(4.0)

    failed = schedule.take()
    schedule.clock.pause(4.0)
    schedule.take()

    assert failed is None
    # where the copy was refused a link to the point before may be what was wrong, and the next is
    # copied whole; on a full disk that would be the end of all points
    assert programs.snapshots()[-1][2:] == (["--previous", first] if linked else [])
    (failure,) = [event for event in events if event.type is EventType.FAIL]
    assert f"{broken} broke" in failure.data["error"]
    assert failure.data["point"] == programs.snapshots()[1][1]


def test_a_server_that_is_gone_fails_the_snapshot_and_not_the_schedule(
    schedule: BackupSchedule, events: list[Event]
) -> None:
    assert isinstance(schedule.target, FakeTarget)
    schedule.target.broken["execute"] = EnvironmentProblem("no engine")

    assert schedule.take() is None

    assert ended(events, "snapshot") == {"invoke": 1, "fail": 1}


@pytest.mark.parametrize("printed", ["", "not json", "[]", "{}", "null", '{"files": 1}'])
def test_a_summary_that_cannot_be_read_fails_the_snapshot(
    schedule: BackupSchedule, events: list[Event], printed: str
) -> None:
    assert isinstance(schedule.target, FakeTarget)
    schedule.target.programs["colordrill-snapshot"] = lambda _part, _command: Executed(
        0, printed, ""
    )

    assert schedule.take() is None

    assert ended(events, "snapshot") == {"invoke": 1, "fail": 1}


def test_a_push_that_fails_is_told_and_the_point_counts_all_the_same(
    schedule: BackupSchedule, programs: Programs, events: list[Event]
) -> None:
    programs.failing["colordrill-push-configuration"] = [1]

    assert schedule.take() is not None

    assert ended(events, "snapshot") == {"invoke": 1, "ok": 1}
    assert ended(events, "push") == {"invoke": 1, "fail": 1}


def test_snapshots_begin_at_every_interval(
    schedule: BackupSchedule, clock: ManualClock, events: list[Event]
) -> None:
    with schedule:
        assert clock.at_horizon.wait(SAFETY_S)

    began = [e.t_ns // 10**9 - 1 for e in events if e.kind == "snapshot" and e.type == "invoke"]
    assert began == [0, 4, 8, 12, 16, 20]
    assert ended(events, "backup_late") == {}


def test_a_snapshot_that_outlasts_the_interval_delays_the_next_in_writing(
    schedule: BackupSchedule, programs: Programs, clock: ManualClock, events: list[Event]
) -> None:
    programs.takes_s = 6.0
    stopped = threading.Event()
    clock.at(18.0, schedule._stop.set)
    clock.at(18.0, stopped.set)

    with schedule:
        assert stopped.wait(SAFETY_S)

    late = [event.data["late_s"] for event in events if event.kind == "backup_late"]
    assert late == [2.0, 2.0, 2.0]
    began = [e.t_ns // 10**9 - 1 for e in events if e.kind == "snapshot" and e.type == "invoke"]
    assert began == [0, 6, 12]


def test_a_failing_server_is_tried_again_at_every_interval(
    schedule: BackupSchedule, programs: Programs, clock: ManualClock, events: list[Event]
) -> None:
    programs.failing["colordrill-publish"] = [1] * 4

    with schedule:
        assert clock.at_horizon.wait(SAFETY_S)

    assert ended(events, "snapshot") == {"invoke": 6, "fail": 4, "ok": 2}


def test_stopping_waits_for_the_snapshot_under_way_and_begins_no_other(
    schedule: BackupSchedule, clock: ManualClock, events: list[Event]
) -> None:
    copying, release = threading.Event(), threading.Event()

    def copy(_part: Part, _command: Sequence[str]) -> Executed:
        copying.set()
        release.wait(SAFETY_S)
        return Executed(0, '{"files": 1, "bytes": 1}', "")

    assert isinstance(schedule.target, FakeTarget)
    schedule.target.programs["colordrill-snapshot"] = copy
    with schedule:
        assert copying.wait(SAFETY_S)
        stopper = threading.Thread(target=schedule.stop)
        stopper.start()
        assert stopper.is_alive()
        release.set()
        stopper.join(SAFETY_S)
        told = len(events)
        clock.advance(1000.0)

    assert ended(events, "snapshot") == {"invoke": 1, "ok": 1}
    assert len(events) == told


def test_stopping_a_schedule_that_never_began_does_nothing(schedule: BackupSchedule) -> None:
    schedule.stop()
    schedule.stop()
