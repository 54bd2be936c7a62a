"""What `colordrill failback` takes and prints; what it does is tested in tests/unit/recover."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.drill import failback as failing_back
from colordrill.drill import failback_plan
from colordrill.drill.failback_plan import Plan
from colordrill.drill.failback_record import Failback, Files
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.scenario.settings import Settings

POINT = "20261122T211600.000Z"
FILES = Files(
    brought=tuple(f"output/{number:02d}.png" for number in range(12)),
    conflicts=("workflows/w.primary-20261122T201530.123Z.json",),
)
RETURNED = Failback(
    stack="aa",
    outcome="failed back",
    exit_code=0,
    active=("primary",),
    why="the recovery begun at 2026-11-22T20:15:30.123+00:00 ended at the DR site",
    resumed=False,
    base="20261122T201530.123Z",
    point=POINT,
    files=FILES,
    began_at="2026-11-22T21:15:30.123+00:00",
    took_s=20.04,
    users_waited_s=6.26,
    steps=({"name": "start", "outcome": "ok", "took_s": 1.25, "detail": "\x1b[31mstarted"},),
    problem=None,
    record="runs/recoveries/x",
)
PLANNED = Plan("aa", "begin", "why", None, FILES, None, {"start": "s"})


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command asked for; it gets `RETURNED`, or what a test puts in the list."""
    asked: list[Any] = [RETURNED]

    def fail_back(settings: Settings, stack: str | None, _say: object) -> Failback:
        answer = asked[0]
        asked[:] = [settings, stack]
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Failback)
        return answer

    def plan(settings: Settings, stack: str | None) -> Plan:
        asked[:] = [settings, stack]
        return PLANNED

    monkeypatch.setattr(failing_back, "fail_back", fail_back)
    monkeypatch.setattr(failback_plan, "plan", plan)
    return asked


def failback(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["failback", *arguments])


def test_it_prints_what_an_operator_needs(asked: list[Any]) -> None:
    done = failback()

    assert done.exit_code == 0
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["outcome"] == "failed back"
    assert lines["active site"] == "primary"
    assert lines["users waited"] == "6.3 s"
    assert lines["took"] == "20.0 s (start 1.2 s)"
    assert lines["brought from the DR site"].startswith("12 files: output/00.png, ")
    assert lines["brought from the DR site"].endswith("output/09.png and 2 more")
    assert lines["in conflict, the primary's kept as"] == f"1 files: {FILES.conflicts[0]}"
    assert lines["deleted, as at the DR site"] == "none"
    assert asked[1] is None


def test_as_json_it_prints_the_whole_record(asked: list[Any]) -> None:
    told = json.loads(failback("--json").stdout)

    assert (told["outcome"], told["point"]) == ("failed back", POINT)
    assert told["files"]["conflicts"] == list(FILES.conflicts)


def test_options_are_taken(asked: list[Any]) -> None:
    failback("--stack", "bb", "--out", "there", "--device", "cuda", "--image", "mine:1")

    settings, stack = asked
    assert (stack, settings.out, settings.device) == ("bb", Path("there"), "cuda")
    assert settings.image == "mine:1"


@pytest.mark.parametrize("code", [1, 3, 4])
def test_the_exit_code_is_the_failbacks(code: int, asked: list[Any]) -> None:
    asked[0] = replace(RETURNED, exit_code=code, problem="a\nb", files=None, users_waited_s=None)

    done = failback()

    assert done.exit_code == code
    assert "problem: a" in done.stdout
    assert "users waited" not in done.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageProblem("the DR site is not the only active one", "recover"), 2),
        (EnvironmentProblem("no stack stands", "up"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_ends_it_early_has_its_exit_code(
    error: BaseException, code: int, asked: list[Any]
) -> None:
    asked[0] = error

    assert failback().exit_code == code


def test_a_dry_run_says_what_would_be_done_and_fails_nothing_back(asked: list[Any]) -> None:
    done = failback("--dry-run")

    assert done.exit_code == 0
    assert "DR site restored from: not known: nothing would be deleted" in done.stdout
    assert "start: s" in done.stdout
    assert json.loads(failback("--dry-run", "--json").stdout)["base"] is None


def test_a_dry_run_that_cannot_compare_says_so(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen = replace(PLANNED, files=None, unseen="the agent is down")
    monkeypatch.setattr(failback_plan, "plan", lambda *_: unseen)

    done = failback("--dry-run")

    assert done.exit_code == 3
    assert "files: cannot be compared: the agent is down" in done.stdout
