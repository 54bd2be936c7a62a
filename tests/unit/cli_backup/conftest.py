"""The only standing stack's backup server, and no configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colordrill.drill import attached, restoring
from colordrill.drill.attached import AttachedStack
from colordrill.errors import EnvironmentProblem
from fakes.backup_server import BackupServer
from fakes.restoring_stack import RestoringStack
from unit.cli_backup.commands import PHOTO, PICTURE, POINTS, WORKFLOW
from unit.cli_backup.judge import Judge


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


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge) -> RestoringStack:
    """The only standing stack: its workflow went bad before the last two points."""
    versions = [b"first", b"good", b"bad", b"bad"]
    points = {
        point: {WORKFLOW: version, PICTURE: point.encode(), PHOTO: b"photo"}
        for point, version in zip(POINTS, versions, strict=True)
    }
    stack = RestoringStack(tmp_path / "server", points)
    stack.primary.update({WORKFLOW: b"bad", PICTURE: POINTS[3].encode(), PHOTO: b"photo"})

    @contextmanager
    def attached(_run_id: str | None, _purpose: str | None = None) -> Iterator[AttachedStack]:
        yield AttachedStack("aa", stack.target, tmp_path)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring, "attached_stack", attached)
    return stack


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Canaries that are right unless a test says otherwise."""
    judge = Judge()

    @contextmanager
    def operating(*_: object) -> Iterator[Judge]:
        yield judge

    @contextmanager
    def public(_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(restoring, "operating", operating)
    monkeypatch.setattr(restoring, "public_client", public)
    return judge
