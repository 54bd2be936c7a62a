"""Where a part is missing or does not answer, that is said, and nothing that needs it is green."""

from __future__ import annotations

import shutil

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.outcome import Verdict
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.ready_stack import POINT, ReadyStack
from unit.recover.readiness.conftest import checks_of, named

DR, PRIMARY = Part.DR_COLORIZATION, Part.PRIMARY_COLORIZATION


def test_without_any_point_the_newest_is_not_young(stack: ReadyStack) -> None:
    shutil.rmtree(stack.folder / "backup" / "points" / POINT)

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {"newest_point"}
    assert checks["newest_point"].detail.endswith(": there is none")
    unknown = {"settings", "volume_layout", "points_whole", "free_space", "checkpoints"}
    assert unknown <= named(checks, Verdict.UNKNOWN)
    assert "holds no recovery point" in checks["settings"].detail


def test_a_point_whose_configuration_is_damaged_is_found_although_nothing_is_known_of_it(
    stack: ReadyStack,
) -> None:
    kept = stack.folder / "backup" / "points" / POINT / "config" / "stack.env"
    kept.write_bytes(b"\0\0\0")

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {"points_whole"}
    assert "damaged: config/stack.env" in checks["points_whole"].detail
    assert "no readable configuration" in checks["settings"].detail


def test_a_point_from_the_future_is_not_young(stack: ReadyStack) -> None:
    points = stack.folder / "backup" / "points"
    shutil.move(points / POINT, points / "20271122T201500.123Z")
    stack.seal("20271122T201500.123Z")

    assert named(checks_of(stack), Verdict.FAIL) == {"newest_point"}


def test_a_dr_container_that_is_missing_is_named_and_nothing_of_it_is_green(
    stack: ReadyStack,
) -> None:
    del stack.target.parts[DR]

    checks = checks_of(stack)

    assert named(checks, Verdict.FAIL) == {"dr_standby"}
    assert "nothing instead of stopped" in checks["dr_standby"].detail
    assert named(checks, Verdict.UNKNOWN) == {
        "dr_image",
        "dr_image_age",
        "settings",
        "volume_layout",
    }
    assert "there is no container dr-colorization" in checks["dr_image"].detail


def test_a_primary_that_is_down_leaves_what_needs_it_unknown(stack: ReadyStack) -> None:
    for part in (PRIMARY, Part.PRIMARY_AGENT, Part.PRIMARY_MIRROR, Part.PRIMARY_STORAGE):
        stack.target.parts[part].running = False

    checks = checks_of(stack)

    assert not named(checks, Verdict.FAIL)
    assert named(checks, Verdict.UNKNOWN) == {
        "configuration_synced",
        "workflows_synced",
        "workflows_right",
        "checkpoints",
        "backup_account",
        "clocks",
    }


def test_a_backup_server_that_is_down_leaves_what_needs_it_unknown(stack: ReadyStack) -> None:
    stack.target.parts[Part.BACKUP].running = False
    stack.server_up = False

    checks = checks_of(stack)

    assert not named(checks, Verdict.FAIL)
    unknown = named(checks, Verdict.UNKNOWN)
    assert {"newest_point", "points_whole", "backup_account", "free_space", "clocks"} <= unknown
    assert "does not run" in checks["newest_point"].detail


def test_a_backup_server_that_agents_do_not_reach_is_no_refusal(stack: ReadyStack) -> None:
    stack.server_up = False

    checks = checks_of(stack)

    assert named(checks, Verdict.UNKNOWN) == {"backup_account"}
    assert "does not reach the backup server" in checks["backup_account"].detail


def test_a_request_that_nobody_answers_is_no_refusal(stack: ReadyStack) -> None:
    stack.slow = True

    checks = checks_of(stack)

    assert named(checks, Verdict.UNKNOWN) == {"backup_account"}
    assert "no answer came in time" in checks["backup_account"].detail


def test_an_engine_that_does_not_answer_leaves_no_check_green(stack: ReadyStack) -> None:
    stack.target.broken["execute"] = EnvironmentProblem("the engine does not answer")
    stack.target.parts = {}

    checks = checks_of(stack)

    assert not named(checks, Verdict.PASS)


@pytest.mark.parametrize("printed", ["", "[]", "nonsense", '{"files": 5}', "[[1]]"])
def test_programs_that_print_something_else_leave_unknowns(stack: ReadyStack, printed: str) -> None:
    stack.target.programs["python3"] = lambda _part, _command: Executed(0, printed, "")

    unknown = named(checks_of(stack), Verdict.UNKNOWN)

    assert {"workflows_synced", "points_whole", "free_space"} <= unknown
