"""`colordrill failback` on a stack in memory: what it brings back, and where users are meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.drill import failback as failing_back
from colordrill.drill import failback_plan
from colordrill.drill.failback import fail_back
from colordrill.drill.failback_record import RECORD, Failback
from colordrill.errors import EnvironmentProblem, ExitCode, UsageProblem
from colordrill.picture import Judgement
from colordrill.recover.incidents import JOURNAL, read_past
from colordrill.scenario.settings import Settings
from colordrill.stack.target import Executed
from fakes.incident import Killed
from fakes.service import Reply, Request, as_json
from fakes.two_sites import Files, TwoSites
from unit.recover.broken import DR, PRIMARY, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

BASE = POINTS[-1]
BACKED_UP: Files = {"output/old.png": b"1", "workflows/w.json": b"1", "output/gone.png": b"1"}
LATE: Files = {"output/late.png": b"of the primary", "workflows/w.json": b"of the primary"}
MEANWHILE: Files = {"output/new.png": b"of the dr site", "workflows/w.json": b"of the dr site"}
MARK = "20261122T201540.123Z"
BESIDE = f"workflows/w.primary-{MARK}.json"
RETURNED: Files = {
    "output/old.png": b"1",
    "output/late.png": b"of the primary",
    "output/new.png": b"of the dr site",
    "workflows/w.json": b"of the dr site",
    BESIDE: b"of the primary",
}
WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)


@dataclass
class Away:
    """A stack whose users are at the DR site, and have written there."""

    incident: Incident
    sites: TwoSites
    queue: list[int] = field(default_factory=list)

    def start(self) -> Failback:
        settings = Settings(out=self.incident.out)
        return fail_back(settings, None, self.incident.said.append, self.incident.disaster.clock)

    def killed_at(self, moment: int) -> bool:
        self.incident.killer.at, self.incident.killer.passed = moment, 0
        try:
            self.start()
        except Killed:
            return True
        finally:
            self.incident.killer.at = None
        return False

    def again(self) -> None:
        """Users are at the DR site as in the beginning, whatever was done since."""
        (self.incident.directory / JOURNAL).write_bytes(self.journal)
        self.incident.gateway.off = {"primary"}
        self.incident.disaster.target.stop(PRIMARY)
        self.incident.disaster.target.start(DR)
        self.sites.primary, self.sites.dr = dict(self.at_primary), dict(self.at_dr)
        self.sites.points = {BASE: dict(BACKED_UP)}

    def keep(self) -> None:
        """Take down what `again` puts back."""
        self.journal = (self.incident.directory / JOURNAL).read_bytes()
        self.at_primary, self.at_dr = dict(self.sites.primary), dict(self.sites.dr)

    def expect_returned(self) -> None:
        assert self.incident.gateway.off == {"dr"}
        assert self.incident.gateway.answering() == "primary"
        assert self.incident.running() == (True, False)
        assert (self.sites.primary, self.sites.dr) == (RETURNED, {})

    def expect_still_away(self) -> None:
        assert self.incident.gateway.off == {"primary"}
        assert self.incident.gateway.answering() == "dr"
        assert self.incident.running() == (False, True)
        assert self.sites.dr == self.at_dr


@pytest.fixture
def away(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    incident = broken_stack(disaster, tmp_path, monkeypatch)
    sites = TwoSites(incident.killer, BACKED_UP | LATE, {BASE: dict(BACKED_UP)})
    disaster.target.programs |= sites.programs()
    assert incident.start().exit_code == 0
    del sites.dr["output/gone.png"]
    sites.dr |= MEANWHILE
    found = Away(incident, sites)
    usual = disaster.dr.answer

    def with_queue(request: Request) -> Reply:
        if request.path != "/queue":
            return usual(request)
        left = found.queue.pop(0) if found.queue else 0
        return as_json({"queue_running": [], "queue_pending": [[0]] * left})

    disaster.dr.answer = with_queue
    for module in (failing_back, failback_plan):
        for name in ("attached_stack", "public_client"):
            monkeypatch.setattr(module, name, _as_recover_has(name))
    monkeypatch.setattr(failing_back, "load_assets", _as_recover_has("load_assets"))
    monkeypatch.setattr(failing_back, "keep_logs", lambda *_: None)
    found.keep()
    disaster.clock.advance(60.0)
    return found


def _as_recover_has(name: str) -> Callable[..., Any]:
    from colordrill.drill import incident  # noqa: PLC0415 (as it was patched for the test)

    act: Callable[..., Any] = getattr(incident, name)
    # the lock is the same, and has another holder
    return lambda *arguments: act(*arguments[:2])


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


def test_jobs_that_never_end_leave_users_at_the_dr_site(away: Away) -> None:
    away.queue += [1] * 10_000

    done = away.start()

    assert done.exit_code == 4
    assert "jobs of the DR site" in str(done.problem)
    away.expect_still_away()


def test_connections_that_do_not_end_are_cut_and_said(away: Away) -> None:
    away.incident.gateway.connections["dr"] = 2

    done = away.start()

    assert "2 connections to dr were cut" in done.steps[1]["detail"]
    away.expect_returned()


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
    usual = away.sites.before_copy

    def damage() -> None:
        usual()
        if len(away.sites.merges) == 1:
            away.sites.damaged.update(
                {f"20261122T20164{n}.{ms:03d}Z" for n in range(10) for ms in range(1000)}
            )

    away.sites.before_copy = damage

    done = away.start()

    assert done.point is not None
    if done.exit_code == 0:
        assert done.point not in away.sites.damaged
        assert away.sites.points[done.point] == away.at_dr
    else:
        assert away.sites.dr == away.at_dr


def test_without_the_point_that_it_was_restored_from_nothing_is_deleted(away: Away) -> None:
    away.sites.points = {"20261122T201600.000Z": {}}

    done = away.start()

    assert (done.exit_code, done.base) == (0, None)
    assert away.sites.primary == RETURNED | {"output/gone.png": b"1"}


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
    moment = 0
    while away.killed_at(moment):
        switched = "primary" not in away.incident.gateway.off
        try:
            recovery = away.incident.start()
        except UsageProblem as refused:
            assert "is healthy" in str(refused) or "are right" in str(refused), moment
            assert switched or away.sites.primary == RETURNED, moment
        else:
            assert recovery.exit_code == 0, (moment, recovery)
            assert away.incident.gateway.off == {"primary"}, moment
            assert away.sites.dr == away.at_dr, moment
        away.again()
        moment += 1


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

    planned = failback_plan.plan(Settings(out=away.incident.out), None)

    assert planned.exit_code is ExitCode.UNKNOWN
    assert "the agent is down" in str(planned.unseen)
