"""What the command line does with runs of the past: `replay`, `report`, `trend`, `latest`."""

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
        assert "\x1b" not in ended.stderr
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


class TestReport:
    def test_it_does_the_rest_and_names_what_it_could_not_read(self, here: Path) -> None:
        good = [recorded(here / "runs", hours=hour) for hour in (0, 3)]
        bad = recorded(here / "runs", hours=1)
        bad.record.write_text("[" * 200_000)
        (here / "runs" / "notes").mkdir()

        ended = colordrill("report", *map(str, sorted((here / "runs").iterdir())))

        assert ended.exit_code == ExitCode.ENVIRONMENT
        assert all(run.report_html.is_file() for run in good)
        assert ended.stdout.count("verdict: pass") == 2
        assert f"cannot read the record {bad.record}" in ended.stderr
        assert "notes holds neither a record nor a history" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_records_of_recoveries_and_restores_are_passed_over(self, here: Path) -> None:
        run = recorded(here / "runs")
        for name in ("recoveries", "restores"):
            (here / "runs" / name / "20260314T092653Z-recover-1").mkdir(parents=True)

        ended = colordrill("report", *map(str, (here / "runs").iterdir()))

        assert ended.exit_code == ExitCode.PASS
        assert run.report_html.is_file()
        assert colordrill("report", "runs/recoveries").exit_code == ExitCode.ENVIRONMENT

    def test_a_directory_s_name_cannot_steer_the_terminal(self, here: Path) -> None:
        run = recorded(here)
        run.path.rename(here / ESCAPE)

        for arguments in (("report", ESCAPE), ("verify", f"{ESCAPE}/absent"), ("trend",)):
            assert "\x1b" not in colordrill(*arguments).output


class TestWhereRunsAre:
    @pytest.mark.parametrize("by", ["file", "environment"])
    def test_latest_and_trend_look_where_records_go(
        self, here: Path, monkeypatch: pytest.MonkeyPatch, by: str
    ) -> None:
        recorded(here / "runs")
        recorded(here / "records", hours=1, verdict=Verdict.FAIL)
        if by == "file":
            (here / CONFIG_FILE).write_text('out = "records"\n')
        else:
            monkeypatch.setenv("COLORDRILL_OUT", "records")

        assert colordrill("report", "latest").stdout.startswith("verdict: fail")
        assert json.loads(colordrill("verify", "latest", "--json").stdout)["record"] == "fail"
        assert colordrill("trend").stdout.splitlines()[1].split("\t")[3] == "fail"
        assert colordrill("report", "runs/latest").stdout.startswith("verdict: pass")
        assert colordrill("trend", "--out", "runs").stdout.splitlines()[1].split("\t")[3] == "pass"

    def test_without_a_word_about_it_they_look_into_runs(self, here: Path) -> None:
        recorded(here / "runs")

        assert colordrill("report", "latest").exit_code == ExitCode.PASS
        assert len(colordrill("trend").stdout.splitlines()) == 2

    def test_a_run_that_is_called_latest_is_that_run(self, here: Path) -> None:
        recorded(here / "runs", verdict=Verdict.FAIL)
        recorded(here).path.rename(here / "latest")

        assert colordrill("report", "latest").stdout.startswith("verdict: pass")

    def test_a_configuration_that_is_not_asked_need_not_be_read(self, here: Path) -> None:
        run = recorded(here / "runs")
        (here / CONFIG_FILE).write_text("nonsense")

        assert colordrill("report", str(run.path)).exit_code == ExitCode.PASS
        assert colordrill("trend", "--out", "runs").exit_code == ExitCode.PASS
        assert colordrill("report", "latest").exit_code == ExitCode.USAGE

    @pytest.mark.parametrize("command", ["verify", "report", "replay", "trend --out"])
    @pytest.mark.parametrize("path", ["a" * 5000, f"{'a' * 300}/latest"])
    def test_a_path_that_is_too_long_is_no_run(self, command: str, path: str) -> None:
        ended = colordrill(*command.split(), path)

        assert ended.exit_code == ExitCode.ENVIRONMENT
        assert "there is no run at" in ended.stderr or "there are no runs in" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_a_trend_of_a_run_is_refused(self, here: Path) -> None:
        run = recorded(here / "runs")

        ended = colordrill("trend", "--out", str(run.path))

        assert ended.exit_code == ExitCode.ENVIRONMENT
        assert "is a run, not a folder of runs" in ended.stderr


@pytest.mark.parametrize("command", ["report", "replay"])
def test_a_run_that_is_not_there_is_named(command: str) -> None:
    ended = colordrill(command, "runs/absent")

    assert ended.exit_code in {ExitCode.USAGE, ExitCode.ENVIRONMENT}
    assert "absent" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_trend_of_a_directory_that_is_not_there_names_it() -> None:
    ended = colordrill("trend", "--out", "absent")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "no runs in absent" in ended.stderr
    assert "Traceback" not in ended.stderr
