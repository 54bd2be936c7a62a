"""The directory of a run: its name, its files, and writing them so that half a file never shows."""

from __future__ import annotations

import itertools
import json
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from colordrill.errors import RecordProblem
from colordrill.record.schema import validate

LATEST = "latest"
RECOVERIES = "recoveries"
"""Beside the runs: the records of recoveries and failbacks of a standing stack."""

RESTORES = "restores"
"""Beside the runs: the records of files that were brought back by hand."""

_RUN_NAME = re.compile(r"\d{8}T\d{6}Z-.+")
_STAMP_LENGTH = len("YYYYMMDDTHHMMSSZ")
_UNSAFE = re.compile(r"[^A-Za-z0-9@._-]+")
_NAME_LENGTH_MAX = 120
_NEXT_STEP = "name a run's directory, its record.json, or `latest`"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run's files; all of them lie directly in ``path`` or in its two folders."""

    path: Path

    @classmethod
    def create(cls, out: Path, scenario: str, seed: int, wall: datetime) -> Self:
        """Make the directory of a new run, and its folders.

        Args:
            out: the folder of all runs; made where it is absent.
            scenario: its name; what no file name should hold is replaced.
            seed: the drill's seed.
            wall: when the drill began, with its zone.

        Raises:
            RecordProblem: the directory cannot be made.
        """
        stamp = wall.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{stamp}-{_safe(scenario)}-{seed}"
        try:
            out.mkdir(parents=True, exist_ok=True)
            run = cls(_make_unique(out, name))
            run.logs.mkdir()
            run.images.mkdir()
        except OSError as error:
            raise RecordProblem(
                f"cannot create a run directory in {out}: {error}",
                "choose another --out directory, or free some disk space",
            ) from error
        return run

    @property
    def name(self) -> str:
        """What the record calls the drill's id."""
        return self.path.name

    @property
    def record(self) -> Path:
        """The record."""
        return self.path / "record.json"

    @property
    def history(self) -> Path:
        """The history; written as the drill goes on."""
        return self.path / "history.jsonl"

    @property
    def report_html(self) -> Path:
        """The report for a browser."""
        return self.path / "report.html"

    @property
    def report_markdown(self) -> Path:
        """The report for a repository or a chat."""
        return self.path / "report.md"

    @property
    def junit(self) -> Path:
        """The report for a CI server."""
        return self.path / "junit.xml"

    @property
    def logs(self) -> Path:
        """The folder of every container's log."""
        return self.path / "logs"

    @property
    def images(self) -> Path:
        """The folder of the canaries' pictures."""
        return self.path / "images"


def open_run(path: Path) -> RunDirectory:
    """The run at *path*.

    Args:
        path: a run's directory, a file in it, or ``DIR/latest`` for the newest run in ``DIR``.

    Raises:
        RecordProblem: there is no run.
    """
    try:
        return _opened(path)
    except OSError as error:
        raise RecordProblem(f"there is no run at {path}: {error.strerror}", _NEXT_STEP) from error


def _opened(path: Path) -> RunDirectory:
    if path.name == LATEST and not path.exists():
        return _latest(path.parent)
    run = RunDirectory(path.parent if path.is_file() else path)
    if not run.path.is_dir():
        raise RecordProblem(f"there is no run at {path}", _NEXT_STEP)
    if not _holds_run(run.path):
        raise RecordProblem(f"{path} holds neither a record nor a history", _NEXT_STEP)
    return run


def list_runs(out: Path) -> list[RunDirectory]:
    """The runs in *out*, the oldest first.

    Raises:
        RecordProblem: *out* cannot be read, or is itself a run.
    """
    try:
        if _holds_run(out):
            raise RecordProblem(f"{out} is a run, not a folder of runs", "name the folder above it")
        found = [each for each in out.iterdir() if _RUN_NAME.match(each.name) and _holds_run(each)]
        # the name has the second; within one second the younger directory is the later run
        found.sort(key=lambda run: (run.name[:_STAMP_LENGTH], run.stat().st_mtime_ns))
    except OSError as error:
        raise RecordProblem(f"there are no runs in {out}: {error}", _NEXT_STEP) from error
    return [RunDirectory(each) for each in found]


def read_record(run: RunDirectory) -> dict[str, Any]:
    """The record of *run*, validated.

    Raises:
        RecordProblem: it is absent, unreadable, or not what the schema says.
    """
    try:
        record: dict[str, Any] = json.loads(run.record.read_text("utf-8"))
        validate(record)
    except RecordProblem as problem:
        raise RecordProblem(f"{run.record}: {problem.cause}", problem.next_step) from problem
    except (OSError, ValueError, RecursionError) as error:
        raise RecordProblem(f"cannot read the record {run.record}: {error}", _NEXT_STEP) from error
    return record


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write *path* so that readers see the old content or the new one, also after a power loss.

    Raises:
        RecordProblem: it cannot be written; what was there before is kept.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    try:
        _replace(path, data)
    except OSError as error:
        raise RecordProblem(
            f"cannot write {path}: {error}", "free some disk space and see who owns the directory"
        ) from error


def _replace(path: Path, data: bytes) -> None:
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read; a report is to be shared
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _make_unique(out: Path, name: str) -> Path:
    """Make *name* in *out*; of several drills of one second the later ones get a suffix."""
    for number in itertools.count(1):
        path = out / (name if number == 1 else f"{name}.{number}")
        with suppress(FileExistsError):
            path.mkdir()
            return path
    raise AssertionError("counting does not end")


def _latest(out: Path) -> RunDirectory:
    found = list_runs(out)
    if not found:
        raise RecordProblem(f"there are no runs in {out}", "make one by `colordrill run`")
    return found[-1]


def _holds_run(path: Path) -> bool:
    run = RunDirectory(path)
    return run.record.is_file() or run.history.is_file()


def _safe(scenario: str) -> str:
    return _UNSAFE.sub("_", scenario).strip(".")[:_NAME_LENGTH_MAX] or "unnamed"
