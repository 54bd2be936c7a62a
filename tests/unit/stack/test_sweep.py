"""The sweep of what dead runs left, with an engine in memory; another process is a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import docker
import pytest
import requests
from docker.errors import APIError, DockerException, NotFound

from colordrill.errors import EnvironmentProblem
from colordrill.stack.runs import owned_run
from colordrill.stack.sweep import remove_run, sweep
from fakes.clock import SAFETY_S, ManualClock
from fakes.engine import Engine, Thing, another_process


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "colordrill"


def silent(_text: str) -> None:
    """Nobody listens."""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(docker, "from_env", lambda **_: engine)
    return engine


def response(status: int) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    return answer


OWNS_A_RUN = "from colordrill.stack.runs import owned_run\nowner = owned_run()\nowner.__enter__()"


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


def test_a_kept_stack_that_a_schedule_uses_stays_and_that_is_said(engine: Engine) -> None:
    said: list[str] = []
    with owned_run(keep=True) as run:
        engine.holds(run.id)

        assert sweep(said.append, kept_too=True) == 0

    assert engine.removed == []
    (line,) = said
    assert run.id in line
    assert "in use" in line


def test_what_another_users_run_left_is_not_ours_to_remove(engine: Engine) -> None:
    engine.containers.things.append(Thing("theirs01", engine.removed, owner="somebody"))

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


def test_what_an_orphaned_compose_created_later_is_found_by_its_label(engine: Engine) -> None:
    """Its run's directory went with an earlier sweep."""
    engine.containers.things.append(Thing("dead0001", engine.removed))

    assert sweep(silent) == 1
    assert engine.removed == ["dead0001"]


def test_what_stays_busy_is_not_called_removed(engine: Engine) -> None:
    busy = APIError("busy", response(409))
    engine.networks.things.append(Thing("dead0001", engine.removed, busy, stubborn=True))

    with pytest.raises(EnvironmentProblem, match="dead0001 to be removed"):
        remove_run("dead0001", ManualClock())


def test_what_cannot_be_removed_is_an_environment_problem(engine: Engine) -> None:
    engine.holds("dead0001", APIError("no", response(500)))

    with pytest.raises(EnvironmentProblem, match="cannot remove") as caught:
        sweep(silent)

    assert "colordrill doctor" in caught.value.next_step


def test_without_an_engine_the_sweep_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise DockerException("no engine")

    monkeypatch.setattr(docker, "from_env", refuse)

    with pytest.raises(EnvironmentProblem, match="no engine"):
        sweep(silent)


def test_removing_a_run_spares_every_other(engine: Engine) -> None:
    engine.holds("mine0001")
    engine.holds("other001")

    remove_run("mine0001")

    assert engine.removed == ["mine0001"] * 3


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
