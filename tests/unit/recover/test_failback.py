"""`colordrill failback` on a stack in memory: what it brings back, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.drill import failback_plan
from colordrill.drill.failback_record import RECORD
from colordrill.errors import ExitCode, UsageProblem
from colordrill.recover.incidents import JOURNAL
from colordrill.scenario.settings import Settings
from colordrill.stack.target import Executed
from unit.recover.away import BASE, BESIDE, RETURNED, Away, stack_away
from unit.recover.broken import PRIMARY

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster


@pytest.fixture
def away(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    return stack_away(disaster, tmp_path, monkeypatch)


def test_all_that_both_sites_acknowledged_is_at_the_primary_and_the_dr_site_stands_by_empty(
    away: Away,
) -> None:
    done = away.start()

    assert (done.outcome, done.exit_code, done.active) == ("failed back", 0, ("primary",))
    away.expect_returned()
    assert (done.base, done.resumed) == (BASE, False)
    assert done.files is not None
    assert done.files.brought == ("output/new.png", "workflows/w.json")
    assert done.files.deleted == ("output/gone.png",)
    assert BESIDE in done.files.conflicts + done.files.kept
    assert done.point is not None
    assert away.sites.points[done.point] == away.at_dr
    assert [each["name"] for each in done.steps] == ["start", "mount", "verify", "switch", "record"]
    assert done.record is not None
    assert json.loads((Path(done.record) / RECORD).read_text())["outcome"] == "failed back"


def test_users_work_at_the_dr_site_until_the_last_point_is_taken(away: Away) -> None:
    active: list[set[str]] = []
    away.sites.before_copy = lambda: active.append(set(away.incident.gateway.off))

    done = away.start()

    assert active == [{"primary"}, {"primary", "dr"}]
    assert done.users_waited_s is not None


def test_what_is_written_during_the_first_pass_comes_with_the_second(away: Away) -> None:
    late = iter([{}, {"output/later.png": b"just in time"}])
    away.sites.before_copy = lambda: away.sites.dr.update(next(late))

    away.start()

    assert away.sites.primary == RETURNED | {"output/later.png": b"just in time"}


def test_the_dr_site_ends_its_jobs_before_the_last_point(away: Away) -> None:
    away.queue += [2, 1]

    assert away.start().exit_code == 0

    assert away.queue == []
    away.expect_returned()


def test_connections_that_do_not_end_are_cut_and_said(away: Away) -> None:
    away.incident.gateway.connections["dr"] = 2

    done = away.start()

    assert "2 connections to dr were cut" in done.steps[1]["detail"]
    away.expect_returned()


def test_without_the_point_that_it_was_restored_from_nothing_is_deleted(away: Away) -> None:
    away.sites.points = {"20261122T201600.000Z": {}}

    done = away.start()

    assert (done.exit_code, done.base) == (0, None)
    assert away.sites.primary == RETURNED | {"output/gone.png": b"1"}


def test_done_it_does_nothing_when_it_is_started_again(away: Away) -> None:
    away.start()
    calls = list(away.incident.disaster.target.calls)

    again = away.start()

    assert (again.outcome, again.exit_code, again.record) == ("nothing to do", 0, None)
    assert away.incident.disaster.target.calls == calls


def test_without_a_recovery_it_is_refused(away: Away) -> None:
    (away.incident.directory / JOURNAL).unlink()

    with pytest.raises(UsageProblem, match="nothing to go back from"):
        away.start()

    away.expect_still_away()


@pytest.mark.parametrize("off", [set[str](), {"dr"}, {"dr", "primary"}])
def test_where_users_are_not_at_the_dr_site_alone_it_is_refused(away: Away, off: set[str]) -> None:
    away.incident.gateway.off = set(off)

    with pytest.raises(UsageProblem, match="not the only active one") as caught:
        away.start()

    assert "colordrill recover" in caught.value.next_step
    assert (away.sites.primary, away.sites.dr) == (away.at_primary, away.at_dr)


def test_a_dry_run_says_what_would_become_of_each_file_and_changes_nothing(away: Away) -> None:
    def world() -> Any:
        journal = (away.incident.directory / JOURNAL).read_bytes()
        gateway, running = set(away.incident.gateway.off), away.incident.running()
        return gateway, running, dict(away.sites.primary), dict(away.sites.points), journal

    before = world()
    clock = away.incident.disaster.clock

    planned = failback_plan.plan(Settings(out=away.incident.out), None, clock)

    assert world() == before
    assert planned.exit_code is ExitCode.PASS
    assert planned.files is not None
    assert planned.files.brought == ("output/new.png", "workflows/w.json")
    assert planned.files.kept == ("output/late.png",)
    assert planned.files.conflicts == (BESIDE,)
    assert planned.files.deleted == ("output/gone.png",)
    assert PRIMARY in planned.steps["start"]


def test_a_dry_run_that_cannot_compare_the_sites_does_not_know(away: Away) -> None:
    away.sites.failing["colordrill-merge"] = Executed(1, "", "the agent is down")
    clock = away.incident.disaster.clock

    planned = failback_plan.plan(Settings(out=away.incident.out), None, clock)

    assert planned.exit_code is ExitCode.UNKNOWN
    assert "the agent is down" in str(planned.unseen)
