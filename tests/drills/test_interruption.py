"""Ctrl-C and SIGKILL at any moment: everything healed and removed, the record kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.conftest import finish, start_colordrill

REACHED_LIMIT_S = 300


class Follower:
    """Reads a command's messages as they come, and knows when one of them was said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def await_line(self, text: str) -> None:
        with self._said:
            found = self._said.wait_for(
                lambda: any(text in line for line in self.lines), REACHED_LIMIT_S
            )
        assert found, self.lines

    def close(self) -> None:
        """Read to the end and close the command's pipes."""
        self._thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()


@pytest.mark.drill
@pytest.mark.parametrize(
    "moment", ["bringing it up", "steady state", "fault injected", "runbook mount"]
)
def test_ctrl_c_heals_removes_and_keeps_a_partial_record(
    moment: str, tmp_path: Path, containers: Callable[[], list[str]]
) -> None:
    process = start_colordrill("run", "host_power_loss", "--out", str(tmp_path))
    follower = Follower(process)
    follower.await_line(moment)

    # to the whole group, as a terminal does it
    os.killpg(process.pid, signal.SIGINT)
    exit_code = process.wait(timeout=120)
    follower.close()

    assert exit_code == 130, follower.lines
    assert containers() == []
    (record_path,) = tmp_path.glob("*/record.json")
    record = json.loads(record_path.read_text(encoding="utf-8"))
    assert record["verdict"] == "unknown"
    assert any("interrupted" in problem for problem in record["problems"])
    if moment in {"fault injected", "runbook mount"}:
        assert record["faults"][0]["healed_s"] is not None


@pytest.mark.drill
def test_what_a_killed_run_left_is_removed_at_the_next_start(
    tmp_path: Path, containers: Callable[[], list[str]]
) -> None:
    process = start_colordrill("run", "host_power_loss", "--out", str(tmp_path))
    follower = Follower(process)
    follower.await_line("fault injected")
    process.kill()
    process.wait(timeout=60)
    follower.close()
    assert containers() != []

    ended = finish(start_colordrill("down"))

    assert ended.exit_code == 0
    assert containers() == []
