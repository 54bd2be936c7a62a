"""`colordrill readiness`, as the command line shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.drill import readiness as examining
from colordrill.drill.readiness import Readiness
from colordrill.errors import EnvironmentProblem
from colordrill.look import Look
from colordrill.scenario.readiness_plan import ReadinessPlan
from colordrill.scenario.settings import Settings
from colordrill.verify.readiness import RULES, judge_readiness

GOOD = {
    "dr_image_age": Look("dr_image_age", "age", seen=0.0),
    "newest_point": Look("newest_point", "age", seen=12.5),
    "free_space": Look("free_space", "room", 100.0, 900.0),
    "clocks": Look("clocks", "skew", seen=0.0),
}
STALE = Look("dr_image", "the image's name", "service:2", "service:1\x1b[2J")

Answering = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Makes every check pass, but for those that other looks are given of."""
    monkeypatch.chdir(tmp_path)
    asked: list[dict[str, Any]] = []

    def answer(*others: Look) -> list[dict[str, Any]]:
        looks = {name: GOOD.get(name, Look(name, "it", 1.0, 1.0)) for name in RULES}
        looks |= {each.check: each for each in others}

        def examine(
            settings: Settings, plan: ReadinessPlan, run_id: str | None, _say: Any
        ) -> Readiness:
            asked.append({"settings": settings, "plan": plan, "run": run_id})
            wanted = {"off_site": plan.offsite, "same_colour": plan.rehearsal}
            left_out = tuple(name for name, is_wanted in wanted.items() if not is_wanted)
            checks = judge_readiness(looks.values(), plan.max_age_s, left_out)
            return Readiness("1a2b3c4d", checks, left_out)

        monkeypatch.setattr(examining, "examine", examine)
        return asked

    return answer


def readiness(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["readiness", *arguments])


def test_a_ready_stack_is_exit_0_and_a_line_for_each_check(answering: Answering) -> None:
    answering()

    shown = readiness()

    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["pass", name] for name in RULES]
    assert lines[-1] == "pass: stack 1a2b3c4d"


def test_what_fails_is_exit_1_with_its_remedy_below(answering: Answering) -> None:
    answering(STALE, Look("settings", "it", unseen="no answer"))

    shown = readiness()

    assert shown.exit_code == 1
    lines = shown.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("fail"))
    assert "dr_image" in lines[at]
    assert "service:1\N{REPLACEMENT CHARACTER}[2J instead of service:2" in lines[at]
    assert lines[at + 1].strip() == f"→ {RULES['dr_image'].remedy}"
    assert lines[-1] == "fail: stack 1a2b3c4d"


def test_what_is_unknown_is_exit_3_and_never_green(answering: Answering) -> None:
    answering(Look("settings", "it", unseen="no answer"))

    shown = readiness()

    assert shown.exit_code == 3
    assert "unknown  settings" in shown.stdout


def test_json_has_every_check_and_nothing_else_on_standard_output(answering: Answering) -> None:
    answering(STALE)

    shown = readiness("--json", "--no-rehearsal")

    told = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert (told["stack"], told["verdict"]) == ("1a2b3c4d", "fail")
    assert told["left_out"] == ["same_colour"]
    stale = next(each for each in told["checks"] if each["name"] == "dr_image")
    assert stale["verdict"] == "fail"
    assert stale["remedy"] == RULES["dr_image"].remedy
    keys = {"name", "verdict", "value", "bound", "detail", "remedy"}
    assert {frozenset(each) for each in told["checks"]} == {frozenset(keys)}


@pytest.mark.parametrize(
    ("option", "check"), [("--no-rehearsal", "same_colour"), ("--no-offsite", "off_site")]
)
def test_what_nobody_asked_for_is_listed_as_that_and_does_not_count(
    option: str, check: str, answering: Answering
) -> None:
    answering(Look(check, "it", "right", "wrong"))

    shown = readiness(option)

    assert shown.exit_code == 0
    line = next(each for each in shown.stdout.splitlines() if check in each)
    assert line.endswith(f"nobody asked for it ({option})")


def test_options_environment_and_file_say_the_same(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = answering()

    given = ("--no-rehearsal", "--no-offsite", "--offsite-max-age", "7d", "--service", "port=8000")
    readiness("--stack", "ab", "--max-age", "1.5h", *given)
    monkeypatch.setenv("COLORDRILL_STACK", "ab")
    (tmp_path / "colordrill.toml").write_text(
        '[readiness]\nmax_age = "90m"\nrehearsal = false\noffsite = false\n'
        'offsite_max_age = "7d"\n[service]\nport = 8000\n'
    )
    readiness()

    assert asked[0] == asked[1]
    plan = ReadinessPlan(5400.0, rehearsal=False, offsite=False, offsite_max_age_s=7 * 86_400.0)
    assert (asked[0]["run"], asked[0]["plan"]) == ("ab", plan)
    assert asked[0]["settings"].service.port == 8000


def test_an_age_that_makes_no_sense_is_exit_2_before_anything_is_looked_at(
    answering: Answering,
) -> None:
    asked = answering()

    shown = readiness("--max-age", "5")

    assert shown.exit_code == 2
    assert "readiness.max_age must be an age" in shown.stderr
    assert asked == []


def test_no_stack_is_exit_4_with_a_next_step(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering()

    def none(*_: Any, **__: Any) -> Readiness:
        raise EnvironmentProblem("no stack stands", "bring one up with `colordrill up`")

    monkeypatch.setattr(examining, "examine", none)

    shown = readiness("--json")

    assert shown.exit_code == 4
    assert shown.stdout == ""
    assert "colordrill up" in shown.stderr
