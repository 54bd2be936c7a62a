"""The server's removal of points and leftovers, on a real disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PointsOnDisk

POINTS = [f"20261122T20153{number}.123Z" for number in range(5)]
FILES = {"output/same.png": b"the same in all" * 100, "workflows/person.json": b"{}"}
KEEP_ONE = ("colordrill-forget", "--keep-last", "1")
FAILED, USAGE = 1, 2


@pytest.fixture
def full(disk: PointsOnDisk) -> PointsOnDisk:
    """Five points; each shares its unchanged files with the one before."""
    previous = None
    for point in POINTS:
        disk.put(point, {**FILES, "output/own.png": point.encode()}, previous)
        previous = point
    return disk


def lease(disk: PointsOnDisk, name: str, content: str = "", age_s: float = 0.0) -> Path:
    """A lease that is held, as all are without content."""
    path = disk.root / "leases" / (name if name.startswith(".") else f"{name}.word")
    path.write_text(content)
    written = path.stat().st_mtime - age_s
    os.utime(path, (written, written))
    return path


def test_a_removed_point_is_gone_and_the_others_are_whole(full: PointsOnDisk) -> None:
    shared = full.points / POINTS[4] / "output/same.png"
    assert shared.stat().st_nlink == len(POINTS)

    told = full.checked(*KEEP_ONE)

    assert told["removed"] == POINTS[:4]
    assert told["kept"] == [{"point": POINTS[4], "reasons": ["last", "newest"]}]
    assert full.listed() == [POINTS[4]]
    assert list((full.root / "deleting").iterdir()) == []
    assert shared.stat().st_nlink == 1
    full.checked("colordrill-verify", POINTS[4])


def test_the_newest_verified_point_stays_and_its_files_with_it(full: PointsOnDisk) -> None:
    full.checked("colordrill-verify", POINTS[1])

    assert full.checked(*KEEP_ONE)["removed"] == [POINTS[0], POINTS[2], POINTS[3]]

    assert full.listed() == [POINTS[1], POINTS[4]]
    full.checked("colordrill-verify", POINTS[1])


def test_a_result_that_is_void_protects_nothing(full: PointsOnDisk) -> None:
    full.checked("colordrill-verify", POINTS[1])
    manifest = full.points / POINTS[1] / "MANIFEST.json"
    manifest.write_text(manifest.read_text() + " ")

    full.checked(*KEEP_ONE)

    assert full.listed() == [POINTS[4]]


def test_a_dry_run_tells_the_same_and_changes_nothing(full: PointsOnDisk) -> None:
    lease(full, POINTS[0], "given back\n")
    before = full.tree()

    told = full.checked(*KEEP_ONE, "--dry-run")

    assert (told["removed"], told["dry_run"]) == (POINTS[:4], True)
    assert full.tree() == before
    assert list((full.root / "leases").iterdir())
    assert full.checked(*KEEP_ONE)["removed"] == told["removed"]


def test_without_a_rule_no_point_goes(full: PointsOnDisk) -> None:
    assert full.checked("colordrill-forget")["removed"] == []
    assert full.listed() == POINTS


@pytest.mark.parametrize(
    "words",
    [
        ("--keep-last", "-1"),
        ("--keep-last", "1.5"),
        ("--keep-last", ""),
        ("--keep-within", "nan"),
        ("--keep-within", "-1"),
        ("--keep-within", "inf"),
        ("--keep-forever",),
        ("--keep",),
        (POINTS[0],),
    ],
)
def test_a_rule_that_is_none_removes_nothing(full: PointsOnDisk, words: tuple[str, ...]) -> None:
    assert full.run("colordrill-forget", *words).exit_code == USAGE
    assert full.listed() == POINTS


def test_a_point_that_is_being_read_on_the_server_stays_until_then(full: PointsOnDisk) -> None:
    reader = os.open(full.points / POINTS[2], os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)

    assert full.checked(*KEEP_ONE)["in_use"] == [POINTS[2]]
    assert full.listed() == [POINTS[2], POINTS[4]]
    os.close(reader)

    assert full.checked(*KEEP_ONE)["removed"] == [POINTS[2]]


def test_a_point_that_an_agent_restores_stays_until_the_lease_is_given_back(
    full: PointsOnDisk,
) -> None:
    held = lease(full, POINTS[2])
    assert full.checked(*KEEP_ONE)["in_use"] == [POINTS[2]]
    held.write_text("given back\n")

    assert full.checked(*KEEP_ONE)["removed"] == [POINTS[2]]
    assert not held.exists()


@pytest.mark.parametrize(("age_s", "removed"), [(100.0, False), (130.0, True), (-9e6, False)])
def test_a_lease_that_is_not_renewed_runs_out(
    full: PointsOnDisk, age_s: float, removed: bool
) -> None:
    lease(full, POINTS[2], age_s=age_s)

    assert (POINTS[2] in full.checked(*KEEP_ONE)["removed"]) is removed


def test_a_lease_that_is_just_being_written_counts(full: PointsOnDisk) -> None:
    """Rsync gives it its name when it is whole."""
    lease(full, f".{POINTS[2]}.word.x1Y2z3", "gi")

    assert full.checked(*KEEP_ONE)["in_use"] == [POINTS[2]]


def test_a_draft_of_a_lease_that_nobody_ended_runs_out(full: PointsOnDisk) -> None:
    draft = lease(full, f".{POINTS[2]}.word.x1Y2z3", age_s=130.0)

    assert POINTS[2] in full.checked(*KEEP_ONE)["removed"]
    assert not draft.exists()


def test_an_agent_that_asks_in_the_very_moment_finds_its_point_again(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(store, "leased", lambda _point: next(answers))

    assert store.take_out(full.points / POINTS[0]) is None

    assert full.listed() == POINTS
    full.checked("colordrill-verify", POINTS[0])


def test_a_reader_that_waited_for_a_removal_does_not_take_it_for_damage(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = full.points / POINTS[0]

    def removed_meanwhile(_descriptor: int, _operation: int) -> None:
        directory.rename(full.root / "deleting" / "gone")

    monkeypatch.setattr(store.fcntl, "flock", removed_meanwhile)

    with pytest.raises(FileNotFoundError), store.reading(directory):
        pass


def test_killed_between_removal_and_deletion_no_half_point_is_listed_and_the_rest_goes_later(
    full: PointsOnDisk, store: Any
) -> None:
    gone = store.take_out(full.points / POINTS[0])
    (gone / "output/own.png").unlink()
    assert full.listed() == POINTS[1:]

    full.checked("colordrill-forget")

    assert list((full.root / "deleting").iterdir()) == []
    full.checked("colordrill-verify", POINTS[1])


def test_a_read_only_folder_of_a_point_can_be_deleted(full: PointsOnDisk) -> None:
    folder = full.points / POINTS[0] / "output"
    mode = (full.points / POINTS[1] / "output/same.png").stat().st_mode
    folder.chmod(0o500)

    full.checked(*KEEP_ONE)

    assert (full.points / POINTS[4] / "output/same.png").stat().st_mode == mode


def test_two_at_once_are_refused(full: PointsOnDisk) -> None:
    lock = os.open(full.root / ".forget.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)

    refused = full.run(*KEEP_ONE)

    os.close(lock)
    assert refused.exit_code == FAILED
    assert "another colordrill-forget" in refused.stderr
    assert full.listed() == POINTS


def test_results_of_points_that_are_gone_go_too(full: PointsOnDisk) -> None:
    for point in (POINTS[0], POINTS[4]):
        full.checked("colordrill-verify", point)

    full.checked(*KEEP_ONE)

    assert [path.stem for path in (full.root / "verified").iterdir()] == [POINTS[4]]


def test_what_a_cut_copy_left_is_swept_and_a_living_one_is_not(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("20261122T201540.000Z", "20261122T201550.000Z"):
        shutil.copytree(full.points / POINTS[0], full.root / "incoming" / name)
    lease(full, "20261122T201550.000Z")
    monkeypatch.setattr(store, "_held", lambda path: path.stat().st_size == 0)
    assert store.sweep() == []
    monkeypatch.setattr(store, "LEASE_S", -1.0)

    assert store.sweep() == ["20261122T201540.000Z"]

    assert [path.name for path in (full.root / "incoming").iterdir()] == ["20261122T201550.000Z"]


def test_a_copy_that_just_arrived_is_not_swept_before_it_is_published(full: PointsOnDisk) -> None:
    copy = full.points / POINTS[4]
    copy.rename(full.root / "incoming" / POINTS[4])

    assert full.checked("colordrill-forget")["swept"] == []

    full.checked("colordrill-publish", POINTS[4])
    assert full.listed() == POINTS


def test_a_copy_that_has_failed_is_swept_without_waiting(full: PointsOnDisk) -> None:
    for name in ("20261122T201540.000Z", "20261122T201550.000Z"):
        shutil.copytree(full.points / POINTS[0], full.root / "incoming" / name)

    told = full.checked("colordrill-forget", "--failed", "20261122T201540.000Z")

    assert (told["swept"], told["removed"]) == (["20261122T201540.000Z"], [])
    assert [each.name for each in (full.root / "incoming").iterdir()] == ["20261122T201550.000Z"]


def test_a_copy_that_has_failed_is_left_to_the_agent_that_is_still_at_it(
    full: PointsOnDisk,
) -> None:
    shutil.copytree(full.points / POINTS[0], full.root / "incoming" / "20261122T201540.000Z")
    lease(full, "20261122T201540.000Z")

    assert full.checked("colordrill-forget", "--failed", "20261122T201540.000Z")["swept"] == []


def test_what_a_killed_publication_left_is_swept_and_one_under_way_is_not(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = full.root / "publishing" / "20261122T201540.000Z.word"
    shutil.copytree(full.points / POINTS[0], left)
    store.sweep()
    assert left.is_dir()
    monkeypatch.setattr(store, "LEASE_S", -1.0)
    with store.reading(left):
        store.sweep()
        assert left.is_dir()

    store.sweep()

    assert not left.exists()
    full.checked("colordrill-verify", POINTS[0])


def test_while_the_newest_point_lies_in_the_future_leftovers_go_and_no_point(
    full: PointsOnDisk,
) -> None:
    """By such ids all that was made since the clock was set back is of one hour."""
    full.put("29991231T235959.000Z", FILES)
    shutil.copytree(full.points / POINTS[0], full.root / "incoming" / "20261122T201540.000Z")

    told = full.checked(*KEEP_ONE, "--failed", "20261122T201540.000Z")

    assert "in the future" in told["held_back"]
    assert (told["removed"], told["swept"]) == ([], ["20261122T201540.000Z"])
    assert len(full.listed()) == len(POINTS) + 1


def test_a_clock_that_is_a_little_ahead_holds_nothing_back(full: PointsOnDisk) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=20)
    full.put(f"{soon:%Y%m%dT%H%M%S}.000Z", FILES)

    told = full.checked(*KEEP_ONE)

    assert (told["held_back"], told["removed"]) == ("", POINTS)


def test_points_that_are_listed_while_others_go_are_all_whole(full: PointsOnDisk) -> None:
    seen: list[list[str]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(full.listed())

    looking = threading.Thread(target=look)
    looking.start()
    full.checked(*KEEP_ONE)
    done.set()
    looking.join()

    assert seen
    assert all(POINTS[4] in listed and set(listed) <= set(POINTS) for listed in seen)


def test_a_server_without_folders_says_so(disk: PointsOnDisk) -> None:
    shutil.rmtree(disk.root)

    ended = disk.run(*KEEP_ONE)

    assert ended.exit_code == FAILED
    assert "Traceback" not in ended.stderr
    assert "could not be removed" in ended.stderr
