"""A recovery point, or a part of it, laid out in a directory of this machine, to be read."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from colordrill.backup.bringing_back import site_paths
from colordrill.backup.points import PointDamaged
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

POINTS = "/backup/points"
MANIFEST = "MANIFEST.json"
MANIFEST_MAX_BYTES = 1 << 30
CHUNK_BYTES = 1 << 20
OLDER = "take an older point: --before TIME"


def lay_out(
    target: Target, point: str, paths: Sequence[str], directory: Path, *, dry_run: bool = False
) -> tuple[str, ...]:
    """Put *paths* of *point*, or all of it, into *directory*, every file verified.

    The directory, which is its owner's alone, is there as a whole or, where this fails, as before.

    Args:
        target: whose backup server holds the point.
        point: its id.
        paths: folders or files relative to the site; none: everything.
        directory: absent or empty; the folder in which it lies is there.
        dry_run: only say what would come.

    Returns:
        The files, by path relative to the site and to the directory.

    Raises:
        UsageProblem: the directory is neither, or a path is not in the point.
        PointDamaged: the point is not what its manifest says.
        EnvironmentProblem: it did not come, or cannot be written here.
    """
    _refuse_occupied(directory)
    files = _manifest(target, point)
    wanted = _wanted(files, point, paths)
    if not dry_run:
        with _staged(directory) as staging:
            for path in paths or ("",):
                source = "/".join(each for each in (POINTS, point, path) if each)
                _receive(target, source, path, wanted, staging)
            _refuse_absent(wanted, staging, point)
    return tuple(sorted(wanted))


def _refuse_occupied(directory: Path) -> None:
    try:
        if directory.is_symlink() or (directory.exists() and any(directory.iterdir())):
            raise UsageProblem(
                f"{directory} is not empty", "name a directory that is not there yet"
            )
        if not directory.absolute().parent.is_dir():
            raise UsageProblem(
                f"there is no directory {directory.absolute().parent}", "make it first"
            )
    except OSError as error:
        raise UsageProblem(
            f"{directory} cannot be looked at: {error.strerror}", "name another directory"
        ) from error


def _manifest(target: Target, point: str) -> dict[str, str]:
    """SHA-256 of each file of *point*, by path."""
    content = b""
    with _arriving(target, f"{POINTS}/{point}/{MANIFEST}") as files:
        for _, file in files:
            content = file.read(MANIFEST_MAX_BYTES)
    try:
        told = json.loads(content)
        digests = {str(name): str(each["sha256"]) for name, each in told["files"].items()}
        if told["point"] != point:
            raise ValueError(f"it is that of {told['point']!r}")
        site_paths(tuple(digests))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise PointDamaged(f"the manifest of {point} cannot be read: {error}", OLDER) from error
    except UsageProblem as error:
        raise PointDamaged(f"the manifest of {point} is wrong: {error.cause}", OLDER) from error
    return digests


def _wanted(files: Mapping[str, str], point: str, paths: Sequence[str]) -> dict[str, str]:
    wanted: dict[str, str] = {} if paths else dict(files)
    for path in paths:
        below = {
            name: digest
            for name, digest in files.items()
            if name == path or name.startswith(f"{path}/")
        }
        if not below:
            raise UsageProblem(
                f"{path!r} is not in the recovery point {point}",
                "`colordrill backup list` shows the points",
            )
        wanted |= below
    return wanted


@contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """A directory beside *directory* that takes its place once the block has ended well."""
    place = directory.absolute()
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            yield staging
            staging.replace(place)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"{directory} cannot be written: {error.strerror or error}; nothing is left of it",
            "see its disk and its rights, or name another directory",
        ) from error


def _receive(
    target: Target, source: str, path: str, wanted: Mapping[str, str], staging: Path
) -> None:
    """Write what *source*, which is *path* of the site, brings of *wanted*, verified."""
    with _arriving(target, source) as files:
        for member, file in files:
            # an archive calls everything by the last part of what was asked for
            _, _, below = member.partition("/")
            name = "/".join(each for each in (path, below) if each)
            if name in wanted:
                _write(file, staging / name, name, wanted[name])


def _write(file: IO[bytes], place: Path, name: str, sha256: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    with place.open("wb") as written:
        while chunk := file.read(CHUNK_BYTES):
            hashed.update(chunk)
            written.write(chunk)
    if hashed.hexdigest() != sha256:
        raise PointDamaged(f"{name!r} is not what its manifest says", OLDER)


def _refuse_absent(wanted: Mapping[str, str], staging: Path, point: str) -> None:
    absent = sorted(name for name in wanted if not (staging / name).is_file())
    if absent:
        raise PointDamaged(
            f"{len(absent)} files of {point} did not come, as {absent[0]!r}: it lacks them, or was "
            "removed meanwhile",
            OLDER,
        )


def _plain_files(chunks: Iterator[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """The plain files of a tar; no link of it is ever followed."""
    with tarfile.open(fileobj=_Stream(chunks), mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file is not None:
                yield member.name, file


@contextmanager
def _arriving(target: Target, path: str) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The plain files of *path* on the backup server, as they come.

    Raises:
        EnvironmentProblem: they do not, or not all of them.
    """
    try:
        with target.archive(Part.BACKUP, path) as chunks:
            yield _plain_files(chunks)
    except tarfile.TarError as error:
        raise EnvironmentProblem(
            f"what the backup server sent was cut: {error}", "see whether it runs, then start again"
        ) from error


class _Stream(io.RawIOBase):
    """Chunks as the file that `tarfile` reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Some bytes, at most *size* of them; none at the end."""
        while not self._rest and (chunk := next(self._chunks, None)) is not None:
            self._rest = chunk
        end = len(self._rest) if size < 0 else size
        read, self._rest = self._rest[:end], self._rest[end:]
        return read
