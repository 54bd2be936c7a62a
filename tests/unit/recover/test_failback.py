"""`colordrill failback` on a stack in memory: what it brings back, and what it refuses."""

from __future__ import annotations

import fcntl
import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.drill import failback_plan, operating
from colordrill.drill.backups import TURN
from colordrill.drill.failback_record import RECORD
from colordrill.errors import ExitCode, UsageProblem, WaitExpired
from colordrill.recover.incidents import JOURNAL
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Executed
from fakes.notifier import FakeNotifier
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


@pytest.mark.parametrize(("name", "times"), [("output/later.png", 1), ("models/later", 2)])
def test_models_that_came_with_the_last_point_are_loaded_anew(
    away: Away, name: str, times: int
) -> None:
    late = iter([{}, {name: b"just in time"}])
    away.sites.before_copy = lambda: away.sites.dr.update(next(late))
    before = len(away.incident.disaster.primary.requests)

    away.start()

    requests = away.incident.disaster.primary.requests[before:]
    assert [each.path for each in requests].count("/free") == times


def test_while_somebody_takes_a_point_it_waits_and_then_touches_nothing(away: Away) -> None:
    """Users would wait for that point, and it would be of a primary that is merged by half."""
    with (away.incident.directory / TURN).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(WaitExpired, match="recovery point that is being taken"):
            away.start()

    away.expect_still_away()
    assert away.start().exit_code == 0


def test_parts_of_the_primary_that_are_gone_down_or_frozen_are_brought_back(away: Away) -> None:
    target = away.incident.disaster.target
    target.remove(Part.PRIMARY_MIRROR)
    target.kill([Part.PRIMARY_STORAGE])
    target.freeze(Part.PRIMARY_AGENT)

    done = away.start()

    assert done.exit_code == 0
    assert "primary-mirror was created anew" in done.steps[0]["detail"]
    assert "primary-storage was started" in done.steps[0]["detail"]
    assert all(target.state(each).running for each in parts_of(Site.PRIMARY))
    assert not target.state(Part.PRIMARY_AGENT).frozen


def test_options_of_another_service_fail_nothing_back(away: Away) -> None:
    away.incident.disaster.configured |= {"SERVICE_PORT": "8199"}

    with pytest.raises(UsageProblem, match="SERVICE_PORT"):
        away.start()

    away.expect_still_away()


def test_a_gateway_that_does_not_let_go_of_the_primary_merges_nothing(away: Away) -> None:
    usual = away.incident.gateway.run
    away.incident.gateway.off = {"primary"}

    def deaf(part: Part, command: Any) -> Executed:
        if command[1].endswith("primary state maint"):
            away.incident.gateway.off.discard("primary")
            return Executed(0, "\n", "")
        return usual(part, command)

    away.incident.disaster.target.programs["haproxy-command"] = deaf

    done = away.start()

    assert done.exit_code == 4
    assert "still has it as active" in str(done.problem)
    assert (away.sites.primary, away.sites.merges) == (away.at_primary, [])


def test_a_point_that_shares_a_damaged_file_is_copied_whole(away: Away) -> None:
    ends = iter([Executed(5, "", "a file differs")])
    usual = away.incident.disaster.target.programs["colordrill-publish"]
    away.incident.disaster.target.programs["colordrill-publish"] = lambda part, command: (
        next(ends, None) or usual(part, command)
    )

    assert away.start().exit_code == 0

    assert any("without sharing files" in line for line in away.incident.said)
    away.expect_returned()


def test_administrators_are_told_of_each_step(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    told = FakeNotifier()
    monkeypatch.setattr(operating, "notifying", lambda *_: nullcontext(told))

    away.start()

    events = [(event, step) for event, step, _, _ in told.told]
    steps = [("step", each) for each in ("start", "mount", "verify", "switch", "record")]
    assert events == [("started", None), *steps, ("ended", None)]
