"""Runs and their locks; another process is a real one."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.stack.runs import ROOMY_CORES, owned_run, owner, state_directory, timed_phase
from fakes.clock import SAFETY_S, ManualClock
from fakes.engine import another_process

SAY_OWNER = "from colordrill.stack.runs import owner; print(owner(), end='')"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "colordrill"


@pytest.fixture
def small_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def silent(_text: str) -> None:
    """Nobody listens."""


def test_a_runs_directory_is_private_and_gone_with_the_run(state: Path) -> None:
    with owned_run() as run:
        assert run.directory.parent == state / "runs"
        assert stat.S_IMODE(run.directory.stat().st_mode) == 0o700
        (run.directory / "stack.env").write_text("secret")
        (run.directory / "nested").mkdir()
        (run.directory / "nested" / "file").touch()
        assert run.project == f"colordrill-{run.id}"

    assert not run.directory.exists()


def test_two_runs_never_meet() -> None:
    with owned_run() as first, owned_run() as second:
        assert first.id != second.id
        assert first.project != second.project


def test_the_owner_stays_the_same_in_a_state_directory_and_is_another_in_each(
    tmp_path: Path, state: Path
) -> None:
    first = owner()
    assert owner() == first
    told = subprocess.run(
        [sys.executable, "-c", SAY_OWNER], capture_output=True, text=True, check=True
    )
    assert told.stdout == first

    # a container of the same path, with a file system of its own
    state.rename(tmp_path / "elsewhere")
    assert owner() != first


def test_all_who_ask_for_the_first_time_at_once_are_one_owner() -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: owner(), range(64)))

    assert len(names) == 1


@pytest.mark.parametrize("kept", [b"", b"me", b"0123456789ab\n", b"\xff" * 12, b"x" * 5000])
def test_what_names_no_owner_is_an_error_and_never_everybodys_label(
    state: Path, kept: bytes
) -> None:
    (state_directory() / "owner").write_bytes(kept)

    with pytest.raises(EnvironmentProblem, match="owner"):
        owner()

    assert (state / "owner").read_bytes() == kept


def test_a_state_directory_that_depends_on_where_one_stands_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")

    with pytest.raises(EnvironmentProblem, match="depends on where"):
        state_directory()


def test_a_directory_is_removed_also_when_the_run_fails() -> None:
    with pytest.raises(KeyboardInterrupt), owned_run() as run:
        raise KeyboardInterrupt

    assert not run.directory.exists()


def test_a_state_directory_that_cannot_be_made_is_named_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    with pytest.raises(EnvironmentProblem, match="cannot create the state") as caught:
        state_directory()

    assert "XDG_STATE_HOME" in caught.value.next_step


@pytest.mark.usefixtures("small_host")
def test_timed_phases_of_two_processes_take_turns_and_say_so(state: Path) -> None:
    hold = (
        "import fcntl, os, pathlib\n"
        f"path = pathlib.Path({str(state)!r}); path.mkdir(parents=True, exist_ok=True)\n"
        "lock = (path / 'timed.lock').open('w')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)"
    )
    said: list[str] = []
    clock = ManualClock()

    with another_process(hold) as process:

        def other_ends() -> None:
            process.kill()
            process.wait(SAFETY_S)

        clock.at(5.0, other_ends)
        with timed_phase(clock, said.append):
            ended_at_s = clock.elapsed_s

    assert ended_at_s == pytest.approx(5.0, abs=0.3)
    assert "take turns" in said[0]
    assert "over" in said[1]


@pytest.mark.usefixtures("small_host")
def test_another_drill_that_never_ends_is_not_waited_for_without_bound(state: Path) -> None:
    state.mkdir(parents=True)
    with (state / "timed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with (
            pytest.raises(WaitExpired, match="timed phase of another drill"),
            timed_phase(ManualClock(), silent, limit_s=60.0),
        ):
            pass


@pytest.mark.usefixtures("small_host")
def test_the_place_is_free_again_after_a_timed_phase_that_failed() -> None:
    said: list[str] = []
    with pytest.raises(ValueError, match="failed"), timed_phase(ManualClock(), said.append):
        raise ValueError("failed")

    with timed_phase(ManualClock(), said.append):
        pass

    assert said == []


def test_on_a_roomy_host_timed_phases_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: ROOMY_CORES)
    said: list[str] = []

    with timed_phase(ManualClock(), said.append), timed_phase(ManualClock(), said.append):
        pass

    assert said == []
