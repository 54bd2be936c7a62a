"""What the command line does with runs of the past."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.errors import ExitCode
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.record.journal import RunDirectory
from colordrill.record.model import DrillFacts, EnvironmentFacts, build_record
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import CONFIG_FILE
from unit.drill_stub import Stub, stubbed

WHEN = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
ESCAPE = "\x1b]0;owned\x07"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def drills(monkeypatch: pytest.MonkeyPatch) -> Stub:
    return stubbed(monkeypatch)


def colordrill(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def recorded(
    out: Path, *, hours: int = 0, verdict: Verdict = Verdict.PASS, **drill: str
) -> RunDirectory:
    """A run with a record and an empty history."""
    when = WHEN + timedelta(hours=hours)
    run = RunDirectory.create(out, "host_power_loss", 1, when)
    command = "colordrill run host_power_loss --seed 1"
    record: dict[str, Any] = build_record(
        drill=DrillFacts(run.name, "host_power_loss", 1, "gate", when, when, command),
        environment=EnvironmentFacts(host={}, engine={}),
        scenario=HOST_POWER_LOSS,
        outcome=Outcome((Check("rto", verdict, 1.0, 60.0, "told"),), Actuals(), Counts()),
        events=[],
    )
    record["drill"].update(drill)
    run.record.write_text(json.dumps(record))
    run.history.touch()
    return run


class TestReplay:
    def test_it_runs_what_the_command_says_and_nothing_of_today(
        self, drills: Stub, here: Path
    ) -> None:
        (here / CONFIG_FILE).write_text("seed = 3\n")
        words = "--seed 7 --profile nightly --set objectives.rto_s=90"
        run = recorded(here, command=f"colordrill run host_power_loss {words}")

        assert colordrill("replay", str(run.path)).exit_code == ExitCode.PASS

        ((scenario, settings),) = drills.ran
        assert (settings.seed, settings.profile, scenario.objectives.rto_s) == (7, "nightly", 90.0)

    @pytest.mark.parametrize(
        "command",
        [
            "colordrill run",
            "colordrill run --all",
            "colordrill run --all host_power_loss",
            "x",
            " ",
            "colordrill down",
            "other run host_power_loss",
            "run host_power_loss",
            "colordrill run host_power_loss --help",
            "colordrill run host_power_loss -h",
            "colordrill run 'unbalanced",
            "colordrill run host_power_loss --no-such-option",
            "colordrill run host_power_loss --device tpu",
            "colordrill run host_power_loss --set objectives.rto_s=often",
            f"colordrill run {ESCAPE}'",
        ],
    )
    def test_a_command_that_is_no_drill_s_is_refused_as_the_record_s(
        self, drills: Stub, here: Path, command: str
    ) -> None:
        run = recorded(here, command=command)

        ended = colordrill("replay", str(run.path))

        assert ended.exit_code == ExitCode.ENVIRONMENT
        assert "the record's command cannot be repeated" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""
        assert drills.ran == []

    def test_the_command_that_it_shows_cannot_steer_the_terminal(
        self, drills: Stub, here: Path
    ) -> None:
        run = recorded(here, command=f"colordrill run host_power_loss '{ESCAPE}'")

        ended = colordrill("replay", str(run.path))

        assert "repeating: " in ended.stderr
        assert "\x1b" not in ended.stderr
        assert drills.ran == []
