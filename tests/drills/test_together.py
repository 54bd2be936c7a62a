"""Two drills on one host never meet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drills.conftest import finish, start_colordrill


@pytest.mark.drill
@pytest.mark.nightly
def test_two_drills_at_once_both_pass_and_leave_nothing(
    tmp_path: Path, containers: Callable[[], list[str]]
) -> None:
    arguments = ("run", "host_power_loss", "--json", "--out", str(tmp_path))
    started = [start_colordrill(*arguments, "--seed", seed) for seed in ("11", "12")]

    first, second = (finish(process) for process in started)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.record["drill"]["id"] != second.record["drill"]["id"]
    assert {first.record["drill"]["seed"], second.record["drill"]["seed"]} == {11, 12}
    assert containers() == []
