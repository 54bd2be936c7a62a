"""Runs of the past, as a command names them: one of them, and the folder of all."""

from __future__ import annotations

from pathlib import Path

from colordrill.record.journal import LATEST, RunDirectory, open_run
from colordrill.scenario.settings import load_settings


def find_run(path: Path) -> RunDirectory:
    """The run at *path*; the word ``latest`` alone: the newest where records go.

    Raises:
        RecordProblem: there is no run.
        UsageProblem: where records go is asked for, and the configuration cannot be read.
    """
    if path == Path(LATEST) and not path.exists():
        path = folder_of_runs() / LATEST
    return open_run(path)


def folder_of_runs() -> Path:
    """Where the file and the environment say that records go; ``runs`` where they do not.

    Raises:
        UsageProblem: they cannot be read.
    """
    return load_settings({}, Path.cwd()).out
