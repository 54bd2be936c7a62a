"""The server's removal of points and leftovers, on a real disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from typing import Any

import pytest

from fakes.kept_points import POINTS, lease
from fakes.points_on_disk import PointsOnDisk

KEEP_ONE = ("colordrill-forget", "--keep-last", "1")
FAILED, USAGE = 1, 2


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
