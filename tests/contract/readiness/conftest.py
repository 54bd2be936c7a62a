"""One stack that stands with a recovery point, for all readiness tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colordrill.backup.restic import ResticStrategy
from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import SystemClock
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.standing import stand_up
from colordrill.history import History
from colordrill.scenario.settings import Settings
from colordrill.stack.sweep import sweep

RUN_LIMIT_S = 240
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Found:
    """What the command said."""

    exit_code: int
    told: dict[str, Any]
    stderr: str

    def named(self, verdict: str) -> set[str]:
        """The checks of that verdict."""
        return {each["name"] for each in self.told["checks"] if each["verdict"] == verdict}

    def detail(self, name: str) -> str:
        return str(next(each for each in self.told["checks"] if each["name"] == name)["detail"])


@dataclass(frozen=True, slots=True)
class Standing:
    """The stack, as a command of another purpose holds it."""

    stack: AttachedStack
    history: History

    def back_up(self) -> str:
        """Take a whole recovery point and push to Git, as the schedule does."""
        point = BackupSchedule(self.stack.target, self.history, CLOCK, 3600.0).take()
        assert point is not None
        return point

    def copy_off_site(self, point: str) -> None:
        """As `colordrill backup now --offsite-every 1` does it."""
        copies = ResticStrategy(self.stack.target)
        copies.prepare()
        copies.take(point)


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "colordrill.cli", "readiness", "--json", *options]


def readiness(*options: str) -> Found:
    """Run the command in a process of its own, without the rehearsal unless it is asked for."""
    words = options if "--rehearsal" in options else ("--no-rehearsal", *options)
    done = subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=RUN_LIMIT_S
    )
    assert done.stdout, done.stderr
    return Found(done.returncode, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="module")
def standing(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Brought up as `colordrill up` does it, in a state directory of its own."""
    assert engine.ping()
    directory: Path = tmp_path_factory.mktemp("readiness")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(directory))
        patch.setenv("PYTHONPATH", os.pathsep.join(each for each in sys.path if each))
        try:
            stand_up(Settings(), print)
            with (
                attached_stack(None, "test") as stack,
                History(directory / "history.jsonl", CLOCK) as history,
            ):
                standing = Standing(stack, history)
                standing.copy_off_site(standing.back_up())
                yield standing
        finally:
            sweep(print, kept_too=True)
