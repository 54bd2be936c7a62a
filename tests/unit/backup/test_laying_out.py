"""A point in a directory of this machine: whole and verified, or nothing of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colordrill.backup.laying_out import MANIFEST, lay_out
from colordrill.backup.points import PointDamaged
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.stack.parts import Part
from fakes.points_on_disk import PointsOnDisk
from fakes.target import FakePart, FakeTarget

POINT = "20261122T201530.123Z"
FILES = {
    "output/a.png": b"a" * 5000,
    "output/sub/line\nbreak.png": b"b",
    "workflows/人物.json": b"{}",
}


@pytest.fixture
def disk(tmp_path: Path) -> PointsOnDisk:
    """The backup server's disk, with one point."""
    disk = PointsOnDisk(tmp_path / "server" / "backup")
    disk.prepare()
    disk.put(POINT, FILES)
    return disk


@pytest.fixture
def target(disk: PointsOnDisk) -> FakeTarget:
    return FakeTarget({Part.BACKUP: FakePart()}, disks={Part.BACKUP: disk.root.parent})


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """A directory that is not there yet, in one that holds nothing else."""
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine" / "out"


def laid_out(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_a_whole_point_comes_without_its_manifest(target: FakeTarget, into: Path) -> None:
    assert lay_out(target, POINT, (), into) == tuple(sorted(FILES))

    assert laid_out(into) == FILES
    assert into.stat().st_mode & 0o777 == 0o700


def test_folders_and_files_come_and_nothing_else(target: FakeTarget, into: Path) -> None:
    names = lay_out(target, POINT, ("output/sub", "workflows/人物.json"), into)

    assert (
        set(laid_out(into)) == set(names) == {"output/sub/line\nbreak.png", "workflows/人物.json"}
    )


def test_an_empty_directory_is_filled(target: FakeTarget, into: Path) -> None:
    into.mkdir()

    lay_out(target, POINT, ("output",), into)

    assert set(laid_out(into)) == {"output/a.png", "output/sub/line\nbreak.png"}


def test_a_dry_run_writes_nothing(target: FakeTarget, into: Path) -> None:
    assert lay_out(target, POINT, ("output/a.png",), into, dry_run=True) == ("output/a.png",)

    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["file in it", "a file", "a link", "no parent"])
def test_a_directory_that_is_not_free_is_refused_and_left_alone(
    target: FakeTarget, into: Path, kind: str
) -> None:
    directory = into
    match kind:
        case "file in it":
            into.mkdir()
            (into / "theirs").write_text("theirs")
        case "a file":
            into.write_text("theirs")
        case "a link":
            into.symlink_to(into.parent)
        case _:
            directory = into / "deeper"
    before = sorted(into.parent.rglob("*"))

    with pytest.raises(UsageProblem):
        lay_out(target, POINT, (), directory)

    assert sorted(into.parent.rglob("*")) == before


def test_a_path_that_is_not_in_the_point_is_refused(target: FakeTarget, into: Path) -> None:
    with pytest.raises(UsageProblem, match=r"'output/none\.png' is not in the recovery point"):
        lay_out(target, POINT, ("output", "output/none.png"), into)

    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize("rot", ["other bytes", "cut off", "absent", "a link to a secret"])
def test_a_file_that_is_not_what_the_manifest_says_leaves_nothing(
    target: FakeTarget, disk: PointsOnDisk, into: Path, rot: str
) -> None:
    place = disk.points / POINT / "output/a.png"
    match rot:
        case "other bytes":
            place.write_bytes(b"b" * 5000)
        case "cut off":
            place.write_bytes(b"a" * 4999)
        case "absent":
            place.unlink()
        case _:
            place.unlink()
            place.symlink_to("/etc/passwd")

    with pytest.raises(PointDamaged, match=r"output/a\.png"):
        lay_out(target, POINT, (), into)

    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "nonsense",
        "[]",
        '{"point": "20991231T235959.999Z", "files": {}}',
        f'{{"point": "{POINT}", "files": {{"output/a.png": {{}}}}}}',
        f'{{"point": "{POINT}", "files": {{"../escape": {{"sha256": "0"}}}}}}',
        f'{{"point": "{POINT}", "files": {{"/etc/passwd": {{"sha256": "0"}}}}}}',
    ],
)
def test_a_manifest_that_makes_no_sense_leaves_nothing(
    target: FakeTarget, disk: PointsOnDisk, into: Path, manifest: str
) -> None:
    (disk.points / POINT / MANIFEST).write_text(manifest)

    with pytest.raises(PointDamaged, match="manifest"):
        lay_out(target, POINT, (), into)

    assert list(into.parent.iterdir()) == []


class CutTarget(FakeTarget):
    """Its archives end early, or the disk of this machine is full when they come."""

    error: BaseException | None = None
    length = 2000

    @contextmanager
    def archive(self, part: Part, path: str) -> Iterator[Iterator[bytes]]:
        with super().archive(part, path) as chunks:
            content = b"".join(chunks)
        yield iter([content]) if path.endswith(MANIFEST) else self._cut(content)

    def _cut(self, content: bytes) -> Iterator[bytes]:
        yield content[: self.length]
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("length", [0, 100, 2000, 5000])
def test_an_archive_that_is_cut_leaves_nothing(disk: PointsOnDisk, into: Path, length: int) -> None:
    target = CutTarget({Part.BACKUP: FakePart()}, disks={Part.BACKUP: disk.root.parent})
    target.length = length

    with pytest.raises(EnvironmentProblem):
        lay_out(target, POINT, ("output/a.png",), into)

    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interruption_or_a_full_disk_leaves_nothing(
    disk: PointsOnDisk, into: Path, error: BaseException
) -> None:
    target = CutTarget({Part.BACKUP: FakePart()}, disks={Part.BACKUP: disk.root.parent})
    target.error = error

    with pytest.raises((KeyboardInterrupt, EnvironmentProblem)):
        lay_out(target, POINT, ("output/a.png",), into)

    assert list(into.parent.iterdir()) == []


def test_a_member_that_is_named_outside_is_not_written(disk: PointsOnDisk, into: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in ("a.png", "../escape", "/tmp/escape"):
            entry = tarfile.TarInfo(name)
            entry.size = len(FILES["output/a.png"])
            tar.addfile(entry, io.BytesIO(FILES["output/a.png"]))

    class Hostile(FakeTarget):
        @contextmanager
        def archive(self, part: Part, path: str) -> Iterator[Iterator[bytes]]:
            if not path.endswith(MANIFEST):
                yield iter([content.getvalue()])
                return
            with super().archive(part, path) as chunks:
                yield chunks

    target = Hostile({Part.BACKUP: FakePart()}, disks={Part.BACKUP: disk.root.parent})

    lay_out(target, POINT, ("output/a.png",), into)

    assert laid_out(into.parent) == {"out/output/a.png": FILES["output/a.png"]}
