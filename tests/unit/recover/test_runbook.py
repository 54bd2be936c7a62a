from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.history import EventType
from colordrill.picture import Judgement
from colordrill.recover.keepers import POINTS_TRIED_MAX
from colordrill.recover.steps import START_LIMIT_S, RunbookEnd
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.service import Reply
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)
NOT_JUDGED = Judgement(correct=None, reasons=("the scorer crashed",), scores=None)


def test_the_five_steps_bring_the_service_back(disaster: Disaster) -> None:
    assert disaster.runbook.run() is RunbookEnd.DONE

    assert disaster.steps() == [
        (step, "ok") for step in ("start", "mount", "verify", "switch", "record")
    ]
    assert disaster.target.state(Part.DR_COLORIZATION).running
    assert disaster.active == "dr"
    verified = [e for e in disaster.events if e.kind == "verifycan" and e.type is EventType.OK]
    assert [event.data["canary"] for event in verified] == ["person", "building", "crop"]
    assert {event.data["site"] for event in verified} == {"dr"}


def test_the_newest_point_is_the_one_restored(disaster: Disaster) -> None:
    disaster.runbook.run()

    mounted = [e.data for e in disaster.events if e.kind == "step" and e.type is EventType.OK][1]
    assert mounted["point"] == "20261122T201534.123Z"


def test_every_step_is_told_to_people(disaster: Disaster) -> None:
    disaster.runbook.run()

    assert [line.split()[1].rstrip(":") for line in disaster.said] == [
        step for step, _ in disaster.steps()
    ]


@pytest.mark.parametrize("judgement", [WRONG, NOT_JUDGED])
def test_a_site_that_colours_wrongly_is_refused_and_the_gateway_not_switched(
    disaster: Disaster, judgement: Judgement
) -> None:
    disaster.scoring.found = judgement

    assert disaster.runbook.run() is RunbookEnd.REFUSED

    assert disaster.steps()[-1] == ("verify", "fail")
    assert disaster.commands == []
    assert disaster.active is None
    assert judgement.reasons[0] in disaster.last_detail()


def test_a_restored_site_that_gives_no_picture_fails_the_runbook(disaster: Disaster) -> None:
    usual = disaster.dr.answer
    disaster.dr.answer = lambda request: Reply(500) if request.path == "/prompt" else usual(request)

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("verify", "fail")
    assert "last words" in disaster.last_detail()
    assert disaster.commands == []


def test_without_a_recovery_point_the_runbook_fails_before_anything_is_started(
    disaster: Disaster,
) -> None:
    disaster.points = ()

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert not disaster.target.state(Part.DR_COLORIZATION).running
    assert "no recovery point" in disaster.last_detail()
    assert disaster.commands == []


def test_a_restore_that_fails_ends_the_runbook_before_anything_is_verified(
    disaster: Disaster,
) -> None:
    failed = Executed(1, "", "2 restored files are not what the manifest says")
    disaster.target.programs["colordrill-restore"] = lambda _part, _command: failed

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert "not what the manifest says" in disaster.last_detail()
    assert not any(event.kind == "verifycan" for event in disaster.events)


def test_a_container_that_cannot_be_started_fails_the_first_step(disaster: Disaster) -> None:
    disaster.target.broken["start"] = EnvironmentProblem("no such image", "build it")

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert "no such image" in disaster.last_detail()


def test_a_service_that_never_answers_is_given_up_at_the_limit_with_its_log(
    disaster: Disaster,
) -> None:
    disaster.dr.answer = lambda _request: Reply(503)
    # every poll is a real request: let the clock run faster than they do
    disaster.clock.pause_at_least(10.0)

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert f"waited {START_LIMIT_S:g} s" in disaster.last_detail()
    assert "last words" in disaster.last_detail()


def test_a_gateway_that_refuses_fails_the_switch_with_its_reason(disaster: Disaster) -> None:
    disaster.gateway_says = "No such backend.\n"

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("switch", "fail")
    assert "No such backend." in disaster.last_detail()


@pytest.mark.parametrize("answering", ["primary", None])
def test_a_switch_after_which_another_site_answers_is_no_switch(
    disaster: Disaster, answering: str | None
) -> None:
    disaster.switches = False
    disaster.active = answering
    disaster.clock.pause_at_least(1.0)

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("switch", "fail")
    assert (answering or "503") in disaster.last_detail()


def test_the_old_site_is_switched_off_before_the_new_one_is_switched_on(
    disaster: Disaster,
) -> None:
    disaster.runbook.run()

    assert disaster.commands == [
        "set server sites/primary state maint",
        "set server sites/dr state ready",
    ]


def test_a_recovery_taken_twice_switches_to_the_same_site_again(disaster: Disaster) -> None:
    disaster.runbook.run()

    assert disaster.runbook.run() is RunbookEnd.DONE
    assert disaster.active == "dr"


def test_damaged_points_are_passed_over_and_named(disaster: Disaster) -> None:
    disaster.damaged = {POINTS[-1]}

    assert disaster.runbook.run() is RunbookEnd.DONE

    mounted = [e.data for e in disaster.events if e.kind == "step" and e.type is EventType.OK][1]
    assert mounted["point"] == POINTS[0]
    assert disaster.restored == [POINTS[0]]
    assert f"passed over {POINTS[-1]}: recovery point {POINTS[-1]}" in mounted["detail"]
    assert any("trying the one before" in line for line in disaster.said)


def test_when_every_point_is_damaged_the_runbook_fails_and_names_them(disaster: Disaster) -> None:
    disaster.damaged = set(POINTS)

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert all(point in disaster.last_detail() for point in POINTS)
    assert "restore the off-site copy" in disaster.last_detail()
    assert disaster.commands == []


def test_no_more_points_are_tried_than_the_limit(disaster: Disaster) -> None:
    disaster.points = tuple(f"20261122T2015{second:02d}.123Z" for second in range(20))
    disaster.damaged = set(disaster.points[-POINTS_TRIED_MAX:])

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert f"none of the {POINTS_TRIED_MAX} newest" in disaster.last_detail()
    assert disaster.restored == []
