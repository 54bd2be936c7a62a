"""The only standing stack's backup server, and no configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colordrill.drill import attached
from colordrill.drill.attached import AttachedStack
from colordrill.errors import EnvironmentProblem
from fakes.backup_server import BackupServer
from unit.cli_backup.commands import POINTS


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackupServer:
    """The only standing stack's backup server, with four points."""
    server = BackupServer(dict.fromkeys(POINTS))

    @contextmanager
    def held(run_id: str | None, _purpose: str | None = None) -> Iterator[AttachedStack]:
        if run_id not in {None, "aa"}:
            raise EnvironmentProblem("no such stack")
        yield AttachedStack("aa", server.target(), tmp_path)  # type: ignore[arg-type]

    monkeypatch.setattr(attached, "attached_stack", held)
    return server
