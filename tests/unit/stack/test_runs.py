"""Runs, their locks and the sweep, with an engine in memory; another process is a real one."""

from __future__ import annotations

import fcntl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import APIError, DockerException, NotFound

from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.stack import runs
from colordrill.stack.runs import (
    OWNER_LOCK,
    RUN_LABEL,
    owned_run,
    remove_run,
    state_directory,
    sweep,
    timed_phase,
)
from fakes.clock import SAFETY_S, ManualClock


@dataclass
class Thing:
    """A container, network or volume with a run's label."""

    run: str
    removals: list[str]
    error: Exception | None = None

    @property
    def labels(self) -> dict[str, str]:
        return {RUN_LABEL: self.run}

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Labels": self.labels}

    def remove(self, **_: object) -> None:
        if self.error is not None:
            raise self.error
        self.removals.append(self.run)


@dataclass
class Collection:
    things: list[Thing] = field(default_factory=list)

    def list(self, *, filters: dict[str, str], **_: object) -> list[Thing]:
        _, _, run = filters["label"].partition("=")
        return [each for each in self.things if not run or each.run == run]


@dataclass
class Engine:
    """What the sweep asks of Docker."""

    containers: Collection = field(default_factory=Collection)
    networks: Collection = field(default_factory=Collection)
    volumes: Collection = field(default_factory=Collection)
    removed: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Nothing to close."""

    def holds(self, run: str, error: Exception | None = None) -> None:
        """A run's container, network and volume; dead unless somebody holds its lock."""
        directory = state_directory() / "runs" / run
        directory.mkdir(parents=True, exist_ok=True)
        (directory / OWNER_LOCK).touch()
        for collection in (self.containers, self.networks, self.volumes):
            collection.things.append(Thing(run, self.removed, error))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "colordrill"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(runs.docker, "from_env", lambda **_: engine)
    return engine


@pytest.fixture
def small_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs.os, "cpu_count", lambda: 2)


def silent(_text: str) -> None:
    """Nobody listens."""


def response(status: int) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    return answer


@contextmanager
def another_process(body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has done *body* when the block starts, and ends with it."""
    program = f"import sys\n{body}\nprint('ready', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
        process.kill()


OWNS_A_RUN = "from colordrill.stack.runs import owned_run\nowner = owned_run()\nowner.__enter__()"


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


def test_what_a_dead_run_left_is_removed(engine: Engine) -> None:
    engine.holds("dead0001")
    said: list[str] = []

    assert sweep(said.append) == 1

    assert engine.removed == ["dead0001"] * 3
    assert "dead0001" in said[0]


def test_a_killed_process_leaves_a_run_that_is_swept(engine: Engine, state: Path) -> None:
    with another_process(OWNS_A_RUN) as process:
        (directory,) = (state / "runs").iterdir()
        engine.holds(directory.name)
        assert sweep(silent) == 0
        assert engine.removed == []
        process.kill()
        process.wait(SAFETY_S)

    assert sweep(silent) == 1
    assert set(engine.removed) == {directory.name}
    assert not directory.exists()


def test_a_living_run_of_this_process_is_never_touched(engine: Engine) -> None:
    with owned_run() as run:
        engine.holds(run.id)
        engine.holds("dead0001")

        assert sweep(silent, kept_too=True) == 1

        assert run.directory.exists()
    assert set(engine.removed) == {"dead0001"}


def test_a_kept_run_stays_until_it_is_asked_for(engine: Engine) -> None:
    with owned_run(keep=True) as run:
        engine.holds(run.id)

    assert sweep(silent) == 0
    assert run.directory.exists()
    assert sweep(silent, kept_too=True) == 1
    assert not run.directory.exists()
    assert set(engine.removed) == {run.id}


def test_what_another_users_run_left_is_not_ours_to_remove(engine: Engine) -> None:
    engine.containers.things.append(Thing("theirs01", engine.removed))

    assert sweep(silent, kept_too=True) == 0
    assert engine.removed == []


def test_a_directory_whose_lock_was_never_made_belongs_to_a_dead_run(
    engine: Engine, state: Path
) -> None:
    (state / "runs" / "dead0001").mkdir(parents=True)

    assert sweep(silent) == 1


def test_nothing_left_is_nothing_swept(engine: Engine) -> None:
    assert sweep(silent) == 0
    assert engine.removed == []


def test_a_run_that_somebody_else_removes_meanwhile_is_no_error(engine: Engine) -> None:
    engine.holds("dead0001", NotFound("gone"))
    engine.holds("dead0002", APIError("busy", response(409)))

    assert sweep(silent) == 2


def test_what_cannot_be_removed_is_an_environment_problem(engine: Engine) -> None:
    engine.holds("dead0001", APIError("no", response(500)))

    with pytest.raises(EnvironmentProblem, match="cannot remove") as caught:
        sweep(silent)

    assert "colordrill doctor" in caught.value.next_step


def test_without_an_engine_the_sweep_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise DockerException("no engine")

    monkeypatch.setattr(runs.docker, "from_env", refuse)

    with pytest.raises(EnvironmentProblem, match="no engine"):
        sweep(silent)


def test_removing_a_run_spares_every_other(engine: Engine) -> None:
    engine.holds("mine0001")
    engine.holds("other001")

    remove_run(engine, "mine0001")

    assert engine.removed == ["mine0001"] * 3


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
    monkeypatch.setattr(runs.os, "cpu_count", lambda: runs.ROOMY_CORES)
    said: list[str] = []

    with timed_phase(ManualClock(), said.append), timed_phase(ManualClock(), said.append):
        pass

    assert said == []


def test_sweeping_from_several_threads_at_once_removes_everything(engine: Engine) -> None:
    for number in range(5):
        engine.holds(f"dead000{number}")
    problems: list[BaseException] = []

    def work(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as problem:  # noqa: BLE001 (any at all fails the test)
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(lambda: sweep(silent),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert sorted(engine.removed) == sorted([f"dead000{number}" for number in range(5)] * 3)


def test_runs_that_end_while_another_sweeps_disturb_nobody(engine: Engine) -> None:
    problems: list[BaseException] = []

    def begin_and_end() -> None:
        try:
            for _ in range(20):
                with owned_run() as run:
                    (run.directory / "stack.env").touch()
        except BaseException as problem:  # noqa: BLE001 (any at all fails the test)
            problems.append(problem)

    threads = [threading.Thread(target=begin_and_end) for _ in range(4)]
    for thread in threads:
        thread.start()
    swept = 0
    while any(thread.is_alive() for thread in threads):
        swept += sweep(silent)
    for thread in threads:
        thread.join()

    assert problems == []
    assert swept == 0
