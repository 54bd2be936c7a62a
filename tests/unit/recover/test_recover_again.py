"""`colordrill recover` killed anywhere and started again, on a stack in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from colordrill.drill.recovery_record import RECORD
from colordrill.errors import (
    UsageProblem,
)
from colordrill.picture import Judgement
from colordrill.recover.incidents import JOURNAL, read_past
from colordrill.stack.target import Executed
from unit.recover.broken import DR, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)
RIGHT = Judgement(correct=True, reasons=(), scores=None)
NEWER = "20261122T201555.000Z"


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    return broken_stack(disaster, tmp_path, monkeypatch)


def test_killed_at_any_moment_and_started_again_it_ends_with_one_healthy_active_site(
    broken: Incident,
) -> None:
    """Each killed start leaves the world as it is; then everything is put back for the next one."""
    moment = 0
    while broken.killed_at(moment):
        recovery = broken.start()

        assert recovery.exit_code == 0, (moment, recovery)
        broken.expect_one_healthy_site()
        assert broken.start().outcome == "nothing to do"
        (broken.directory / JOURNAL).unlink()
        broken.disaster.target.stop(DR)
        broken.gateway.restarted()
        broken.site.files = {}
        moment += 1
    assert moment > 30


def test_killed_again_and_again_every_start_goes_on(broken: Incident) -> None:
    for moment in range(0, 60, 3):
        if not broken.killed_at(moment):
            break

    broken.start()

    broken.expect_one_healthy_site()
    assert read_past(broken.directory).starts > 10


def test_a_resumed_recovery_says_so_and_stays_with_its_point(broken: Incident) -> None:
    broken.kill_in("verify")
    broken.disaster.points = (*POINTS, NEWER)

    recovery = broken.start()

    assert recovery.resumed
    assert "broken off in its step verify" in recovery.why
    assert recovery.point == POINTS[-1]


def test_a_finished_recovery_started_again_changes_nothing(broken: Incident) -> None:
    broken.start()
    calls, journal = list(broken.disaster.target.calls), (broken.directory / JOURNAL).read_bytes()

    again = broken.start(force=True)

    assert (again.outcome, again.exit_code, again.record) == ("nothing to do", 0, None)
    assert broken.disaster.target.calls == calls
    assert (broken.directory / JOURNAL).read_bytes() == journal


def test_what_was_begun_by_force_goes_on_without_it(broken: Incident) -> None:
    broken.primary_runs()
    assert broken.killed_at(_moment_after_fence(broken), force=True)

    assert broken.start().exit_code == 0

    broken.expect_one_healthy_site()


def _moment_after_fence(broken: Incident) -> int:
    """The moment at which the gateway is told and the primary's service still runs."""
    for moment in range(60):
        assert broken.killed_at(moment, force=True)
        if "primary" in broken.gateway.off and broken.running()[0]:
            broken.gateway.restarted()
            (broken.directory / JOURNAL).unlink()
            return moment
    raise AssertionError


def test_after_a_refused_site_another_point_can_be_restored_in_its_place(
    broken: Incident,
) -> None:
    broken.disaster.scoring.found = WRONG
    broken.start()
    broken.disaster.scoring.found = RIGHT

    recovery = broken.start(point=POINTS[0])

    assert (recovery.exit_code, recovery.point) == (0, POINTS[0])
    assert set(broken.site.files.values()) == {POINTS[0]}


def test_a_damaged_point_is_passed_over_also_when_a_kill_left_it_half_restored(
    broken: Incident,
) -> None:
    broken.kill_while_restoring()
    broken.site.damaged = {POINTS[-1]}

    recovery = broken.start()

    assert (recovery.exit_code, recovery.point) == (0, POINTS[0])
    broken.expect_one_healthy_site()


def test_a_dr_site_that_somebody_wrote_to_is_never_emptied(broken: Incident) -> None:
    broken.kill_in("verify")
    broken.site.files["output/theirs.png"] = "a user"
    before = dict(broken.site.files)

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "no restore is known to have put there" in str(recovery.problem)
    assert broken.site.files == before


def test_an_unfinished_recovery_after_which_the_primary_served_again_is_not_gone_on_with(
    broken: Incident,
) -> None:
    broken.kill_in("verify")
    broken.gateway.off = {"dr"}
    broken.disaster.points = (*POINTS, NEWER)

    recovery = broken.start()

    assert not recovery.resumed
    assert "is not gone on with" in recovery.why
    assert recovery.point == NEWER
    begun, given_up = read_past(broken.directory).incidents[-1], read_past(broken.directory)
    assert (begun.closed, given_up.incidents[-2].closed) == (True, False)
    broken.expect_one_healthy_site()


def test_a_gateway_that_forgot_the_switch_is_switched_again_and_users_files_stay(
    broken: Incident,
) -> None:
    broken.start()
    broken.site.files["output/theirs.png"] = "a user"
    broken.gateway.restarted()

    recovery = broken.start()

    assert (recovery.exit_code, recovery.resumed) == (0, True)
    assert broken.gateway.off == {"primary"}
    assert broken.site.files["output/theirs.png"] == "a user"


@pytest.mark.parametrize("forced", [False, True])
def test_a_primary_that_serves_again_after_a_recovery_is_not_given_up_unasked(
    forced: bool, broken: Incident
) -> None:
    broken.start(force=forced)
    broken.gateway.restarted()
    broken.primary_runs()

    with pytest.raises(UsageProblem, match="primary answers"):
        broken.start()

    assert broken.gateway.answering() == "primary"


def test_an_active_dr_site_that_went_down_is_started_with_its_data(broken: Incident) -> None:
    broken.start()
    broken.site.files["output/theirs.png"] = "a user"
    broken.disaster.target.kill([DR])

    assert broken.start().exit_code == 0

    assert broken.running() == (False, True)
    assert broken.site.files["output/theirs.png"] == "a user"


def test_another_point_is_not_restored_over_a_site_that_users_may_have_written_to(
    broken: Incident,
) -> None:
    broken.start()
    broken.disaster.target.kill([DR])

    with pytest.raises(UsageProblem, match="no recovery point is restored over the DR site"):
        broken.start(point=POINTS[0])


def test_an_interrupted_start_leaves_its_record(broken: Incident) -> None:
    def interrupt(*_: Any) -> Executed:
        raise KeyboardInterrupt

    broken.disaster.target.programs["colordrill-restore"] = interrupt

    with pytest.raises(KeyboardInterrupt):
        broken.start()

    (record,) = broken.out.glob(f"recoveries/*/{RECORD}")
    told = cast("dict[str, Any]", json.loads(record.read_text()))
    assert (told["outcome"], told["exit_code"]) == ("broken off", 130)
    assert [each["name"] for each in told["steps"]] == ["start"]
