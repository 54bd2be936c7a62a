"""What no option can mean is a usage error that names the option, whatever the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.errors import ExitCode


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def colordrill(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(named: str, *arguments: str) -> None:
    ended = colordrill(*arguments)

    assert ended.exit_code == ExitCode.USAGE, ended.output
    assert named in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        ("doctor",),
        ("workflows", "verify"),
        ("workflows", "derive"),
        ("golden", "verify"),
        ("golden", "capture"),
    ],
)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "foo",
        "ftp://x",
        "http://",
        "http://[::1",
        "http://[zz]",
        "http://127.0.0.1:9/\x1b[31m",
        "http://x:99999",
        "http://x:0",
        "http://x:abc",
        "http://256.1.1.1",
        "http://a..b",
        "http://" + "a" * 300,
        "http://x/?to=y",
    ],
)
def test_what_is_no_address_of_a_service(command: tuple[str, ...], url: str) -> None:
    refused("--url", *command, "--url", url)


@pytest.mark.parametrize(
    "command",
    [
        ("doctor",),
        ("run", "host_power_loss"),
        ("up",),
        ("recover", "--dry-run"),
        ("failback", "--dry-run"),
        ("workflows", "verify", "--url", "http://127.0.0.1:9"),
        ("golden", "verify"),
    ],
)
def test_an_image_without_a_name(command: tuple[str, ...]) -> None:
    refused("image must be", *command, "--image", "")


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--out", ("run", "host_power_loss")),
        ("--out", ("recover", "--dry-run")),
        ("--out", ("failback", "--dry-run")),
        ("--out", ("backup", "restore", "output")),
        ("--into", ("backup", "restore", "output")),
        ("--to", ("workflows", "derive", "--url", "http://127.0.0.1:9")),
    ],
)
def test_a_path_without_a_name(option: str, command: tuple[str, ...]) -> None:
    refused(option, *command, option, "")


@pytest.mark.parametrize(("option", "key"), [("--set", "objectives.rto_s"), ("--service", "port")])
def test_two_values_for_one_key(option: str, key: str) -> None:
    refused(key, "run", "host_power_loss", option, f"{key}=30", option, f"{key}=45")


@pytest.mark.parametrize("command", ["recover", "failback"])
def test_an_override_of_nothing(command: str) -> None:
    refused("pace.foo", command, "--dry-run", "--set", "pace.foo=1")


@pytest.mark.parametrize("command", ["list", "forget", "now"])
def test_a_misspelt_table_is_refused_by_backups_too(tmp_path: Path, command: str) -> None:
    (tmp_path / "colordrill.toml").write_text("[bakup]\nkeep_last = 3\n")

    refused("bakup", "backup", command)
