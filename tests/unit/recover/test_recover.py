"""`colordrill recover` on a stack in memory: what it refuses, fences, restores and records."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.drill import incident, operating
from colordrill.drill.assets import load_assets
from colordrill.drill.recovery_record import RECORD
from colordrill.errors import (
    EnvironmentProblem,
    GoldenProblem,
    RecordProblem,
    UnknownName,
    UsageProblem,
)
from colordrill.picture import Judgement
from colordrill.recover.incidents import JOURNAL, read_past
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.notifier import FakeNotifier
from fakes.service import Reply
from unit.recover.broken import DR, PRIMARY, Incident, broken_stack
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


def test_administrators_are_told_of_each_step_of_a_recovery(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = FakeNotifier()
    monkeypatch.setattr(operating, "notifying", lambda *_: nullcontext(told))

    broken.start()

    events = [(event, step) for event, step, _, _ in told.told]
    steps = [("step", each) for each in ("start", "mount", "verify", "switch", "record")]
    assert events == [("started", None), *steps, ("ended", None)]


def test_a_healthy_primary_is_refused_and_left_alone(broken: Incident) -> None:
    broken.primary_runs()

    with pytest.raises(UsageProblem, match=r"primary answers.*canaries .* are right") as caught:
        broken.start()

    assert "--force" in caught.value.next_step
    assert broken.gateway.off == {"dr"}
    assert broken.running() == (True, False)
    assert not (broken.directory / JOURNAL).exists()


def test_no_two_starts_send_a_photo_under_the_same_name(broken: Incident) -> None:
    """A service answers from its cache what it has coloured under a name before."""
    broken.primary_runs()
    for _ in range(2):
        with pytest.raises(UsageProblem):
            broken.start()
        broken.disaster.clock.advance(1.0)

    requests = broken.disaster.primary.requests
    uploads = [each.body for each in requests if each.path == "/upload/image"]
    names = [each.split(b'filename="', 1)[1].split(b'"', 1)[0] for each in uploads]
    assert len(names) == len(set(names)) == 6


def test_a_record_that_cannot_be_written_does_not_undo_the_recovery(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _text: str) -> None:
        raise RecordProblem("no space left", "free some")

    monkeypatch.setattr(operating, "write_atomically", full)

    assert broken.start().exit_code == 0

    assert any("no space left" in line for line in broken.said)
    broken.expect_one_healthy_site()


def test_forced_a_healthy_primary_is_fenced_and_stopped_before_the_dr_site_is_started(
    broken: Incident,
) -> None:
    broken.primary_runs()

    assert broken.start(force=True).exit_code == 0

    broken.expect_one_healthy_site()
    acts = [call[:2] for call in broken.disaster.target.calls]
    assert acts.index(("stop", PRIMARY)) < acts.index(("start", DR))


def test_a_primary_that_colours_wrongly_is_not_healthy(broken: Incident) -> None:
    broken.primary_runs()
    judgements = iter([WRONG])
    usual = broken.disaster.scoring.judgement
    broken.disaster.scoring.judgement = (  # type: ignore[method-assign]
        lambda future, timeout_s: next(judgements, None) or usual(future, timeout_s)
    )

    assert broken.start().exit_code == 0

    assert any("chroma SSIM" in line for line in broken.said)
    broken.expect_one_healthy_site()


def test_a_primary_that_runs_and_does_not_answer_is_not_healthy(broken: Incident) -> None:
    broken.primary_runs()
    broken.disaster.primary.answer = lambda _request: Reply(503)

    recovery = broken.start()

    assert recovery.primary is not None
    assert "does not answer at its own address" in recovery.primary
    broken.expect_one_healthy_site()


def test_a_primary_that_the_engine_does_not_reach_leaves_the_outcome_unknown(
    broken: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.engine_loses_the_primary(monkeypatch)

    recovery = broken.start()

    assert "no request to it is under way" in recovery.steps[0]["detail"]

    assert recovery.exit_code == 3
    assert "not seen to be stopped" in recovery.outcome
    assert recovery.active == ("dr",)


@pytest.mark.parametrize(
    ("problem", "told"),
    [(None, "runs again"), ("did not receive an exit event", "could not be stopped: did not rec")],
)
def test_a_primary_that_cannot_be_stopped_keeps_the_dr_site_untouched(
    broken: Incident, monkeypatch: pytest.MonkeyPatch, problem: str | None, told: str
) -> None:
    broken.primary_runs()
    broken.disaster.primary.answer = lambda _request: Reply(503)
    if problem:
        broken.disaster.target.broken["stop"] = EnvironmentProblem(problem)
    else:
        monkeypatch.setattr(type(broken.disaster.target), "stop", lambda *_, **__: None)

    recovery = broken.start()

    assert recovery.exit_code == 4
    assert told in str(recovery.problem)
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
