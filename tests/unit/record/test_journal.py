from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import RecordProblem
from colordrill.history import Event
from colordrill.record.journal import (
    RunDirectory,
    list_runs,
    open_run,
    read_record,
    write_atomically,
)
from colordrill.record.write import write_all

WHEN = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def test_the_name_tells_time_scenario_and_seed(tmp_path: Path) -> None:
    east = WHEN.astimezone(timezone(timedelta(hours=8)))
    run = RunDirectory.create(tmp_path / "new" / "runs", "host_power_loss@slow_start", 7, east)
    assert run.name == "20260314T092653Z-host_power_loss@slow_start-7"
    assert run.logs.is_dir()
    assert run.images.is_dir()


def test_drills_of_one_second_get_directories_of_their_own(tmp_path: Path) -> None:
    names = {RunDirectory.create(tmp_path, "host_power_loss", 1, WHEN).name for _ in range(12)}
    assert len(names) == 12


@pytest.mark.parametrize("scenario", ["../../etc", "a/b", "..", ".hidden", "", "人物\n", "x" * 999])
def test_no_scenario_name_leaves_the_folder(tmp_path: Path, scenario: str) -> None:
    run = RunDirectory.create(tmp_path, scenario, 1, WHEN)
    assert run.path.resolve().parent == tmp_path.resolve()
    assert run.name.isascii()
    assert len(run.name) < 200


def test_a_folder_that_cannot_be_made_is_a_record_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordProblem, match="--out"):
        RunDirectory.create(tmp_path / "file", "host_power_loss", 1, WHEN)


def test_a_run_is_found_by_directory_file_and_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    for hour in (11, 9, 10):
        run = RunDirectory.create(runs, "host_power_loss", 1, WHEN.replace(hour=hour))
        run.history.touch()
    RunDirectory.create(runs, "host_power_loss", 1, WHEN.replace(hour=23))  # nothing in it yet
    (runs / "notes").mkdir()
    newest = runs / "20260314T112653Z-host_power_loss-1"
    assert open_run(newest).path == newest
    assert open_run(newest / "history.jsonl").path == newest
    assert open_run(runs / "latest").path == newest
    monkeypatch.chdir(runs)
    assert open_run(Path("latest")).path.resolve() == newest.resolve()
    assert [each.name[9:11] for each in list_runs(runs)] == ["09", "10", "11"]


def test_within_one_second_the_younger_run_is_the_latest(tmp_path: Path) -> None:
    for number in range(11):
        run = RunDirectory.create(tmp_path, "host_power_loss", 1, WHEN)
        run.history.touch()
        os.utime(run.path, ns=(number, number))
    assert open_run(tmp_path / "latest").name.endswith(".11")


@pytest.mark.parametrize(
    "name", ["absent", "latest", "absent/latest", "empty", "a" * 5000, f"{'a' * 5000}/latest"]
)
def test_where_no_run_is_the_message_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordProblem, match=r"no run|neither a record nor a history"):
        open_run(tmp_path / name)


def test_a_run_is_no_folder_of_runs(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "host_power_loss", 1, WHEN)
    run.history.touch()
    for asked in (list_runs, lambda path: open_run(path / "latest")):
        with pytest.raises(RecordProblem, match="is a run, not a folder of runs"):
            asked(run.path)


def test_a_record_is_read_back(
    run: RunDirectory, record: dict[str, Any], events: list[Event]
) -> None:
    write_all(run, record, events)
    assert read_record(open_run(run.path)) == record


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"\xff\xfe", b"[]", b'{"schema_version": 9}', b"[" * 200_000,
     b"[" * 900 + b"]" * 900, b"[1" + b"0" * 400 + b"]", b"1" * 5000],
)  # fmt: skip
def test_an_unreadable_record_is_a_record_problem(run: RunDirectory, content: bytes | None) -> None:
    if content is not None:
        run.record.write_bytes(content)
    with pytest.raises(RecordProblem, match=r"record\.json"):
        read_record(run)


def test_writing_leaves_the_new_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    for content in ("old", b"new"):
        write_atomically(path, content)
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["report.md"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordProblem, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]
