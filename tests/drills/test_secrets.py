"""No secret of a run can be read in records, logs, images or process lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from colordrill.drill.attached import attached_stack
from colordrill.stack.runs import project_of, state_directory
from drills.conftest import Ended, finish, start_colordrill
from drills.secret_search import (
    CommandLines,
    files_below,
    logs_and_images,
    secrets_of,
    told,
)

pytestmark = pytest.mark.drill

WORDS = b"COLORDRILL_BACKUP_PASSWORD=abc\nCOLORDRILL_RUN=1a2b\nCOLORDRILL_OFFSITE_KEY=def\n"
DRAWN = 10
"""The password of each site's storage, the backup account's, the off-site repository's key and its
two accounts, and the four accounts of the replicated bucket."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stacks of this test's own, which it removes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    assert finish(start_colordrill("down")).exit_code == 0


@pytest.fixture
def engine() -> Iterator[Any]:
    """The Docker engine's client."""
    client = docker.from_env()
    yield client
    client.close()


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "stack.env").write_bytes(WORDS)
    (tmp_path / "record.json").write_bytes(b'{"command": "rsync --password=abc"}')

    secrets = secrets_of(tmp_path)

    assert secrets == {"COLORDRILL_BACKUP_PASSWORD": b"abc", "COLORDRILL_OFFSITE_KEY": b"def"}
    (found,) = told(secrets, files_below(tmp_path))
    assert found.startswith("COLORDRILL_BACKUP_PASSWORD in ")


def test_a_standing_stack_its_backups_and_a_planned_recovery_tell_no_secret(engine: Any) -> None:
    with CommandLines() as commands:
        ended = [
            finish(start_colordrill(*words))
            for words in (
                ("up",),
                ("backup", "now", "--verify", "--offsite-every", "1"),
                ("readiness", "--no-rehearsal"),
                ("recover", "--dry-run"),
            )
        ]

    with attached_stack(None) as held:
        assert_none_is_told(engine, held.directory, ended, commands)
    assert any(b"restic" in each for each in commands.seen)


@pytest.mark.nightly
def test_a_drill_that_restores_from_off_site_tells_no_secret(tmp_path: Path, engine: Any) -> None:
    out = tmp_path / "out"

    with CommandLines() as commands:
        drill = ("run", "every_point_damaged", "--keep", "--out", str(out))
        ended = [finish(start_colordrill(*drill))]

    # whether it was in time is another drill's question
    assert "from off site (restic)" in ended[0].stderr
    (directory,) = (state_directory() / "runs").iterdir()
    assert_none_is_told(engine, directory, ended, commands, out)
    assert list(out.rglob("history.jsonl"))


def assert_none_is_told(
    engine: Any, directory: Path, ended: list[Ended], commands: CommandLines, *others: Path
) -> None:
    secrets = secrets_of(directory)
    assert len(secrets) == DRAWN
    assert (directory / "stack.env").stat().st_mode & 0o077 == 0
    assert directory.stat().st_mode & 0o077 == 0
    said = [("what was said", (each.stdout + each.stderr).encode()) for each in ended]
    files = [place for each in (directory, *others) for place in files_below(each)]
    kept = [*logs_and_images(engine, directory.name)]
    assert any(project_of(directory.name) in place for place, _ in kept)
    assert told(secrets, [*said, *files, *kept, *commands.places()]) == []
