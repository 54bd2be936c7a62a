"""The schedule as a process: it writes down who it is, ends when told, and is never two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from colordrill.clock import SystemClock
from colordrill.drill import backup_schedule as module
from colordrill.drill.attached import AttachedStack
from colordrill.drill.backup_schedule import (
    LOG,
    STATE,
    ScheduleState,
    process_began,
    run_schedule,
    start_schedule,
    state_of,
    stop_schedule,
)
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.scenario.backup_plan import BackupPlan
from colordrill.stack.runs import KEPT, OWNER_LOCK, state_directory
from fakes.backup_server import BackupServer
from fakes.clock import SAFETY_S, ManualClock

PLAN = BackupPlan(interval_s=10.0)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the only standing stack."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    directory = state_directory() / "runs" / "aa"
    directory.mkdir(parents=True)
    for name in (KEPT, OWNER_LOCK):
        (directory / name).touch()
    return directory


@pytest.fixture
def server(directory: Path, monkeypatch: pytest.MonkeyPatch) -> BackupServer:
    """The standing stack's backup server."""
    server = BackupServer()

    @contextmanager
    def attached(_run_id: str | None, _purpose: str) -> Iterator[AttachedStack]:
        yield AttachedStack("aa", server.target(), directory)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "attached_stack", attached)
    return server


@contextmanager
def living_process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process


def state(pid: int, began: str | None = None) -> ScheduleState:
    return ScheduleState(pid, began or process_began(pid) or "", "2026-11-22T20:15:30+00:00", 10.0)


def write(directory: Path, told: ScheduleState) -> None:
    (directory / STATE).write_text(json.dumps(asdict(told)))


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_points_are_taken_until_sigterm_and_the_state_tells_of_it_meanwhile(
    server: BackupServer, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    seen: list[ScheduleState | None] = []

    def stop_at_the_second(*_: object) -> None:
        if len(server.points) == 2:
            seen.append(state_of(directory))
            interrupt()

    monkeypatch.setattr(module, "keep_points", stop_at_the_second)

    run_schedule(None, PLAN, ManualClock(), said.append)

    assert len(server.points) >= 2
    (told,) = seen
    assert told is not None
    assert (told.pid, told.running, told.interval_s) == (os.getpid(), True, 10.0)
    assert state_of(directory) is None
    assert said[-1].endswith("stopped")


def test_a_schedule_that_an_error_ended_says_so_and_is_seen_as_ended(
    server: BackupServer, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colordrill.backup.schedule.BackupSchedule.start", lambda _self: None)
    said: list[str] = []

    with pytest.raises(EnvironmentProblem, match="ended by an error"):
        run_schedule(None, PLAN, ManualClock(), said.append)

    assert "ALARM the schedule has ended by an error" in said[-1]
    assert state_of(directory) is not None


def test_points_that_cannot_be_listed_start_no_schedule(
    server: BackupServer, directory: Path
) -> None:
    server.failing["colordrill-points"] = 1

    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        run_schedule(None, PLAN, ManualClock(), print)

    assert state_of(directory) is None


def test_a_process_that_has_ended_or_was_replaced_is_not_running() -> None:
    with living_process() as process:
        alive = state(process.pid)
        assert alive.running
        assert not replace(alive, began="1").running
        process.kill()
        process.wait(SAFETY_S)

        assert not alive.running


def test_a_zombie_is_not_running() -> None:
    with living_process() as process:
        alive = state(process.pid)
        process.kill()
        # waited for without reaping it
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert not alive.running


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "null", "[" * 100_000])
def test_a_state_that_cannot_be_read_is_told(directory: Path, text: str) -> None:
    (directory / STATE).write_text(text)

    with pytest.raises(EnvironmentProblem, match=STATE):
        state_of(directory)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pid", "abc"),
        ("pid", [1]),
        ("pid", True),
        ("pid", 0),
        ("pid", -1),
        ("pid", 10**30),
        ("began", 5),
        ("started_at", None),
        ("interval_s", "often"),
        ("interval_s", float("nan")),
        ("interval_s", 10**400),
        ("interval_s", 0),
    ],
)
def test_a_state_that_names_no_process_stops_nothing_and_stays(
    directory: Path, key: str, value: object
) -> None:
    text = json.dumps({**asdict(state(os.getpid(), began="1")), key: value})
    (directory / STATE).write_text(text)

    with pytest.raises(EnvironmentProblem, match=STATE) as caught:
        stop_schedule(None, SystemClock())

    assert caught.value.next_step
    assert (directory / STATE).read_text() == text


def test_stopping_ends_the_process_and_no_other(directory: Path) -> None:
    with living_process() as process, living_process() as other:
        write(directory, state(process.pid))

        assert stop_schedule(None, SystemClock()) is True

        assert process.wait(SAFETY_S) == -signal.SIGTERM
        assert other.poll() is None
        other.kill()


def test_stopping_what_had_ended_by_itself_kills_nobody(directory: Path) -> None:
    with living_process() as stranger:
        write(directory, state(stranger.pid, began="1"))

        assert stop_schedule(None, SystemClock()) is False

        assert stranger.poll() is None
        stranger.kill()
    assert stop_schedule(None, SystemClock()) is None


def test_a_schedule_that_does_not_end_is_told(directory: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    command = [sys.executable, "-c", f"{deaf}; input()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        write(directory, state(process.pid))

        with pytest.raises(EnvironmentProblem, match=str(process.pid)):
            stop_schedule(None, ManualClock())

        process.kill()


def test_a_schedule_that_cannot_start_says_why(directory: Path) -> None:
    """The stack does not say how it was brought up; the new process finds that out."""
    with pytest.raises(EnvironmentProblem, match="does not say how stack aa"):
        start_schedule(None, PLAN, SystemClock())

    assert "does not say how" in (directory / LOG).read_text()
    assert state_of(directory) is None


def test_an_unknown_stack_starts_and_stops_nothing(directory: Path) -> None:
    for act in (
        lambda: start_schedule("zz", PLAN, SystemClock()),
        lambda: stop_schedule("zz", SystemClock()),
    ):
        with pytest.raises(UsageProblem, match="zz"):
            act()
    assert not (directory / LOG).exists()
