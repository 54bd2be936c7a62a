"""`colordrill backup restore`: the site is judged where what came back decides how it colours."""

from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem, ExitCode
from colordrill.recover.steps import NoPicture, SiteNotJudged, SiteRefused
from colordrill.stack.parts import Part
from fakes.restoring_stack import RestoringStack
from unit.cli_backup.commands import WORKFLOW, backup
from unit.cli_backup.judge import Judge


@pytest.mark.parametrize(
    ("found", "exit_code"),
    [
        ("canaries person are right", ExitCode.PASS),
        (SiteRefused("canary person is not right"), ExitCode.FAIL),
        (NoPicture("canary person got no picture"), ExitCode.FAIL),
        (SiteNotJudged("the picture could not be judged"), ExitCode.UNKNOWN),
        (EnvironmentProblem("the disk is full"), ExitCode.UNKNOWN),
    ],
)
def test_what_decides_how_a_site_colours_is_judged_once_it_is_back(
    stack: RestoringStack, judge: Judge, found: str | EnvironmentProblem, exit_code: ExitCode
) -> None:
    judge.found = found

    ended = backup("restore", WORKFLOW, "--undo")

    assert ended.exit_code == exit_code
    assert str(found).splitlines()[0] in ended.stdout
    assert judge.asked == ["forget primary", "judge primary"]
    assert stack.primary[WORKFLOW] == b"good"


def test_a_site_whose_service_does_not_run_is_not_known_to_be_right(
    stack: RestoringStack, judge: Judge
) -> None:
    stack.target.kill([Part.PRIMARY_COLORIZATION])

    ended = backup("restore", WORKFLOW, "--undo")

    assert ended.exit_code == ExitCode.UNKNOWN
    assert "does not run: nobody was asked" in ended.stdout
    assert judge.asked == []
    assert stack.primary[WORKFLOW] == b"good"


def test_without_goldens_a_site_is_not_known_to_be_right(
    stack: RestoringStack, judge: Judge
) -> None:
    judge.canaries = ()

    assert backup("restore", WORKFLOW, "--undo").exit_code == ExitCode.UNKNOWN
    assert stack.primary[WORKFLOW] == b"good"


def test_nothing_is_judged_where_nobody_wants_it_or_nothing_came(
    stack: RestoringStack, judge: Judge
) -> None:
    assert backup("restore", WORKFLOW).exit_code == 0
    assert backup("restore", WORKFLOW, "--undo", "--no-canaries").exit_code == 0

    assert judge.asked == []
    assert stack.primary[WORKFLOW] == b"good"


def test_canaries_whose_pictures_cannot_be_kept_do_not_hide_what_came(
    stack: RestoringStack, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("no directory")

    ended = backup("restore", WORKFLOW, "--undo")

    assert ended.exit_code == ExitCode.UNKNOWN
    assert "could not be judged" in ended.stdout
    assert f"came to the site primary: 1 files: '{WORKFLOW}'" in ended.stdout
    assert stack.primary[WORKFLOW] == b"good"
