"""`colordrill backup` of points: what it prints, and its exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from colordrill.backup.point_ids import point_id
from colordrill.drill import backup_schedule
from colordrill.errors import ExitCode
from colordrill.scenario.settings import CONFIG_FILE
from fakes.backup_server import BackupServer
from unit.cli_backup.commands import POINTS, backup, told


def test_a_point_is_taken_now_and_the_rules_are_applied(server: BackupServer) -> None:
    done = told("now", "--verify", "--keep-last", "2")

    assert done["point"] in server.points
    assert done["verified"]["outcome"] == "whole"
    assert done["removed"] == POINTS[:3]


def test_a_point_that_turns_out_damaged_is_exit_code_1(
    server: BackupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "rotten", AnyPoint())

    ended = backup("now", "--verify")

    assert ended.exit_code == ExitCode.FAIL
    assert "DAMAGED" in ended.stdout


class AnyPoint(set[str]):
    """Holds whatever is asked for."""

    def __contains__(self, _point: object) -> bool:
        return True


def test_a_point_that_was_not_taken_is_exit_code_4_with_the_reason(server: BackupServer) -> None:
    server.failing["colordrill-publish"] = 2

    ended = backup("now")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "colordrill-publish broke" in ended.stderr
    assert list(server.points) == POINTS


def test_the_list_shows_what_is_known_of_each_point(server: BackupServer) -> None:
    server.points.update({POINTS[1]: [], POINTS[2]: ["output/a.png"]})

    lines = backup("list").stdout.splitlines()

    assert [line.split()[0] for line in lines] == POINTS
    assert [line.split("MB")[1].split()[0] for line in lines] == [
        "not",
        "whole,",
        "DAMAGED",
        "not",
    ]
    listed = told("list")["points"]
    assert [each["condition"] for each in listed] == ["unknown", "whole", "damaged", "unknown"]
    assert listed[2]["verified"]["damaged"] == ["output/a.png"]


def test_a_list_without_points_says_so(server: BackupServer) -> None:
    server.points.clear()

    assert "no recovery points" in backup("list").stdout


def test_a_list_with_a_newest_point_that_is_too_old_is_exit_code_1(server: BackupServer) -> None:
    ended = backup("list", "--max-age", "1h", "--json")

    assert ended.exit_code == ExitCode.FAIL
    assert "late" in ended.stderr
    assert json.loads(ended.stdout)["late"] is True


def test_a_list_with_a_new_point_is_exit_code_0(server: BackupServer) -> None:
    server.points[point_id(datetime.now(UTC) - timedelta(minutes=5))] = None

    listed = told("list", "--max-age", "1h")

    assert listed["late"] is False
    assert 299 < listed["age_s"] < 400
    assert backup("list", "--max-age", "1h", "--verified").exit_code == ExitCode.FAIL
    assert backup("list", "--max-age", "1m").exit_code == ExitCode.FAIL


def test_a_list_without_points_is_late_where_one_is_wanted(server: BackupServer) -> None:
    server.points.clear()

    assert backup("list", "--max-age", "1d").exit_code == ExitCode.FAIL


def test_a_schedule_that_ended_by_itself_is_told_and_its_interval_still_counts(
    server: BackupServer, directory: Path
) -> None:
    state = {"pid": 1, "began": "never", "started_at": "2026-11-22T20:15:30Z", "interval_s": 15.0}
    (directory / backup_schedule.STATE).write_text(json.dumps(state))

    ended = backup("list", "--json")

    assert ended.exit_code == ExitCode.FAIL
    assert "ended by itself" in ended.stderr
    listed = json.loads(ended.stdout)
    assert (listed["schedule"]["running"], listed["max_age_s"]) == (False, 30.0)


def test_a_schedule_that_ended_by_itself_is_no_success_though_the_newest_point_is_young(
    server: BackupServer, directory: Path
) -> None:
    server.points[point_id(datetime.now(UTC))] = None
    state = {"pid": 1, "began": "never", "started_at": "2026-11-22T20:15:30Z", "interval_s": 3600.0}
    (directory / backup_schedule.STATE).write_text(json.dumps(state))

    ended = backup("list")

    assert ended.exit_code == ExitCode.FAIL
    assert "late" not in ended.stderr


def test_the_newest_point_is_verified_unless_another_is_named(server: BackupServer) -> None:
    assert [each["point"] for each in told("verify")] == POINTS[3:]
    assert [each["point"] for each in told("verify", POINTS[0])] == POINTS[:1]
    assert [each["point"] for each in told("verify", "--all")] == POINTS
    drawn = [each["point"] for each in told("verify", "--random", "2")]
    assert len(set(drawn)) == 2
    assert [each["point"] for each in told("verify", "--random", "99")] == POINTS


def test_a_damaged_point_is_exit_code_1_and_does_not_keep_others_from_being_verified(
    server: BackupServer,
) -> None:
    server.rotten = {POINTS[1]}

    ended = backup("verify", "--all")

    assert ended.exit_code == ExitCode.FAIL
    assert f"{POINTS[1]} is DAMAGED, 1 files: 'output/a.png'" in ended.stdout
    assert f"{POINTS[3]} is whole" in ended.stdout


def test_no_point_to_verify_is_no_success(server: BackupServer) -> None:
    server.points.clear()

    for words in (["--all"], ["--random", "3"], []):
        assert backup("verify", *words).exit_code == ExitCode.ENVIRONMENT


def test_a_point_that_could_not_be_looked_at_is_exit_code_4(server: BackupServer) -> None:
    server.failing["colordrill-verify"] = 1

    assert backup("verify").exit_code == ExitCode.ENVIRONMENT


def test_forgetting_tells_what_stays_and_why(server: BackupServer) -> None:
    dry = backup("forget", "--keep-last", "1", "--dry-run")
    assert list(server.points) == POINTS
    assert f"{POINTS[0]} would go" in dry.stdout

    ended = backup("forget", "--keep-last", "1")

    assert f"{POINTS[3]} stays: last" in ended.stdout
    assert f"{POINTS[0]} removed" in ended.stdout
    assert list(server.points) == POINTS[3:]


@pytest.mark.parametrize("words", [(), ("--keep-last", "0")])
def test_forgetting_without_a_rule_removes_leftovers_and_no_point(
    server: BackupServer, words: tuple[str, ...]
) -> None:
    ended = backup("forget", *words)

    assert ended.exit_code == 0
    assert "everything stays" in ended.stdout
    assert list(server.points) == POINTS
    assert any(command[0] == "colordrill-forget" for command in server.commands)


def test_points_that_are_held_back_are_told_with_the_reason(server: BackupServer) -> None:
    server.held_back = "the newest point lies 9 s in the future"

    ended = backup("forget", "--keep-last", "1")

    assert server.held_back in ended.stderr
    assert told("forget", "--keep-last", "1")["held_back"] == server.held_back
    assert list(server.points) == POINTS


def test_names_that_are_no_text_are_told_as_json(server: BackupServer) -> None:
    """A name is bytes; what is none in UTF-8 comes as a lone surrogate."""
    name = b"output/\xff.png".decode("utf-8", "surrogateescape")
    server.points[POINTS[0]] = [name]

    assert told("list")["points"][0]["verified"]["damaged"] == [name]
    server.rotten_names = [name]
    ended = backup("now", "--verify", "--json")
    assert json.loads(ended.stdout)["verified"]["damaged"] == [name]


def test_the_rules_may_be_configured(
    server: BackupServer, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / CONFIG_FILE).write_text("[backup]\nkeep_last = 1\n")
    monkeypatch.setenv("COLORDRILL_BACKUP_KEEP_LAST", "3")

    assert told("forget")["removed"] == POINTS[:1]


@pytest.mark.parametrize(
    "words",
    [
        ("forget", "--keep-last", "many"),
        ("forget", "--keep-within", "2"),
        ("verify", POINTS[0], "--all"),
        ("verify", "--all", "--random", "1"),
        ("verify", "--random", "0"),
        ("verify", "20991231T235959.999Z"),
        ("verify", "../points"),
        ("list", "--max-age", "soon"),
        ("start", "--interval", "0s"),
        ("start", "--interval", "often"),
        ("now", "--keep-daily", "-1"),
        ("now", "--interval", "1h"),
    ],
)
def test_a_wrong_request_is_exit_code_2_and_changes_nothing(
    server: BackupServer, words: tuple[str, ...]
) -> None:
    assert backup(*words).exit_code == ExitCode.USAGE
    assert server.points == dict.fromkeys(POINTS)
