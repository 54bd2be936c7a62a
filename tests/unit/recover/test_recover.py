"""`colordrill recover` on a stack in memory: refused, fenced, killed anywhere, started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from colordrill.data import fixtures
from colordrill.drill import incident
from colordrill.drill.assets import load_assets
from colordrill.drill.attached import AttachedStack
from colordrill.drill.incident import Order, recover
from colordrill.drill.recovery_record import RECORD, Recovery
from colordrill.errors import (
    EnvironmentProblem,
    GoldenProblem,
    RecordProblem,
    UnknownName,
    UsageProblem,
)
from colordrill.picture import Judgement
from colordrill.recover.choosing import Wish
from colordrill.recover.incidents import JOURNAL, Journal, read_past
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.incident import FakeDrSite, FakeGateway, KillableTarget, Killed, Killer
from fakes.service import Reply, comfyui
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

PRIMARY, DR = Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION
WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)
NEWER = "20261122T201555.000Z"


@dataclass
class Incident:
    """A standing stack whose primary is down, and everything that a start of the command sees."""

    disaster: Disaster
    directory: Path
    out: Path
    killer: Killer
    gateway: FakeGateway
    site: FakeDrSite
    said: list[str] = field(default_factory=list)

    def start(self, *, force: bool = False, **wish: Any) -> Recovery:
        order = Order(None, Wish(**wish), force)
        return recover(Settings(out=self.out), order, self.said.append, self.disaster.clock)

    def killed_at(self, moment: int, **options: Any) -> bool:
        """Whether a start was killed at that moment; else it went to its end before."""
        self.killer.at, self.killer.passed = moment, 0
        try:
            self.start(**options)
        except Killed:
            return True
        finally:
            self.killer.at = None
        return False

    def kill_in(self, step: str) -> None:
        """Let a start be killed at the first act of *step*."""
        for moment in range(200):
            assert self.killed_at(moment)
            last = read_past(self.directory).last
            if last is not None and last.broken_off == step:
                return
        raise AssertionError(step)

    def primary_runs(self) -> None:
        self.disaster.target.start(PRIMARY)

    def running(self) -> tuple[bool, bool]:
        """Whether the services of the primary and of the DR site run."""
        state = self.disaster.target.state
        return state(PRIMARY).running, state(DR).running

    def expect_one_healthy_site(self) -> None:
        assert self.gateway.off == {"primary"}
        assert self.gateway.answering() == "dr"
        assert self.running() == (False, True)
        (point,) = set(self.site.files.values())
        assert self.site.files == {"input/a.png": point, "output/b.png": point}


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    killer = Killer()
    gateway, site = FakeGateway(disaster.target), FakeDrSite(killer)
    programs = {"haproxy-command": gateway.run, "colordrill-restore": site.restore}
    disaster.target.programs |= programs
    disaster.target.kill([PRIMARY])
    picture = (fixtures() / "photos" / "astronaut.png").read_bytes()
    disaster.dr.answer = disaster.primary.answer = comfyui(picture, site=None)
    disaster.public.answer = lambda _request: (
        Reply(200, b"{}", gateway.answering()) if gateway.answering() else Reply(503)
    )
    directory = tmp_path / "run"
    directory.mkdir()
    target: Any = KillableTarget(disaster.target, killer)

    @contextmanager
    def attached(_run_id: str | None, _purpose: str) -> Iterator[AttachedStack]:
        yield AttachedStack("aa", target, disaster.operator.public, directory)

    assets = load_assets()
    monkeypatch.setattr(incident, "load_assets", lambda _service: assets)
    monkeypatch.setattr(incident, "attached_stack", attached)
    monkeypatch.setattr(incident, "ScoringWorker", lambda *_: nullcontext(disaster.scoring))
    monkeypatch.setattr(incident, "golden_canaries", lambda *_: disaster.operator.canaries)
    monkeypatch.setattr(Journal, "_append", killer.around(Journal._append))
    # the points were begun before the incident
    disaster.clock.advance(10.0)
    return Incident(disaster, directory, tmp_path / "runs", killer, gateway, site)


def test_a_lost_primary_is_recovered_at_the_dr_site_and_what_was_done_is_written_down(
    broken: Incident,
) -> None:
    recovery = broken.start()

    assert (recovery.outcome, recovery.exit_code) == ("recovered", 0)
    broken.expect_one_healthy_site()
    assert recovery.active == ("dr",)
    assert recovery.point == POINTS[-1]
    assert recovery.point_age_s == pytest.approx(6.0, abs=0.01)
    assert [each["name"] for each in recovery.steps] == [
        *("start", "mount", "verify", "switch", "record")
    ]
    assert recovery.record is not None
    record = Path(recovery.record)
    assert json.loads((record / RECORD).read_text())["outcome"] == "recovered"
    assert (record / "history.jsonl").is_file()


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


def test_a_healthy_primary_is_refused_and_left_alone(broken: Incident) -> None:
    broken.primary_runs()

    with pytest.raises(UsageProblem, match=r"primary answers.*canaries .* are right") as caught:
        broken.start()

    assert "--force" in caught.value.next_step
    assert broken.gateway.off == {"dr"}
    assert broken.running() == (True, False)
    assert not (broken.directory / JOURNAL).exists()


def test_forced_a_healthy_primary_is_fenced_and_stopped_before_the_dr_site_is_started(
    broken: Incident,
) -> None:
    broken.primary_runs()

    assert broken.start(force=True).exit_code == 0

    broken.expect_one_healthy_site()
    acts = [call[:2] for call in broken.disaster.target.calls]
    assert acts.index(("stop", PRIMARY)) < acts.index(("start", DR))


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


@pytest.mark.parametrize(
    ("found", "said"), [(WRONG, "chroma SSIM"), (NOT_JUDGED, "counts as not healthy")]
)
def test_a_primary_that_colours_wrongly_or_nobody_knows_how_is_not_healthy(
    broken: Incident, found: Judgement, said: str
) -> None:
    broken.primary_runs()
    judgements = iter([found])
    usual = broken.disaster.scoring.judgement
    broken.disaster.scoring.judgement = (  # type: ignore[method-assign]
        lambda future, timeout_s: next(judgements, None) or usual(future, timeout_s)
    )

    assert broken.start().exit_code == 0

    assert any(said in line for line in broken.said)
    broken.expect_one_healthy_site()


def test_a_primary_that_runs_and_does_not_answer_is_not_healthy(broken: Incident) -> None:
    broken.primary_runs()
    broken.disaster.primary.answer = lambda _request: Reply(503)

    recovery = broken.start()

    assert recovery.primary is not None
    assert "does not answer at its own address" in recovery.primary
    broken.expect_one_healthy_site()


def test_a_primary_that_the_engine_does_not_reach_leaves_the_outcome_unknown(
    broken: Incident,
) -> None:
    broken.disaster.target.broken["stop"] = EnvironmentProblem("the engine does not answer")

    recovery = broken.start()

    assert recovery.exit_code == 3
    assert "not seen to be stopped" in recovery.outcome
    assert recovery.active == ("dr",)


def test_a_primary_that_cannot_be_stopped_keeps_the_dr_site_untouched(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.primary_runs()
    broken.disaster.primary.answer = lambda _request: Reply(503)
    monkeypatch.setattr(type(broken.disaster.target), "stop", lambda *_, **__: None)

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "runs again" in str(recovery.problem)
    assert (broken.running(), broken.site.files) == ((True, False), {})


def test_a_gateway_that_does_not_let_go_of_the_primary_keeps_the_dr_site_untouched(
    broken: Incident,
) -> None:
    def deaf(part: Part, command: Any) -> Executed:
        maint = command[1].endswith("primary state maint")
        return Executed(0, "\n", "") if maint else broken.gateway.run(part, command)

    broken.disaster.target.programs["haproxy-command"] = deaf

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert "still has it as active" in str(recovery.problem)
    assert (broken.running(), broken.site.files) == ((False, False), {})


@pytest.mark.parametrize(("found", "code"), [(WRONG, 1), (NOT_JUDGED, 3)])
def test_a_restored_site_that_is_not_right_is_not_switched_to(
    broken: Incident, found: Judgement, code: int
) -> None:
    broken.disaster.scoring.found = found

    recovery = broken.start()

    assert recovery.exit_code == code
    assert recovery.active == ()
    assert broken.gateway.answering() is None


def test_after_a_refused_site_another_point_can_be_restored_in_its_place(
    broken: Incident,
) -> None:
    broken.disaster.scoring.found = WRONG
    broken.start()
    broken.disaster.scoring.found = Judgement(correct=True, reasons=(), scores=None)

    recovery = broken.start(point=POINTS[0])

    assert (recovery.exit_code, recovery.point) == (0, POINTS[0])
    assert set(broken.site.files.values()) == {POINTS[0]}


def test_a_damaged_point_is_passed_over_also_when_a_kill_left_it_half_restored(
    broken: Incident,
) -> None:
    broken.kill_in("mount")
    broken.site.files = {"input/a.png": POINTS[-1]}
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


def test_an_active_dr_site_that_went_down_is_started_with_its_data(broken: Incident) -> None:
    broken.start()
    broken.site.files["output/theirs.png"] = "a user"
    broken.disaster.target.kill([DR])

    assert broken.start().exit_code == 0

    assert broken.running() == (False, True)
    assert broken.site.files["output/theirs.png"] == "a user"


def test_the_newest_point_before_a_time_is_restored(broken: Incident) -> None:
    before = datetime(2026, 11, 22, 20, 15, 33, tzinfo=UTC)

    assert broken.start(before=before).point == POINTS[0]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"point": "20200101T000000.000Z"}, UnknownName),
        ({"before": datetime(2020, 1, 1, tzinfo=UTC)}, UsageProblem),
    ],
)
def test_a_point_that_there_is_not_is_refused_before_anything_is_done(
    broken: Incident, wish: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        broken.start(**wish)

    assert broken.gateway.off == {"dr"}
    assert not (broken.directory / JOURNAL).exists()


def test_another_point_is_not_restored_over_a_site_that_users_may_have_written_to(
    broken: Incident,
) -> None:
    broken.start()
    broken.disaster.target.kill([DR])

    with pytest.raises(UsageProblem, match="no recovery point is restored over the DR site"):
        broken.start(point=POINTS[0])


def test_without_a_recovery_point_the_gateway_is_left_as_it_is(broken: Incident) -> None:
    broken.disaster.points = ()

    with pytest.raises(EnvironmentProblem, match="no recovery point"):
        broken.start()

    assert broken.gateway.off == {"dr"}


def test_without_goldens_nothing_is_begun(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = load_assets(with_goldens=False)
    monkeypatch.setattr(incident, "load_assets", lambda _service: without)

    with pytest.raises(GoldenProblem, match="could not be judged"):
        broken.start()


def test_a_journal_that_cannot_be_written_keeps_every_step_from_being_begun(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    (broken.directory / JOURNAL).mkdir()
    monkeypatch.setattr(incident, "read_past", lambda _directory: read_past(broken.out))

    with pytest.raises(RecordProblem, match="cannot be written"):
        broken.start()

    assert broken.gateway.off == {"dr"}
    assert broken.running() == (False, False)


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
