"""Ctrl-C and SIGKILL at any moment: everything healed and removed, the record kept."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.conftest import finish, start_colordrill
from drills.follower import Follower

NIGHT = [
    pytest.param(each, marks=pytest.mark.nightly) for each in ("steady state", "runbook mount")
]


@pytest.mark.drill
@pytest.mark.parametrize("moment", ["bringing it up", "fault injected", *NIGHT])
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
