"""The server's verification of a point, and the catalogue that shows it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PointsOnDisk

FIRST, SECOND = "20261122T201530.123Z", "20261122T201534.123Z"
FAILED, DAMAGED = 1, 5
FILES = {
    "input/照片.png": b"photo",
    "output/sub/job_00001_.png": b"coloured" * 1000,
    "output/line\nbreak.png": b"newline in the name",
    "output/empty.png": b"",
    "workflows/person.json": b"{}",
}
A = "output/sub/job_00001_.png"


def flip(path: Path) -> None:
    """Change a bit; neither size nor time changes."""
    status = path.stat()
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def into_link(path: Path) -> None:
    """The right bytes, and not in the point."""
    elsewhere = path.rename(path.parents[3] / "elsewhere")
    path.symlink_to(elsewhere)


def folder_into_link(path: Path) -> None:
    elsewhere = path.parent.rename(path.parents[3] / "elsewhere")
    path.parent.symlink_to(elsewhere)


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARMS: dict[str, Callable[[Path], Any]] = {
    "flipped bit": flip,
    "cut": lambda path: os.truncate(path, 10),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "gone": Path.unlink,
    "symbolic link": into_link,
    "folder is a symbolic link": folder_into_link,
    "folder": into_folder,
}


def test_a_point_that_nobody_verified_is_listed_as_such(disk: PointsOnDisk) -> None:
    disk.put(FIRST, FILES)

    (listed,) = disk.checked("colordrill-points")

    assert listed == {
        "point": FIRST,
        "strategy": "rsync",
        "files": len(FILES),
        "bytes": sum(map(len, FILES.values())),
        "verified": None,
    }


def test_a_whole_point_is_verified_and_listed_with_the_time(disk: PointsOnDisk) -> None:
    disk.put(FIRST, FILES)
    before = disk.tree()

    told = disk.checked("colordrill-verify", FIRST)

    assert (told["outcome"], told["files"], told["damaged"]) == ("whole", len(FILES), [])
    assert told["bytes"] == sum(map(len, FILES.values()))
    verified = disk.verified(FIRST)
    assert (verified["outcome"], verified["at"]) == ("whole", told["at"])
    assert disk.tree() == before


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_is_named_and_the_point_is_listed_as_damaged(
    disk: PointsOnDisk, harm: str
) -> None:
    HARMS[harm](disk.put(FIRST, FILES) / A)

    ended = disk.run("colordrill-verify", FIRST)

    assert ended.exit_code == DAMAGED
    assert [each["file"] for each in ended.told["damaged"]] == [A]
    verified = disk.verified(FIRST)
    assert (verified["outcome"], verified["damaged"]) == ("damaged", [A])
    assert verified["damaged_files"] == 1


def test_a_flipped_bit_damages_every_point_that_shares_the_file(disk: PointsOnDisk) -> None:
    disk.put(FIRST, FILES)
    flip(disk.put(SECOND, FILES, previous=FIRST) / A)

    for point in (FIRST, SECOND):
        assert disk.run("colordrill-verify", point).exit_code == DAMAGED


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[" * 100_000,
        b"null",
        b'{"point": "x", "files": {}}',
        b'{"point": "20261122T201530.123Z", "files": {"output/a.png": {}}}',
        b'{"point": "20261122T201530.123Z", "files": {"output/a.png": {"sha256": "0"}}}',
        b'{"point": "20261122T201530.123Z", "strategy": "r", "files": {"../x": {"sha256": "0"}}}',
    ],
)
def test_a_manifest_that_is_none_is_damage_and_hides_no_other_point(
    disk: PointsOnDisk, content: bytes | None
) -> None:
    manifest = disk.put(FIRST, FILES) / "MANIFEST.json"
    disk.put(SECOND, FILES)
    if content is None:
        manifest.unlink()
    else:
        manifest.write_bytes(content)

    ended = disk.run("colordrill-verify", FIRST)

    assert ended.exit_code == DAMAGED
    assert [each["file"] for each in ended.told["damaged"]] == ["MANIFEST.json"]
    listed = disk.run("colordrill-points")
    assert [each["point"] for each in listed.told] == [SECOND]
    assert FIRST in listed.stderr
    everything = disk.checked("colordrill-points", "--all")
    assert [each["point"] for each in everything] == [FIRST, SECOND]
    assert FIRST in everything[0]["problem"]


def test_a_result_is_void_once_the_manifest_is_another_one(disk: PointsOnDisk) -> None:
    manifest = disk.put(FIRST, FILES) / "MANIFEST.json"
    disk.checked("colordrill-verify", FIRST)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "more": 1}))

    assert disk.verified(FIRST) is None


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"point": "x"}'])
def test_a_result_that_cannot_be_read_says_nothing(disk: PointsOnDisk, text: str) -> None:
    disk.put(FIRST, FILES)
    (disk.root / "verified" / f"{FIRST}.json").write_text(text)

    assert disk.verified(FIRST) is None


def test_a_point_that_was_mended_is_whole_again(disk: PointsOnDisk) -> None:
    path = disk.put(FIRST, FILES) / A
    flip(path)
    disk.run("colordrill-verify", FIRST)
    flip(path)

    disk.checked("colordrill-verify", FIRST)

    assert disk.verified(FIRST)["outcome"] == "whole"


def test_a_list_names_some_of_very_many_damaged_files_and_counts_all(disk: PointsOnDisk) -> None:
    point = disk.put(FIRST, {f"output/{number:03}.png": b"x" for number in range(100)})
    for path in point.glob("output/*"):
        path.unlink()

    ended = disk.run("colordrill-verify", FIRST)

    assert len(ended.told["damaged"]) == 100
    verified = disk.verified(FIRST)
    assert (verified["damaged_files"], len(verified["damaged"])) == (100, 20)


@pytest.mark.parametrize(
    "point", [SECOND, "", "..", "../points", f"{FIRST}/output", "latest", "20261399T999999.999Z"]
)
def test_what_is_no_published_point_is_refused_and_leaves_no_result(
    disk: PointsOnDisk, point: str
) -> None:
    disk.put(FIRST, FILES)

    refused = disk.run("colordrill-verify", point)

    assert refused.exit_code == FAILED
    assert "recovery point" in refused.stderr
    assert list((disk.root / "verified").iterdir()) == []


def test_a_server_whose_disk_is_gone_has_no_list(disk: PointsOnDisk) -> None:
    disk.points.rmdir()

    ended = disk.run("colordrill-points")

    assert ended.exit_code == FAILED
    assert "cannot be listed" in ended.stderr


def test_what_is_no_point_is_not_listed(disk: PointsOnDisk) -> None:
    disk.put(FIRST, FILES)
    (disk.points / "lost+found").mkdir()
    (disk.points / "20261399T999999.999Z").mkdir()
    (disk.points / "note.txt").write_text("x")

    assert disk.listed() == [FIRST]
