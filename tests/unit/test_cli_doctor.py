"""`colordrill doctor` of a service, as the command line shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.drill import examine_service
from colordrill.drill.contract import Clause, holds, missing, unknown
from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.scenario.settings import Settings

SOUND = (holds("answers", "yes"), holds("SIGTERM", "ignored", "use an init"))
ASKED: list[Settings] = []


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ASKED.clear()


def answering(monkeypatch: pytest.MonkeyPatch, *clauses: Clause) -> None:
    def examine(settings: Settings, *_: Any) -> Iterator[Clause]:
        ASKED.append(settings)
        yield from clauses

    monkeypatch.setattr(examine_service, "examine_image", examine)
    monkeypatch.setattr(examine_service, "examine_url", examine)


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_a_line_per_clause_and_its_remedy_below(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *SOUND)

    shown = doctor("--image", "mine:1", "--service", "layout=comfyui")

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "holds    answers: yes",
        "holds    SIGTERM: ignored",
        "         → use an init",
    ]
    assert ASKED[0].service.image == "mine:1"
    assert ASKED[0].service.layout == "comfyui"


def test_what_a_service_answers_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, missing("node", "\x1b[2Jgone", "\u202einstall it"))

    shown = doctor("--image", "mine:1").stdout

    assert "gone" in shown
    assert "install it" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


@pytest.mark.parametrize("service", [("--image", "x"), ("--url", "http://x")])
def test_what_is_missing_is_exit_1_and_what_is_unknown_is_exit_3(
    monkeypatch: pytest.MonkeyPatch, service: tuple[str, str]
) -> None:
    answering(monkeypatch, *SOUND, unknown("user", "not seen"))
    assert doctor(*service).exit_code == ExitCode.UNKNOWN

    answering(monkeypatch, unknown("user", "not seen"), missing("node", "none", "install it"))
    assert doctor(*service).exit_code == ExitCode.FAIL


def test_an_address_where_nobody_answers_is_named() -> None:
    (clause,) = json.loads(doctor("--url", "http://127.0.0.1:9", "--json").stdout)

    assert clause["outcome"] == "MISSING"
    assert "http://127.0.0.1:9" in clause["detail"]
    assert "is this its address" in clause["remedy"]


def test_as_json_it_is_a_list_of_clauses_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *SOUND)

    (first, _) = json.loads(doctor("--image", "mine:1", "--json").stdout)

    assert first == {"name": "answers", "outcome": "holds", "detail": "yes", "remedy": ""}


def test_two_services_at_once_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *SOUND)

    assert doctor("--image", "mine:1", "--url", "http://x").exit_code == ExitCode.USAGE
    assert ASKED == []


def test_a_wrong_word_about_the_service_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *SOUND)

    ended = doctor("--image", "mine:1", "--service", "prot=1")

    assert ended.exit_code == ExitCode.USAGE
    assert "did you mean 'port'" in ended.stderr
    assert ASKED == []


def test_an_image_that_cannot_be_had_is_exit_4(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(*_: Any) -> Iterator[Clause]:
        raise EnvironmentProblem("image x is not there", "build it")

    monkeypatch.setattr(examine_service, "examine_image", examine)

    ended = doctor("--image", "x")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "build it" in ended.stderr
