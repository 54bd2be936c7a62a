"""The push of workflows and configuration by a real git, into a repository on the disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.points_on_disk import Ended, program
from fakes.pushing_agent import FILES, PROGRAM, PushingAgent, pushing_agent

FAILED = 1
REFUSES = "#!/bin/sh\necho 'the disk is full' >&2\nexit 1\n"
DROPS = '#!/bin/sh\nread -r before after name\ngit update-ref -d "$name"\n'


@pytest.fixture
def agent(tmp_path: Path) -> PushingAgent:
    return pushing_agent(tmp_path)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that lets everybody connect and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def expect_refused(ended: Ended, reason: str) -> None:
    """It failed, and says why in one line."""
    assert (ended.exit_code, ended.stdout) == (FAILED, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert reason in ended.stderr


def test_the_first_push_goes_to_a_server_without_a_commit(agent: PushingAgent) -> None:
    agent.pushed("first")

    assert agent.found() == FILES
    assert agent.history() == ["first"]


def test_an_unchanged_site_is_no_commit(agent: PushingAgent) -> None:
    first = agent.pushed("first")

    assert agent.pushed("second") == first

    assert agent.history() == ["first"]


def test_a_change_is_a_commit_after_the_one_before(agent: PushingAgent) -> None:
    agent.pushed("first")
    agent.put("config/stack.env", "A=2\n")

    agent.pushed("second")

    assert agent.found() == {**FILES, "config/stack.env": "A=2\n"}
    assert agent.history() == ["first", "second"]


def test_a_deleted_workflow_is_deleted_on_the_server_and_stays_in_the_history(
    agent: PushingAgent,
) -> None:
    first = agent.pushed("first")
    (agent.root / "site/workflows/old.json").unlink()

    agent.pushed("second")

    assert set(agent.found()) == set(FILES) - {"workflows/old.json"}
    assert agent.git("show", f"{first}:workflows/old.json") == "{}"


@pytest.mark.parametrize("earlier", [[], ["first"]])
def test_what_the_server_refused_is_pushed_by_the_next_call_without_an_edit(
    agent: PushingAgent, earlier: list[str]
) -> None:
    for message in earlier:
        agent.pushed(message)
    agent.put("config/stack.env", "A=2\n")
    refusing = agent.hook("pre-receive", REFUSES)

    expect_refused(agent.push("refused"), "the disk is full")
    expect_refused(agent.push("refused again"), "the disk is full")
    refusing.unlink()
    agent.pushed("taken")

    assert agent.found() == {**FILES, "config/stack.env": "A=2\n"}
    assert len(agent.history()) == len(earlier) + 1


def test_what_was_committed_when_the_call_was_killed_is_pushed_by_the_next_one(
    agent: PushingAgent,
) -> None:
    first = agent.pushed("first")
    agent.put("config/stack.env", "A=2\n")
    agent.pushed("cut off")
    # as if it had not come so far
    agent.git("update-ref", "refs/heads/main", first)

    agent.pushed("next")

    assert agent.found() == {**FILES, "config/stack.env": "A=2\n"}
    assert agent.history() == ["first", "next"]


def test_a_lost_clone_goes_on_after_what_the_server_has(agent: PushingAgent) -> None:
    agent.pushed("first")
    shutil.rmtree(agent.clone)
    agent.put("config/stack.env", "A=2\n")

    second = agent.pushed("second")
    shutil.rmtree(agent.clone)

    assert agent.pushed("nothing new") == second
    assert agent.history() == ["first", "second"]
    assert agent.found() == {**FILES, "config/stack.env": "A=2\n"}


def test_a_clone_of_another_history_goes_on_after_what_the_server_has(agent: PushingAgent) -> None:
    agent.pushed("elsewhere")
    agent.make_server()
    other = agent.clone.rename(agent.root / "agent/other")
    agent.put("config/stack.env", "A=2\n")
    agent.pushed("first")
    shutil.rmtree(agent.clone)
    other.rename(agent.clone)
    (agent.root / "site/workflows/old.json").unlink()

    agent.pushed("second")

    assert agent.history() == ["first", "second"]
    assert set(agent.found()) == set(FILES) - {"workflows/old.json"}


def test_a_server_that_lost_its_repository_gets_everything(agent: PushingAgent) -> None:
    agent.pushed("first")
    agent.make_server()

    agent.pushed("nothing new")

    assert agent.found() == FILES


@pytest.mark.parametrize("left", ["index.lock", "HEAD.lock", "refs/heads/main.lock", "config.lock"])
def test_a_lock_that_a_killed_git_left_stops_nothing(agent: PushingAgent, left: str) -> None:
    agent.pushed("first")
    (agent.clone / ".git" / left).touch()
    agent.put("config/stack.env", "A=2\n")

    agent.pushed("second")

    assert agent.found() == {**FILES, "config/stack.env": "A=2\n"}


def test_a_clone_that_was_only_half_made_is_made(agent: PushingAgent) -> None:
    (agent.clone / ".git/objects").mkdir(parents=True)

    agent.pushed("first")

    assert agent.found() == FILES


def test_two_calls_are_not_in_the_clone_at_once(agent: PushingAgent) -> None:
    agent.pushed("first")
    lock = agent.clone / ".git/index.lock"
    lock.touch()
    other = os.open(agent.clone, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)

    expect_refused(agent.push("second"), "another call is still at work")
    assert lock.exists()
    os.close(other)

    agent.pushed("third")


def test_a_server_that_is_absent_is_said_in_one_line_and_an_unchanged_site_is_no_success(
    agent: PushingAgent,
) -> None:
    agent.pushed("first")
    away = agent.server.rename(agent.root / "away")

    expect_refused(agent.push("second"), "git failed: ")

    away.rename(agent.server)
    agent.pushed("third")


def test_a_server_that_refuses_connections_is_said_in_one_line(agent: PushingAgent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

    expect_refused(agent.push("first", GIT_SERVER=address), "git failed: ")


def test_a_server_that_never_answers_is_said_in_one_line(
    agent: PushingAgent, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**agent.environment, "GIT_SERVER": silent}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [PROGRAM, "first"])
    monkeypatch.setattr(tempfile, "tempdir", None)
    # nothing is written among the programs: an image is tagged by what it is built from
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = program(PROGRAM)
    assert agent.clone == module.CLONE
    module.LIMIT_S = 1.0

    with pytest.raises(SystemExit, match=r"^git failed: .*within 1 s$"):
        module.main()


def test_a_server_that_does_not_keep_what_it_took_is_no_success(agent: PushingAgent) -> None:
    agent.hook("post-receive", DROPS)

    expect_refused(agent.push("first"), "the server has no commit after the push")


def test_what_cannot_be_copied_is_said_in_one_line_and_nothing_is_pushed(
    agent: PushingAgent,
) -> None:
    first = agent.pushed("first")
    (agent.root / "site/workflows/gone.json").symlink_to("nowhere")

    expect_refused(agent.push("second"), "gone.json")
    shutil.rmtree(agent.root / "site/config")
    (agent.root / "site/workflows/gone.json").unlink()
    expect_refused(agent.push("third"), "site/config")

    assert agent.git("rev-parse", "main").strip() == first
