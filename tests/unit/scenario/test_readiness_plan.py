"""What `colordrill readiness` asks for: file, environment and options, the later wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.readiness_plan import ReadinessPlan
from colordrill.scenario.settings import load_readiness_plan, load_settings

NOTHING: dict[str, Any] = {"max_age": None, "rehearsal": None}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("MAX_AGE", "REHEARSAL", "OFFSITE", "OFFSITE_MAX_AGE"):
        monkeypatch.delenv(f"COLORDRILL_READINESS_{key}", raising=False)


def write(directory: Path, text: str) -> None:
    (directory / "colordrill.toml").write_text(text)


def test_an_hour_and_a_rehearsal_unless_something_else_is_said(tmp_path: Path) -> None:
    assert load_readiness_plan(NOTHING, tmp_path) == ReadinessPlan(3600.0, rehearsal=True)


def test_copies_off_site_are_wanted_each_day_unless_something_else_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_readiness_plan(NOTHING, tmp_path).offsite
    assert load_readiness_plan(NOTHING, tmp_path).offsite_max_age_s == 25 * 3600.0

    write(tmp_path, "[readiness]\noffsite = false\n")
    monkeypatch.setenv("COLORDRILL_READINESS_OFFSITE_MAX_AGE", "7d")

    plan = load_readiness_plan(NOTHING, tmp_path)
    assert (plan.offsite, plan.offsite_max_age_s) == (False, 7 * 86_400.0)


def test_the_environment_wins_over_the_file_and_an_option_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[readiness]\nmax_age = "1d"\nrehearsal = false\n')
    assert load_readiness_plan(NOTHING, tmp_path) == ReadinessPlan(86_400.0, rehearsal=False)

    monkeypatch.setenv("COLORDRILL_READINESS_MAX_AGE", "2h")
    monkeypatch.setenv("COLORDRILL_READINESS_REHEARSAL", "on")
    assert load_readiness_plan(NOTHING, tmp_path) == ReadinessPlan(7200.0, rehearsal=True)

    given = {"max_age": "90s", "rehearsal": False}
    assert load_readiness_plan(given, tmp_path) == ReadinessPlan(90.0, rehearsal=False)


def test_other_commands_pass_over_the_table(tmp_path: Path) -> None:
    write(tmp_path, 'seed = 7\n[readiness]\nmax_age = "1d"\n')

    assert load_settings({}, tmp_path).seed == 7


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("366d", 366 * 86_400)]
)
def test_an_age_has_a_unit(tmp_path: Path, text: str, seconds: float) -> None:
    assert load_readiness_plan({"max_age": f" {text} "}, tmp_path).max_age_s == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "h", "0s", "-1h", "1e3s", "nan", "1w", "367d", "9999999999d", "١h", "1h\n2", 5],
)
def test_an_age_that_makes_no_sense_is_refused(tmp_path: Path, text: Any) -> None:
    with pytest.raises(UsageProblem, match=r"readiness\.max_age must be an age"):
        load_readiness_plan({"max_age": text}, tmp_path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("readiness = 5", "not a table"),
        ("[readiness]\nage = 5", "no setting readiness.age"),
        ('[readiness]\nrehearsal = "maybe"', "must be true or false"),
        ('[readiness]\noffsite = "weekly"', r"readiness\.offsite must be true or false"),
        ('[readiness]\noffsite_max_age = "1"', r"readiness\.offsite_max_age must be an age"),
        ("[readiness]\nmax_age = 3600", "must be an age"),
        ("[readiness", "cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, match: str) -> None:
    write(tmp_path, text)

    with pytest.raises(UsageProblem, match=match):
        load_readiness_plan(NOTHING, tmp_path)
