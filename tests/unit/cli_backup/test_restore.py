"""`colordrill backup restore`: which point, which files, what is said and with which exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.drill.attached import held
from colordrill.errors import ExitCode
from colordrill.stack.parts import Part
from fakes.restoring_stack import RestoringStack
from unit.cli_backup.commands import PHOTO, PICTURE, POINTS, WORKFLOW, backup, told
from unit.cli_backup.judge import Judge


def test_a_file_that_is_gone_comes_back_from_the_newest_point(stack: RestoringStack) -> None:
    del stack.primary[PICTURE]

    done = told("restore", PICTURE)

    assert (done["point"], done["brought"]) == (POINTS[3], [PICTURE])
    assert stack.primary[PICTURE] == POINTS[3].encode()
    assert done["canaries"] is None
    assert done["verdict"] == "pass"


def test_a_folder_comes_back_from_the_newest_point_begun_by_a_time(stack: RestoringStack) -> None:
    done = told("restore", "workflows/", "output", "--before", "2026-11-22T20:15:32")

    assert done["point"] == POINTS[1]
    assert done["brought"] == [PICTURE, WORKFLOW]
    assert stack.primary[WORKFLOW] == b"good"


def test_a_named_point_is_taken_though_it_is_known_to_be_damaged(stack: RestoringStack) -> None:
    stack.known_damaged = {POINTS[0]}

    assert told("restore", WORKFLOW, "--point", POINTS[0])["point"] == POINTS[0]


def test_undo_takes_the_newest_point_with_other_bytes_and_says_since_when_they_are_the_same(
    stack: RestoringStack,
) -> None:
    done = told("restore", WORKFLOW, "--undo")

    assert done["point"] == POINTS[1]
    assert done["same_since"] == {WORKFLOW: POINTS[2]}
    assert stack.primary[WORKFLOW] == b"good"


def test_undo_of_what_no_point_holds_yet_takes_the_newest_one(stack: RestoringStack) -> None:
    stack.primary[WORKFLOW] = b"worse"

    done = told("restore", WORKFLOW, "--undo")

    assert done["point"] == POINTS[3]
    assert done["same_since"] == {WORKFLOW: None}


def test_undo_brings_back_a_file_whose_deletion_was_backed_up(stack: RestoringStack) -> None:
    for files in (stack.primary, stack.points[POINTS[3]], stack.points[POINTS[2]]):
        del files[WORKFLOW]

    done = told("restore", WORKFLOW, "--undo")

    assert (done["point"], done["same_since"]) == (POINTS[1], {WORKFLOW: POINTS[2]})


def test_undo_of_several_files_takes_a_point_in_which_each_of_them_was_other(
    stack: RestoringStack,
) -> None:
    done = told("restore", WORKFLOW, PICTURE, "--undo")

    assert done["point"] == POINTS[1]
    assert done["same_since"] == {WORKFLOW: POINTS[2], PICTURE: POINTS[3]}


def test_undo_where_every_point_holds_the_same_is_refused(stack: RestoringStack) -> None:
    ended = backup("restore", PHOTO, "--undo")

    assert ended.exit_code == ExitCode.USAGE
    assert "no recovery point holds other bytes of 'input/a.png'" in ended.stderr
    assert stack.primary[PHOTO] == b"photo"


def test_damaged_points_are_passed_over_and_named(stack: RestoringStack) -> None:
    stack.known_damaged, stack.rotten = {POINTS[3]}, {POINTS[2]}

    done = told("restore", WORKFLOW)

    assert done["point"] == POINTS[1]
    assert [each.split(":")[0] for each in done["passed_over"]] == [POINTS[3], POINTS[2]]


@pytest.mark.parametrize("known", [True, False])
def test_without_a_whole_point_nothing_is_brought_back(stack: RestoringStack, known: bool) -> None:
    if known:
        stack.known_damaged = set(POINTS)
    else:
        stack.rotten = set(POINTS)

    ended = backup("restore", WORKFLOW)

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert POINTS[0] in ended.stderr
    assert stack.primary[WORKFLOW] == b"bad"


def test_a_named_point_that_is_damaged_is_not_replaced_by_another(stack: RestoringStack) -> None:
    stack.rotten = {POINTS[1]}

    ended = backup("restore", WORKFLOW, "--point", POINTS[1])

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert stack.primary[WORKFLOW] == b"bad"


def test_a_draw_is_repeated_by_its_seed_and_leaves_damaged_points_out(
    stack: RestoringStack,
) -> None:
    drawn = {told("restore", PHOTO, "--random", "--seed", str(n))["point"] for n in range(20)}
    again = {told("restore", PHOTO, "--random", "--seed", "7")["point"] for _ in range(3)}
    stack.known_damaged = set(POINTS[1:])

    assert len(drawn) > 1
    assert len(again) == 1
    assert told("restore", PHOTO, "--random")["point"] == POINTS[0]


def test_a_dry_run_says_what_would_come_and_be_overwritten_and_changes_nothing(
    stack: RestoringStack, tmp_path: Path, judge: Judge
) -> None:
    stack.primary[WORKFLOW] = b"newer and wrong"
    with held(tmp_path, "recover", "recover"):
        ended = backup("restore", WORKFLOW, "--dry-run")

    assert ended.exit_code == 0
    assert f"would come to the site primary: 1 files: '{WORKFLOW}'" in ended.stdout
    assert f"would be overwritten: 1 files: '{WORKFLOW}'" in ended.stdout
    assert stack.primary[WORKFLOW] == b"newer and wrong"
    assert judge.asked == []


def test_where_nothing_differs_the_options_for_an_older_point_are_named(
    stack: RestoringStack,
) -> None:
    ended = backup("restore", WORKFLOW)

    assert ended.exit_code == 0
    assert "nothing: these files have the point's bytes already" in ended.stdout
    assert stack.primary[WORKFLOW] == b"bad"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("",),
        ("/site/output",),
        ("../etc",),
        ("output/../../etc/passwd",),
        ("output//a.png",),
        (".",),
        ("nowhere/a.png",),
        ("output/none.png",),
        ("output/\udcff",),
        (WORKFLOW, "--point", "20991231T235959.999Z"),
        (WORKFLOW, "--point", "newest"),
        (WORKFLOW, "--before", "2020-01-01"),
        (WORKFLOW, "--before", "yesterday"),
        (WORKFLOW, "--point", POINTS[0], "--undo"),
        (WORKFLOW, "--seed", "1"),
        ("--undo",),
        (WORKFLOW, "--site", "dr"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(
    stack: RestoringStack, words: tuple[str, ...]
) -> None:
    before = dict(stack.primary)

    ended = backup("restore", *words)

    assert ended.exit_code == ExitCode.USAGE, ended.output
    assert stack.primary == before


def test_a_path_that_is_named_twice_is_brought_back_once(stack: RestoringStack) -> None:
    told("restore", "output/", "output", "output")

    assert stack.commands[-1][-2:] == ["--", "output"]


def test_a_whole_point_is_not_restored_into_a_site(stack: RestoringStack) -> None:
    ended = backup("restore")

    assert "colordrill recover" in ended.stderr
    assert stack.commands == []


def test_the_dr_site_is_repaired_where_users_are_there(stack: RestoringStack) -> None:
    stack.gateway.off = {"primary"}

    done = told("restore", PHOTO, "--site", "dr")

    assert (done["site"], done["brought"]) == ("dr", [PHOTO])
    assert stack.sites[Part.DR_AGENT] == {PHOTO: b"photo"}


def test_while_a_recovery_or_another_restore_is_at_work_nothing_is_brought_back(
    stack: RestoringStack, tmp_path: Path
) -> None:
    with held(tmp_path, "recover", "backup restore"):
        ended = backup("restore", WORKFLOW, "--undo")

    assert ended.exit_code == ExitCode.ENVIRONMENT
    assert "another `colordrill backup restore` is at work" in ended.stderr
    assert stack.primary[WORKFLOW] == b"bad"


def test_a_backup_server_that_is_down_is_exit_code_4(stack: RestoringStack) -> None:
    stack.target.kill([Part.BACKUP])

    assert backup("restore", WORKFLOW).exit_code == ExitCode.ENVIRONMENT
    assert stack.primary[WORKFLOW] == b"bad"


def test_a_point_is_laid_out_in_a_directory_and_no_site_is_touched(
    stack: RestoringStack, tmp_path: Path
) -> None:
    before, into = dict(stack.primary), tmp_path / "out"

    done = told("restore", "--point", POINTS[1], "--into", str(into))

    assert (done["into"], done["site"]) == (str(into), None)
    assert done["brought"] == [PHOTO, PICTURE, WORKFLOW]
    assert (into / WORKFLOW).read_bytes() == b"good"
    assert stack.primary == before


def test_a_primary_that_nobody_is_sent_to_is_repaired_and_that_is_said(
    stack: RestoringStack,
) -> None:
    stack.gateway.off = {"primary"}

    ended = backup("restore", WORKFLOW, "--undo")

    assert "the gateway sends nobody to the primary" in ended.stderr
    assert stack.primary[WORKFLOW] == b"good"


def test_the_primary_is_repaired_while_the_gateway_is_down_and_the_dr_site_is_not(
    stack: RestoringStack,
) -> None:
    stack.target.kill([Part.GATEWAY])

    assert backup("restore", WORKFLOW, "--undo").exit_code == 0
    assert backup("restore", PHOTO, "--site", "dr").exit_code == ExitCode.ENVIRONMENT

    assert stack.primary[WORKFLOW] == b"good"
    assert stack.sites[Part.DR_AGENT] == {}
