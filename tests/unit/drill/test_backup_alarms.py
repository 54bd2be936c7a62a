"""What a schedule of backups says, and what it raises an alarm for."""

from __future__ import annotations

import pytest

from colordrill.drill.backup_alarms import (
    ALARM,
    Narrator,
    OverdueWatch,
    clear_failed,
    keep_points,
)
from colordrill.errors import EnvironmentProblem, RecordProblem
from colordrill.history import EventType, History
from colordrill.scenario.backup_plan import BackupPlan, Retention
from fakes.backup_server import BackupServer
from fakes.clock import ManualClock

POINT = "20261122T201530.123Z"
OLD = "20261122T191530.123Z"
INTERVAL_S = 10.0


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def narrator(said: list[str], clock: ManualClock) -> Narrator:
    return Narrator(said.append, clock)


@pytest.fixture
def watch(narrator: Narrator, clock: ManualClock, history: History) -> OverdueWatch:
    watch = OverdueWatch(INTERVAL_S, clock, narrator)
    history.listen(watch.observe)
    return watch


def alarms(said: list[str]) -> list[str]:
    return [line for line in said if ALARM in line]


def test_a_published_point_is_said_and_no_alarm(
    history: History, narrator: Narrator, said: list[str]
) -> None:
    history.listen(narrator.observe)

    history.invoke("snapshot", point=POINT).ok(point=POINT, files=3, bytes=42)

    assert said == [f"2026-11-22T20:15:30+00:00 point {POINT}: 3 files, 42 bytes"]


def test_failures_are_alarms_on_a_line_each(
    history: History, narrator: Narrator, said: list[str]
) -> None:
    history.listen(narrator.observe)

    history.invoke("snapshot", point=POINT).fail(point=POINT, error="no space\nleft")
    history.invoke("push", point=POINT).fail(error="no git")
    history.note("backup_late", late_s=11.0, missed=2)
    history.invoke("snapshot", point=POINT, clock=OLD)

    assert len(alarms(said)) == len(said) == 4
    assert "no space; left" in said[0]
    assert "no git" in said[1]
    assert "11.0 s" in said[2]
    assert OLD in said[3]


def test_a_listener_that_cannot_write_ends_no_backup(clock: ManualClock) -> None:
    def full(_line: str) -> None:
        raise OSError("no space left")

    Narrator(full, clock).alarm("this is heard by nobody")


def test_a_point_that_does_not_come_is_an_alarm_once(
    watch: OverdueWatch, clock: ManualClock, said: list[str]
) -> None:
    clock.advance(20.0)
    watch.look()
    assert said == []
    clock.advance(0.1)
    watch.look()
    watch.look()

    assert len(alarms(said)) == 1


def test_a_copy_that_is_still_under_way_does_not_count(
    watch: OverdueWatch, history: History, clock: ManualClock, said: list[str]
) -> None:
    history.invoke("snapshot", point=POINT)
    clock.advance(21.0)

    watch.look()

    assert len(alarms(said)) == 1


def test_failed_points_do_not_count_and_a_published_one_rearms_the_alarm(
    watch: OverdueWatch, history: History, clock: ManualClock, said: list[str]
) -> None:
    for _ in range(3):
        history.invoke("snapshot", point=POINT).fail(point=POINT, error="x")
        clock.advance(10.0)
    watch.look()
    assert len(alarms(said)) == 1

    history.invoke("snapshot", point=POINT).ok(point=POINT, files=1, bytes=1)
    watch.look()
    clock.advance(21.0)
    watch.look()

    assert len(alarms(said)) == 2


def test_the_age_counts_from_the_beginning_of_the_copy(
    watch: OverdueWatch, history: History, clock: ManualClock, said: list[str]
) -> None:
    copy = history.invoke("snapshot", point=POINT)
    clock.advance(15.0)
    copy.ok(point=POINT, files=1, bytes=1)
    clock.advance(6.0)

    watch.look()

    assert len(alarms(said)) == 1


def test_other_events_are_passed_over(
    watch: OverdueWatch, narrator: Narrator, history: History, said: list[str]
) -> None:
    history.listen(narrator.observe)

    history.note("phase", phase="steady")
    history.invoke("push", point=POINT).ok(commit="c0ffee")
    history.write(EventType.OK, "snapshot", "of-somebody-else", point=POINT, files=1, bytes=1)

    assert len(said) == 1


def test_a_point_is_verified_and_the_rules_applied(narrator: Narrator, said: list[str]) -> None:
    server = BackupServer({OLD: None, POINT: None})

    keep_points(
        server.target(), BackupPlan(verify=True, retention=Retention(last=1)), POINT, narrator
    )

    assert alarms(said) == []
    assert "is verified: whole" in said[0]
    assert f"removed: {OLD}" in said[1]
    assert server.points == {POINT: []}


def test_damage_is_an_alarm_that_names_files(narrator: Narrator, said: list[str]) -> None:
    server = BackupServer({POINT: None}, rotten={POINT})

    keep_points(server.target(), BackupPlan(verify=True), POINT, narrator)

    (alarm,) = alarms(said)
    assert "output/a.png" in alarm


@pytest.mark.parametrize("program", ["colordrill-verify", "colordrill-forget"])
def test_what_could_not_be_done_is_an_alarm_and_no_error(
    narrator: Narrator, said: list[str], program: str
) -> None:
    server = BackupServer({POINT: None}, failing={program: 1})

    keep_points(server.target(), BackupPlan(verify=True), POINT, narrator)

    (alarm,) = alarms(said)
    assert f"{program} broke" in alarm


def test_a_server_that_is_gone_is_an_alarm(narrator: Narrator, said: list[str]) -> None:
    target = BackupServer().target()
    target.broken["execute"] = EnvironmentProblem("no engine")

    keep_points(target, BackupPlan(), POINT, narrator)

    assert len(alarms(said)) == 1


def test_copies_off_site_are_said_and_their_failures_are_alarms(
    history: History, narrator: Narrator, said: list[str]
) -> None:
    history.listen(narrator.observe)
    history.invoke("offsite", point="p1", strategy="restic").ok(point="p1", files=3, bytes=42)
    history.invoke("offsite_read", point="p1").ok(point="p1", read="part 1 of 4")
    assert not any(ALARM in line for line in said)

    history.invoke("offsite", point="p2", strategy="restic").fail(point="p2", error="locked")
    history.invoke("offsite_read", point="p2").fail(point="p2", error="repository has errors")

    assert [ALARM in line for line in said] == [False, False, True, True]
    assert "locked" in said[2]
    assert "repository has errors" in said[3]


def test_points_that_are_kept_because_a_clock_was_wrong_are_an_alarm(
    narrator: Narrator, said: list[str]
) -> None:
    server = BackupServer({OLD: None, POINT: None}, held_back="the newest lies in the future")

    keep_points(server.target(), BackupPlan(retention=Retention(last=1)), POINT, narrator)

    (alarm,) = alarms(said)
    assert "the newest lies in the future" in alarm


def test_what_a_failed_copy_left_goes_and_is_said(narrator: Narrator, said: list[str]) -> None:
    server = BackupServer({OLD: None}, left={POINT})

    clear_failed(server.target(), POINT, narrator)

    assert (server.left, server.points) == (set(), {OLD: None})
    assert "swept: " in said[0]
    assert alarms(said) == []


def test_what_a_failed_copy_left_and_cannot_be_removed_is_an_alarm(
    narrator: Narrator, said: list[str]
) -> None:
    server = BackupServer(failing={"colordrill-forget": 1}, left={POINT})

    clear_failed(server.target(), POINT, narrator)

    (alarm,) = alarms(said)
    assert "colordrill-forget broke" in alarm


def test_a_history_that_cannot_be_written_is_an_alarm(narrator: Narrator, said: list[str]) -> None:
    narrator.unrecorded(RecordProblem("no space left on device"))

    (alarm,) = alarms(said)
    assert "no space left on device" in alarm
