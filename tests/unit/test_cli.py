from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from colordrill import cli, data
from colordrill.cli import SEVERITY, main
from colordrill.data import fixtures
from colordrill.drill import run as drill_run
from colordrill.drill.stacks import Stacks
from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.scenario.catalogue import SCENARIOS, scenario_names
from colordrill.scenario.settings import CONFIG_FILE
from unit.drill_stub import Stub, stubbed


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command and group below *group* by its words."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def colordrill(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def drills(monkeypatch: pytest.MonkeyPatch) -> Stub:
    return stubbed(monkeypatch)


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    shown = colordrill(*words, "--help")

    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"  colordrill {' '.join(words)}" in shown.output


def test_the_fixed_commands_are_there() -> None:
    wanted = {"doctor", "list", "up", "down", "run", "replay", "report", "trend"}

    assert wanted <= set(main.commands)
    below = set(commands(main))
    assert {("golden", "capture"), ("golden", "verify")} <= below
    assert {("backup", each) for each in ("now", "start", "stop", "list", "verify")} <= below


def test_the_group_tells_the_exit_codes() -> None:
    shown = " ".join(colordrill("--help").output.split())

    assert "0 pass, 1 fail, 2 usage, 3 unknown, 4 environment, 130 interrupted" in shown


@pytest.mark.usefixtures("drills")
def test_an_unknown_scenario_is_a_usage_error_with_the_list_and_the_nearest() -> None:
    ended = colordrill("run", "host_power_los")

    assert ended.exit_code == ExitCode.USAGE
    assert "did you mean 'host_power_loss'?" in ended.stderr
    assert all(name in ended.stderr for name in SCENARIOS)
    assert ended.stdout == ""


def test_one_unknown_scenario_among_several_starts_none(drills: Stub) -> None:
    assert colordrill("run", "host_power_loss", "nothing").exit_code == ExitCode.USAGE

    assert drills.ran == []


def test_all_runs_every_scenario_and_no_twin_on_shared_stacks(drills: Stub) -> None:
    assert colordrill("run", "--all").exit_code == ExitCode.PASS

    assert [scenario.name for scenario, _ in drills.ran] == list(scenario_names())
    assert len({id(each) for each in drills.stacks}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all", "host_power_loss"),
        ("host_power_loss", "--profile", "weekly"),
        ("host_power_loss", "--device", "tpu"),
        ("host_power_loss", "--seed", "one"),
        ("host_power_loss", "--no-such-option"),
        ("host_power_loss", "--set", "pace.stability_s"),
        ("host_power_loss", "--set", "pace.nothing=3"),
        ("host_power_loss", "--set", "pace.stability_s=often"),
        ("host_power_loss", "--set", "pace.stability_s=nan"),
        ("host_power_loss", "--set", "objectives.rto_s=-1"),
        ("host_power_loss", "--set", "objectives.rto_s="),
        ("host_power_loss", "--set", "="),
    ],
)
def test_a_malformed_request_is_a_usage_error_and_starts_nothing(
    drills: Stub, arguments: tuple[str, ...]
) -> None:
    ended = colordrill("run", *arguments)

    assert ended.exit_code == ExitCode.USAGE
    assert ended.stderr
    assert "Traceback" not in ended.stderr
    assert drills.ran == []


@pytest.mark.parametrize("text", ["seed = ", "sed = 1", "[pace]\nnothing = 1", "pace = 1"])
def test_a_malformed_configuration_is_a_usage_error_with_one_message(
    drills: Stub, empty_directory: Path, text: str
) -> None:
    (empty_directory / CONFIG_FILE).write_text(text)

    ended = colordrill("run", "host_power_loss")

    assert ended.exit_code == ExitCode.USAGE
    assert ended.stderr.count("colordrill:") == 1
    assert drills.ran == []


def test_options_reach_the_drill(drills: Stub) -> None:
    named = ("--seed", "7", "--profile", "nightly", "--image", "mine:1", "--strategy", "s3")
    overrides = ("--set", "pace.stability_s=11", "--set", "objectives.rto_s=90")

    assert colordrill("run", "host_power_loss", *named, "--keep", *overrides).exit_code == 0

    ((scenario, settings),) = drills.ran
    assert (settings.seed, settings.profile, settings.image) == (7, "nightly", "mine:1")
    assert settings.keep
    assert settings.strategy == "s3"
    assert (scenario.pace.stability_s, scenario.objectives.rto_s) == (11.0, 90.0)


@pytest.mark.parametrize(
    ("verdict", "code"), [("pass", ExitCode.PASS), ("fail", ExitCode.FAIL), ("unknown", 3)]
)
def test_the_verdict_is_the_exit_code(drills: Stub, verdict: str, code: int) -> None:
    drills.verdicts["host_power_loss"] = verdict

    assert colordrill("run", "host_power_loss").exit_code == code


def test_of_several_drills_the_worst_counts_and_all_run(drills: Stub) -> None:
    twin = "host_power_loss@slow_start"
    drills.verdicts = {"host_power_loss": "fail", twin: "unknown"}

    ended = colordrill("run", "host_power_loss", twin, "--json")

    assert ended.exit_code == ExitCode.FAIL
    assert [each["verdict"] for each in json.loads(ended.stdout)] == ["fail", "unknown"]


def test_of_no_drill_at_all_nothing_is_known(drills: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "scenario_names", tuple)

    assert colordrill("run", "--all").exit_code == ExitCode.UNKNOWN

    assert drills.ran == []


def test_one_drill_as_json_is_one_record(drills: Stub) -> None:
    ended = colordrill("run", "host_power_loss", "--json")

    assert json.loads(ended.stdout)["drill"]["scenario"] == "host_power_loss"
    assert len(drills.ran) == 1


def test_an_environment_problem_is_exit_4_with_cause_and_next_step(drills: Stub) -> None:
    drills.errors["host_power_loss"] = EnvironmentProblem("no engine answers", "start Docker")

    ended = colordrill("run", "host_power_loss")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "no engine answers" in ended.stderr
    assert "start Docker" in ended.stderr


def test_an_interrupted_drill_is_exit_130_and_the_next_does_not_start(drills: Stub) -> None:
    drills.errors["host_power_loss"] = KeyboardInterrupt()

    ended = colordrill("run", "host_power_loss", "host_power_loss@slow_start", "--json")

    assert ended.exit_code == ExitCode.INTERRUPTED
    assert len(drills.ran) == 1


def test_a_crash_of_the_harness_never_looks_like_a_failed_check(drills: Stub) -> None:
    drills.errors["host_power_loss"] = ZeroDivisionError("a bug")

    assert colordrill("run", "host_power_loss").exit_code == ExitCode.ENVIRONMENT


def test_every_exit_code_has_its_place_from_best_to_worst() -> None:
    assert sorted(SEVERITY) == sorted(ExitCode)
    assert SEVERITY.index(ExitCode.UNKNOWN) < SEVERITY.index(ExitCode.FAIL)


@pytest.fixture
def damaged_golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled data with a golden that is not what its manifest says."""
    root = tmp_path / "data"
    goldens = root / "golden_images" / "ddcolor_nano"
    goldens.mkdir(parents=True)
    (root / "fixtures").symlink_to(fixtures())
    (goldens / "a.png").write_bytes(b"changed")
    entry = {"file": "a.png", "sha256": "0" * 64, "workflow": "person", "photo": "astronaut"}
    checkpoint = (fixtures() / "models" / "ddcolor_nano.safetensors").read_bytes()
    weights = {"sha256": hashlib.sha256(checkpoint).hexdigest()}
    (goldens / "MANIFEST.json").write_text(json.dumps({"weights": weights, "goldens": [entry]}))
    monkeypatch.setattr(data, "_PACKAGE", tmp_path / "no-wheel")
    monkeypatch.setattr(data, "_CHECKOUT", root)


@pytest.mark.usefixtures("damaged_golden")
def test_a_golden_whose_hash_is_wrong_is_exit_4_and_nothing_is_started(
    empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing may be started")

    monkeypatch.setattr(drill_run, "sweep", refuse)
    monkeypatch.setattr(drill_run, "heal_leftovers", refuse)
    monkeypatch.setattr(Stacks, "images", refuse)

    ended = colordrill("run", "host_power_loss")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "not what its manifest says" in ended.stderr
    assert "next step" in ended.stderr
    assert not (empty_directory / "runs").exists()
