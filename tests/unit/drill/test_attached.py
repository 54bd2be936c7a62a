"""Which standing stack a command gets, and that two of a kind never share one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colordrill.drill import attached
from colordrill.drill.attached import attached_stack, chosen_directory, held
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.stack.compose_project import REMEMBERED, ComposeProject
from colordrill.stack.ownership import Owner
from colordrill.stack.runs import KEPT, OWNER_LOCK, lives, owned_run, state_directory
from fakes.engine import another_process
from fakes.target import FakeTarget


class Attached(FakeTarget):
    """Remembers whom its files belong to."""

    def __init__(self, project: str, owner: Owner, compose: ComposeProject) -> None:
        super().__init__()
        self.told = (project, owner, compose.files)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(attached, "DockerTarget", Attached)


def stand(run_id: str, *, kept: bool = True, told: bool = True) -> Path:
    directory = state_directory() / "runs" / run_id
    directory.mkdir(parents=True)
    (directory / OWNER_LOCK).touch()
    if kept:
        (directory / KEPT).touch()
    if told:
        text = {"command": "docker compose", "files": ["a.yaml"], "owner": "7:8"}
        (directory / REMEMBERED).write_text(json.dumps(text), encoding="utf-8")
    return directory


@contextmanager
def attached_elsewhere(run_id: str, purpose: str) -> Iterator[None]:
    """Another process holds the stack as `attached_stack` does."""
    directory = state_directory() / "runs" / run_id
    body = (
        "import fcntl\n"
        f"shared = open({str(directory / OWNER_LOCK)!r}, 'a')\n"
        "fcntl.flock(shared, fcntl.LOCK_SH)\n"
        f"own = open({str(directory / f'{purpose}.lock')!r}, 'a')\n"
        "fcntl.flock(own, fcntl.LOCK_EX)"
    )
    with another_process(body):
        yield


def test_the_only_standing_stack_needs_no_name() -> None:
    directory = stand("aa")
    stand("bb", kept=False)

    with attached_stack(None, "recover") as stack:
        assert (stack.run_id, stack.directory) == ("aa", directory)
        assert isinstance(stack.target, Attached)
        assert stack.target.told == ("colordrill-aa", Owner(7, 8), ("a.yaml",))
        assert lives(directory)

    assert not lives(directory)
    assert (directory / KEPT).exists()


def test_where_none_stands_the_next_step_is_said() -> None:
    stand("bb", kept=False)

    with pytest.raises(EnvironmentProblem, match="no stack stands") as caught:
        chosen_directory(None)

    assert "colordrill up" in caught.value.next_step


@pytest.mark.parametrize(("named", "match"), [(None, "several.*aa, bb.*--stack"), ("zz", "aa, bb")])
def test_one_of_several_has_to_be_named(named: str | None, match: str) -> None:
    stand("aa")
    stand("bb")

    with pytest.raises(UsageProblem, match=match):
        chosen_directory(named)
    assert chosen_directory("bb").name == "bb"


def test_two_of_one_purpose_take_no_turns_the_second_is_refused() -> None:
    stand("aa")

    with (
        attached_elsewhere("aa", "recover"),
        pytest.raises(EnvironmentProblem, match="another `colordrill recover`"),
        attached_stack(None, "recover"),
    ):
        pass


def test_who_holds_anothers_lock_is_named_to_whom_it_keeps_away() -> None:
    directory = stand("aa")

    with (
        held(directory, "recover", "readiness"),
        pytest.raises(EnvironmentProblem, match="another `colordrill readiness` is at work"),
        attached_stack(None, "recover"),
    ):
        pass

    with attached_stack(None, "recover") as stack:
        assert stack.run_id == "aa"


def test_two_purposes_hold_a_stack_together() -> None:
    stand("aa")

    with attached_elsewhere("aa", "backup"), attached_stack(None, "recover") as stack:
        assert stack.run_id == "aa"


def test_what_has_no_purpose_shares_a_stack_with_any_number_of_others() -> None:
    stand("aa")

    with attached_elsewhere("aa", "backup start"), attached_stack("aa"), attached_stack("aa"):
        pass


def test_a_stack_in_a_drills_hands_is_refused() -> None:
    with (
        owned_run(keep=True) as run,
        pytest.raises(EnvironmentProblem, match=f"a drill is at work on stack {run.id}"),
        attached_stack(None, "recover"),
    ):
        pass


def test_a_stack_that_does_not_say_how_it_was_brought_up_is_refused() -> None:
    stand("aa", told=False)

    with (
        pytest.raises(EnvironmentProblem, match="does not say how stack aa"),
        attached_stack(None, "recover"),
    ):
        pass
