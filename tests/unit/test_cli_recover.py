"""What `colordrill recover` takes and prints; what it does is tested in tests/unit/recover."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.drill import incident, incident_plan
from colordrill.drill.incident import Order
from colordrill.drill.incident_plan import Plan
from colordrill.drill.recovery_record import Recovery
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.recover.choosing import Wish
from colordrill.scenario.settings import Settings

POINT = "20261122T201530.123Z"
RECOVERED = Recovery(
    stack="aa",
    outcome="recovered",
    exit_code=0,
    active=("dr",),
    why="no recovery was begun on this stack before",
    resumed=False,
    primary="the primary's service does not run",
    point=POINT,
    point_kept_by="restic",
    point_age_s=6.4,
    began_at="2026-11-22T20:16:30.123+00:00",
    incident_began_at="2026-11-22T20:15:30.123+00:00",
    took_s=9.96,
    incident_took_s=70.0,
    steps=({"name": "start", "outcome": "ok", "took_s": 1.25, "detail": "\x1b[31mstarted"},),
    problem=None,
    record="runs/recoveries/x",
)
PLANNED = Plan(
    "aa",
    "begin",
    "why",
    "it answers",
    None,
    POINT,
    6.4,
    "rsync",
    False,
    ("image: a",),
    {"start": "s"},
)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command asked for; it gets `RECOVERED`, or what a test puts in the list."""
    asked: list[Any] = [RECOVERED]

    def recover(settings: Settings, order: Order, _say: object) -> Recovery:
        answer = asked[0]
        asked[:] = [settings, order]
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Recovery)
        return answer

    def plan(settings: Settings, order: Order) -> Plan:
        asked[:] = [settings, order]
        return PLANNED

    monkeypatch.setattr(incident, "recover", recover)
    monkeypatch.setattr(incident_plan, "plan", plan)
    return asked


def recover(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["recover", *arguments])


def test_it_prints_what_an_operator_needs(asked: list[Any]) -> None:
    done = recover()

    assert done.exit_code == 0
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["outcome"] == "recovered"
    assert lines["active site"] == "dr"
    assert lines["recovery point"] == f"{POINT}, 6 s old, off site (restic)"
    assert lines["took"] == "10.0 s (start 1.2 s), since the incident began 70.0 s"
    assert lines["record"] == "runs/recoveries/x"
    assert asked[1] == Order()


def test_as_json_it_prints_the_whole_recovery(asked: list[Any]) -> None:
    told = json.loads(recover("--json").stdout)

    assert (told["outcome"], told["active"], told["point_age_s"]) == ("recovered", ["dr"], 6.4)


def test_options_are_taken(asked: list[Any]) -> None:
    recover("--stack", "bb", "--force", "--point", POINT, "--out", "there", "--device", "cuda")

    settings, order = asked
    assert order == Order("bb", Wish(point=POINT), force=True)
    assert (settings.out, settings.device) == (Path("there"), "cuda")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T20:15", datetime(2026, 11, 22, 20, 15, tzinfo=UTC)),
        ("2026-11-22T20:15:30Z", datetime(2026, 11, 22, 20, 15, 30, tzinfo=UTC)),
        (
            "2026-11-22T21:15+01:00",
            datetime(2026, 11, 22, 21, 15, tzinfo=timezone(timedelta(hours=1))),
        ),
    ],
)
def test_a_time_without_a_zone_is_utc(asked: list[Any], text: str, moment: datetime) -> None:
    recover("--before", text)

    assert asked[1].wish == Wish(before=moment)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--before", "yesterday"),
        ("--before", ""),
        ("--before", "2026-11-22", "--point", POINT),
        ("--device", "tpu"),
        ("surplus",),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], asked: list[Any]) -> None:
    assert recover(*arguments).exit_code == 2
    assert asked == [RECOVERED]


@pytest.mark.parametrize("code", [1, 3, 4])
def test_the_exit_code_is_the_recoverys(code: int, asked: list[Any]) -> None:
    asked[0] = replace(RECOVERED, exit_code=code, problem="a\nb")

    done = recover()

    assert done.exit_code == code
    assert "problem: a" in done.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageProblem("nothing was done: healthy", "--force"), 2),
        (EnvironmentProblem("no stack stands", "up"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_ends_it_early_has_its_exit_code(
    error: BaseException, code: int, asked: list[Any]
) -> None:
    asked[0] = error

    assert recover().exit_code == code


def test_a_dry_run_says_what_would_be_done_and_recovers_nothing(asked: list[Any]) -> None:
    done = recover("--dry-run", "--force")

    assert done.exit_code == 3
    assert "refused: cannot be known without canaries" in done.stdout
    assert "DR container differs: image: a" in done.stdout
    assert "start: s" in done.stdout
    assert asked[1].force
    assert json.loads(recover("--dry-run", "--json").stdout)["refused"] is None
