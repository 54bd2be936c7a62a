"""The server's publication of a copy, on a real disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fakes.points_on_disk import PointsOnDisk

OLD, POINT = "20261122T201530.123Z", "20261122T201534.123Z"
FILES = {"output/sub/a.png": b"a" * 1000, "workflows/person.json": b"{}"}
FAILED, DAMAGED = 1, 5


@pytest.fixture
def copied(disk: PointsOnDisk) -> Path:
    """A whole copy that is not published; one of its files is an earlier point's."""
    disk.put(OLD, {"output/sub/a.png": FILES["output/sub/a.png"]})
    copy = disk.root / "incoming" / POINT
    shutil.move(disk.put(POINT, FILES, OLD), copy)
    return copy


def test_a_published_point_is_whole_and_nothing_of_its_copy_is_left(
    disk: PointsOnDisk, copied: Path
) -> None:
    disk.checked("colordrill-publish", POINT)

    assert disk.listed() == [OLD, POINT]
    disk.checked("colordrill-verify", POINT)
    shared = disk.points / OLD / "output/sub/a.png"
    assert shared.samefile(disk.points / POINT / "output/sub/a.png")
    assert not copied.exists()
    assert [*(disk.root / "publishing").iterdir(), *(disk.root / "deleting").iterdir()] == []


def test_an_upload_that_goes_on_writes_into_the_copy_and_not_into_the_point(
    disk: PointsOnDisk, copied: Path
) -> None:
    lease = disk.root / "leases" / f"{POINT}.word"
    lease.touch()
    disk.checked("colordrill-publish", POINT)

    # rsync puts a file of another name in its place; whoever has the account adds others
    fresh = copied / "output/sub/.a.png.x1Y2z3"
    fresh.write_bytes(b"something else")
    fresh.replace(copied / "output/sub/a.png")
    (copied / "output/evil.png").write_bytes(b"evil")
    (copied / "MANIFEST.json").unlink()

    disk.checked("colordrill-verify", POINT)
    held = [path for path in (disk.points / POINT).rglob("*") if path.is_file()]
    assert len(held) == len(FILES) + 1
    lease.write_text("given back\n")
    assert disk.checked("colordrill-forget", "--failed", POINT)["swept"] == [POINT]
    disk.checked("colordrill-verify", POINT)


def test_what_no_manifest_vouches_for_is_no_part_of_the_point(
    disk: PointsOnDisk, copied: Path
) -> None:
    (copied / "output/unlisted.png").write_bytes(b"x")

    disk.checked("colordrill-publish", POINT)

    assert not (disk.points / POINT / "output/unlisted.png").exists()


def test_folders_keep_their_rights_and_times(disk: PointsOnDisk, copied: Path) -> None:
    (copied / "output/sub").chmod(0o775)
    before = (copied / "output/sub").stat()

    disk.checked("colordrill-publish", POINT)

    after = (disk.points / POINT / "output/sub").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("spoilt", ["other bytes", "absent", "a link", "a folder is absent"])
def test_a_copy_that_is_not_what_its_manifest_says_is_told_by_its_exit_code(
    disk: PointsOnDisk, copied: Path, spoilt: str
) -> None:
    path = copied / "output/sub/a.png"
    path.unlink()
    if spoilt == "other bytes":
        path.write_bytes(b"b" * 1000)
    elif spoilt == "a link":
        path.symlink_to(disk.points / OLD / "output/sub/a.png")
    elif spoilt == "a folder is absent":
        path.parent.rmdir()

    ended = disk.run("colordrill-publish", POINT)

    assert ended.exit_code == DAMAGED
    assert "output/sub/a.png" in ended.stderr
    assert disk.listed() == [OLD]
    assert list((disk.root / "publishing").iterdir()) == []
    disk.checked("colordrill-verify", OLD)


def test_a_copy_without_a_manifest_is_another_failure(disk: PointsOnDisk, copied: Path) -> None:
    (copied / "MANIFEST.json").unlink()

    assert disk.run("colordrill-publish", POINT).exit_code == FAILED
    assert disk.listed() == [OLD]


@pytest.fixture
def partial(disk: PointsOnDisk, copied: Path) -> Path:
    """A copy to which the file that is the same in the point before did not travel."""
    (copied / "output/sub/a.png").unlink()
    name_previous(copied, OLD)
    return copied


def name_previous(copy: Path, previous: object) -> None:
    manifest = json.loads((copy / "MANIFEST.json").read_bytes())
    (copy / "MANIFEST.json").write_text(json.dumps({**manifest, "previous": previous}))


def test_what_did_not_travel_is_shared_with_the_point_that_the_manifest_names(
    disk: PointsOnDisk, partial: Path
) -> None:
    (partial / "output/sub").chmod(0o775)

    disk.checked("colordrill-publish", POINT)

    disk.checked("colordrill-verify", POINT)
    published = disk.points / POINT / "output/sub"
    assert (published / "a.png").samefile(disk.points / OLD / "output/sub/a.png")
    assert published.stat().st_mode & 0o777 == 0o775
    assert list((disk.root / "publishing").iterdir()) == []


def test_what_travelled_comes_before_what_the_point_before_has(
    disk: PointsOnDisk, partial: Path
) -> None:
    shutil.rmtree(disk.points / OLD / "output")
    disk.points.joinpath(OLD, "workflows").mkdir()
    disk.points.joinpath(OLD, "workflows/person.json").write_bytes(b"old")
    partial.joinpath("output/sub/a.png").write_bytes(FILES["output/sub/a.png"])

    disk.checked("colordrill-publish", POINT)

    disk.checked("colordrill-verify", POINT)


@pytest.mark.parametrize("spoilt", ["other bytes", "absent"])
def test_a_shared_file_that_is_damaged_in_the_point_before_is_told_and_nothing_is_published(
    disk: PointsOnDisk, partial: Path, spoilt: str
) -> None:
    shared = disk.points / OLD / "output/sub/a.png"
    shared.unlink()
    if spoilt == "other bytes":
        shared.write_bytes(b"b" * 1000)

    ended = disk.run("colordrill-publish", POINT)

    assert ended.exit_code == DAMAGED
    assert "output/sub/a.png" in ended.stderr
    assert disk.listed() == [OLD]
    assert list((disk.root / "publishing").iterdir()) == []


def test_a_point_before_that_is_gone_is_named_and_nothing_is_published(
    disk: PointsOnDisk, partial: Path
) -> None:
    shutil.rmtree(disk.points / OLD)

    ended = disk.run("colordrill-publish", POINT)

    assert ended.exit_code == FAILED
    assert OLD in ended.stderr
    assert "Traceback" not in ended.stderr
    assert disk.listed() == []


@pytest.mark.parametrize("previous", ["../incoming", "", 5, [OLD], {}, "20269922T201530.123Z"])
def test_a_manifest_that_names_no_point_before_is_refused(
    disk: PointsOnDisk, partial: Path, previous: object
) -> None:
    name_previous(partial, previous)

    ended = disk.run("colordrill-publish", POINT)

    assert ended.exit_code == DAMAGED
    assert "Traceback" not in ended.stderr
    assert disk.listed() == [OLD]
