"""`colordrill backup` of schedules and copies off site: what it prints, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.drill import backup_schedule
from colordrill.errors import ExitCode
from colordrill.scenario.backup_plan import BackupPlan, Retention
from fakes.backup_server import BackupServer
from unit.cli_backup.commands import POINTS, backup, told


def test_a_schedule_is_started_with_the_plan_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str | None, BackupPlan]] = []

    def started(stack: str | None, plan: BackupPlan, _clock: object) -> tuple[int, Path]:
        asked.append((stack, plan))
        return 42, Path("the.log")

    monkeypatch.setattr(backup_schedule, "start_schedule", started)

    ended = backup("start", "--stack", "aa", "--interval", "15s", "--verify", "--keep-last", "9")

    assert ended.exit_code == 0
    assert "process 42" in ended.stdout
    assert asked == [("aa", BackupPlan(15.0, verify=True, retention=Retention(last=9)))]


@pytest.mark.parametrize(
    ("stopped", "said"),
    [(True, "stopped"), (None, "no schedule was started"), (False, "had ended by itself")],
)
def test_stopping_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, stopped: bool | None, said: str
) -> None:
    monkeypatch.setattr(backup_schedule, "stop_schedule", lambda _stack, _clock: stopped)

    ended = backup("stop")

    assert ended.exit_code == 0
    assert said in ended.output


def test_a_point_is_copied_off_site_if_that_is_asked_for(server: BackupServer) -> None:
    point = told("now", "--offsite-every", "1")["point"]

    assert server.offsite == [point]
    assert [each["point"] for each in told("list", "--offsite")["points"]] == [point]
    server.offsite = [POINTS[0]]
    assert backup("list", "--offsite", "--max-age", "1h").exit_code == ExitCode.FAIL


def test_nothing_is_copied_off_site_by_default(server: BackupServer) -> None:
    told("now")

    assert server.offsite == []
    assert not any(command[0].startswith("colordrill-offsite") for command in server.commands)


@pytest.mark.parametrize("program", ["colordrill-offsite", "colordrill-offsite-storage"])
def test_a_copy_that_fails_is_no_success(server: BackupServer, program: str) -> None:
    server.failing[program] = 1

    ended = backup("now", "--offsite-every", "1")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert f"{program} broke" in ended.output
