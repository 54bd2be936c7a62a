"""`colordrill workflows`, as the command line shows what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from colordrill.cli import main
from colordrill.drill import derived_workflows, workflows
from colordrill.drill.workflows import Check
from colordrill.errors import ExitCode

HOSTILE = "a\x1b[31m\u202e.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_s_name_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*_: Any) -> Iterator[Check]:
        yield Check(HOSTILE, "file", "WRONG", f"{HOSTILE} is not listed")

    def derive(*_: Any) -> Iterator[str]:
        yield HOSTILE

    monkeypatch.setattr(workflows, "verify", verify)
    monkeypatch.setattr(derived_workflows, "derive_api_forms", derive)

    verified = CliRunner().invoke(main, ["workflows", "verify"])
    derived = CliRunner().invoke(main, ["workflows", "derive"])

    assert verified.exit_code == ExitCode.FAIL
    for shown in (verified.stdout, derived.stdout):
        assert ".json" in shown
        assert not {"\x1b", "\u202e"} & set(shown)
