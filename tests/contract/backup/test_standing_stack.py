"""`colordrill backup` on a stack that `colordrill up` left, as a user types it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.drill.attached import AttachedStack, attached_stack
from colordrill.drill.backup_schedule import LOG
from colordrill.errors import ExitCode
from colordrill.stack.parts import Part
from drills.conftest import Ended, finish, start_colordrill

pytestmark = pytest.mark.docker

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def standing(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttachedStack]:
    """A stack of this module's own: it has a state directory of its own."""
    assert engine.ping()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        try:
            up = finish(start_colordrill("up"))
            assert up.exit_code == 0, up.stderr
            with attached_stack(None) as held:
                yield held
        finally:
            finish(start_colordrill("backup", "stop"))
            down = finish(start_colordrill("down"))
    assert "1 removed" in down.stdout


def backup(*words: str) -> Ended:
    return finish(start_colordrill("backup", *words))


def told(*words: str) -> Any:
    ended = backup(*words, "--json")
    assert ended.exit_code == 0, ended.stderr
    return json.loads(ended.stdout)


def points() -> list[str]:
    return [each["point"] for each in told("list", "--max-age", "1h")["points"]]


def await_points(count: int, newer_than: str) -> None:
    """Wait until so many points have come since."""
    poll(
        SystemClock(),
        lambda: True if sum(each > newer_than for each in points()) >= count else None,
        awaited=f"{count} more points",
        timeout_s=LIMIT_S,
    )


def test_a_point_is_taken_verified_and_listed(standing: AttachedStack) -> None:
    first = told("now", "--verify")
    second = told("now")

    listed = told("list", "--max-age", "1h")["points"]

    known = {each["point"]: each["condition"] for each in listed}
    assert known[first["point"]] == "whole"
    assert known[second["point"]] == "unknown"
    assert backup("list", "--max-age", "0s").exit_code == ExitCode.FAIL


def test_damage_is_found_named_and_stays_in_the_list(standing: AttachedStack) -> None:
    point = told("now")["point"]
    name = f"/backup/points/{point}/config/stack.env"
    rot = ["sh", "-c", f"cp {name} {name}.new && echo x >> {name}.new && mv {name}.new {name}"]
    assert standing.target.execute(Part.BACKUP, rot).exit_code == 0

    ended = backup("verify", point)

    assert ended.exit_code == ExitCode.FAIL
    assert "config/stack.env" in ended.stdout
    (listed,) = (each for each in told("list")["points"] if each["point"] == point)
    assert listed["condition"] == "damaged"
    assert told("now", "--verify")["verified"]["outcome"] == "whole"


def test_points_are_taken_while_the_gateway_is_down(standing: AttachedStack) -> None:
    standing.target.stop(Part.GATEWAY)
    try:
        assert told("now")["point"] in points()
    finally:
        standing.target.start(Part.GATEWAY)


def test_a_schedule_takes_and_keeps_points_until_it_is_stopped(standing: AttachedStack) -> None:
    before = told("now")["point"]
    started = backup("start", "--interval", "2s", "--verify", "--keep-last", "3")
    assert started.exit_code == 0, started.stderr
    await_points(3, newer_than=before)

    second = backup("start", "--interval", "2s")
    down = finish(start_colordrill("down"))
    now = backup("now")
    stopped = backup("stop")

    assert second.exit_code == ExitCode.ENVIRONMENT
    assert "another `colordrill backup start`" in second.stderr
    assert "in use" in down.stderr
    assert now.exit_code == 0
    assert stopped.stdout == "stopped\n"
    left = points()
    assert before not in left
    assert "is verified: whole" in (standing.directory / LOG).read_text()
    assert backup("stop").stdout == "no schedule was started\n"
    assert points() == left


def test_a_schedule_that_was_killed_is_noticed_and_another_one_can_begin(
    standing: AttachedStack,
) -> None:
    before = told("now")["point"]
    assert backup("start", "--interval", "1s").exit_code == 0
    await_points(1, newer_than=before)
    os.kill(told("list", "--max-age", "1h")["schedule"]["pid"], signal.SIGKILL)

    poll(
        SystemClock(),
        lambda: True if backup("list").exit_code == ExitCode.FAIL else None,
        awaited="the list to call the newest point late",
        timeout_s=LIMIT_S,
    )

    assert "ended by itself" in backup("list").stderr
    assert backup("start", "--interval", "1h").exit_code == 0
    assert backup("stop").stdout == "stopped\n"


def test_a_server_that_is_down_is_an_alarm_and_the_schedule_goes_on(
    standing: AttachedStack,
) -> None:
    log: Path = standing.directory / LOG
    before = told("now")["point"]
    assert backup("start", "--interval", "2s").exit_code == 0
    await_points(1, newer_than=before)
    standing.target.stop(Part.BACKUP)
    said_before = log.read_text().count("ALARM")

    def alarmed() -> bool | None:
        return True if log.read_text().count("ALARM") > said_before else None

    poll(SystemClock(), alarmed, awaited="an alarm", timeout_s=LIMIT_S)
    standing.target.start(Part.BACKUP)

    await_points(1, newer_than=points()[-1])
    assert backup("stop").stdout == "stopped\n"
