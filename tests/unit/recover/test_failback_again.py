"""`colordrill failback` that fails or is killed: where users are, and what the next start does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.picture import Judgement
from colordrill.recover.incidents import read_past
from colordrill.stack.target import Executed
from fakes.service import Reply
from unit.recover.away import RETURNED, Away, stack_away
from unit.recover.broken import PRIMARY

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)


@pytest.fixture
def away(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    return stack_away(disaster, tmp_path, monkeypatch)


def test_jobs_that_never_end_leave_users_at_the_dr_site(away: Away) -> None:
    away.queue += [1] * 10_000

    done = away.start()

    assert done.exit_code == 4
    assert "jobs of the DR site" in str(done.problem)
    away.expect_still_away()


@pytest.mark.parametrize(
    "program", ["colordrill-snapshot", "colordrill-publish", "colordrill-merge"]
)
def test_a_step_that_fails_leaves_users_at_the_dr_site_and_started_again_it_succeeds(
    away: Away, program: str
) -> None:
    away.sites.failing[program] = Executed(1, "", "the link is down")

    failed = away.start()

    assert (failed.exit_code, failed.active) == (4, ("dr",))
    assert "the link is down" in str(failed.problem)
    away.expect_still_away()
    away.sites.failing.clear()
    assert away.start().resumed
    away.expect_returned()


def test_a_last_point_that_fails_gives_users_the_dr_site_back(away: Away) -> None:
    def second_fails() -> None:
        if away.sites.merges:
            raise EnvironmentProblem("the agent is gone")

    away.sites.before_copy = second_fails

    assert away.start().exit_code == 4
    assert "users are at the DR site, the only active one" in away.incident.said
    away.expect_still_away()


@pytest.mark.parametrize(("found", "code"), [(WRONG, 1), (NOT_JUDGED, 3)])
def test_a_primary_that_is_not_right_is_not_switched_to(
    away: Away, found: Judgement, code: int
) -> None:
    away.incident.disaster.scoring.found = found

    assert away.start().exit_code == code

    away.expect_still_away()


def test_a_primary_that_is_not_reached_through_the_gateway_gives_users_the_dr_site_back(
    away: Away,
) -> None:
    usual = away.incident.gateway.answering
    away.incident.disaster.public.answer = lambda _request: (
        Reply(503) if usual() == "primary" else Reply(200, b"{}", usual())
    )

    failed = away.start()

    assert failed.exit_code == 4
    away.expect_still_away()
    back = read_past(away.incident.directory).incidents[-1].failback
    assert back is not None
    assert back.switched_at is None


def test_a_dr_site_that_cannot_be_emptied_is_emptied_by_the_next_start(away: Away) -> None:
    away.sites.failing["python3"] = Executed(1, "", "Read-only file system")

    failed = away.start()

    assert (failed.exit_code, failed.active) == (4, ("primary",))
    away.sites.failing.clear()
    away.sites.primary["output/newest.png"] = b"after the switch"
    assert away.start().exit_code == 0
    assert away.sites.primary == RETURNED | {"output/newest.png": b"after the switch"}
    assert away.sites.dr == {}


def test_a_last_point_that_is_damaged_is_taken_anew_before_anything_is_emptied(away: Away) -> None:
    away.sites.damage_found = 1

    done = away.start()

    away.expect_returned()
    newest = max(away.sites.points)
    assert (done.exit_code, done.point) == (0, newest)
    assert away.sites.points[newest] == away.at_dr


def test_a_dr_site_that_no_whole_point_holds_is_not_emptied(away: Away) -> None:
    away.sites.damage_found = 2

    done = away.start()

    assert (done.exit_code, done.active) == (4, ("primary",))
    assert away.sites.dr == away.at_dr
    assert away.start().exit_code == 0
    away.expect_returned()


def test_killed_at_any_moment_and_started_again_it_ends_with_one_site_that_has_it_all(
    away: Away,
) -> None:
    moment = 0
    while away.killed_at(moment):
        done = away.start()

        assert done.exit_code == 0, (moment, done)
        away.expect_returned()
        away.again()
        moment += 1
    assert moment > 30


def test_killed_at_any_moment_a_recovery_leaves_users_where_they_wrote(away: Away) -> None:
    """Either the DR site serves its data again, or the primary has them all and is refused."""
    moment = refused = 0
    while away.killed_at(moment):
        try:
            recovery = away.incident.start()
        except UsageProblem:
            refused += 1
            assert away.incident.gateway.off == {"dr"}, moment
            assert away.sites.primary == RETURNED, moment
        else:
            assert recovery.exit_code == 0, (moment, recovery)
            assert away.incident.gateway.off == {"primary"}, moment
            assert away.incident.running() == (False, True), moment
            assert away.sites.dr == away.at_dr, moment
        away.again()
        moment += 1
    assert moment - refused > 25
    assert refused > 5


def test_a_failback_after_a_killed_one_and_a_recovery_loses_nothing_of_either_time(
    away: Away,
) -> None:
    moment = 0
    while away.killed_at(moment):
        if away.incident.gateway.off != {"dr"}:
            away.incident.start()
            away.sites.dr["output/newest.png"] = b"after the recovery"

            assert away.start().exit_code == 0, moment
            assert away.sites.primary == RETURNED | {"output/newest.png": b"after the recovery"}, (
                moment
            )
        away.again()
        moment += 3


def test_after_a_failback_a_second_disaster_is_recovered_from_a_new_point(away: Away) -> None:
    away.start()
    newer = "20261122T210000.000Z"
    away.sites.points[newer] = dict(away.sites.primary)
    away.incident.disaster.target.kill([PRIMARY])
    away.incident.disaster.clock.advance(3600.0)

    recovery = away.incident.start()

    assert (recovery.exit_code, recovery.resumed, recovery.point) == (0, False, newer)
    assert away.sites.dr == RETURNED


def test_a_primary_that_dies_after_the_switch_and_before_a_backup_is_recovered(away: Away) -> None:
    away.sites.failing["python3"] = Executed(1, "", "Read-only file system")
    away.start()
    away.sites.failing.clear()
    away.incident.disaster.target.kill([PRIMARY])

    recovery = away.incident.start()

    assert recovery.exit_code == 0
    assert away.incident.gateway.off == {"primary"}
    assert away.sites.dr.keys() == away.at_dr.keys()


def test_a_dr_site_that_was_being_emptied_is_never_merged(away: Away) -> None:
    """What is gone there would be taken for deleted by users."""
    away.sites.failing["python3"] = Executed(1, "", "Read-only file system")
    away.start()
    away.sites.failing.clear()
    away.sites.dr.pop("output/old.png")
    away.incident.gateway.off = {"primary"}

    with pytest.raises(UsageProblem, match="emptied"):
        away.start()

    assert away.sites.primary == RETURNED
