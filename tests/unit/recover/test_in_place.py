"""The primary is repaired: fenced, started, its data brought back, judged, switched to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.picture import Judgement
from colordrill.recover.steps import RunbookEnd
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target
from fakes.service import Reply
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

SERVICE = Part.PRIMARY_COLORIZATION
FENCE = "set server sites/primary state maint"
OTHER_OFF = "set server sites/dr state maint"
ON = "set server sites/primary state ready"
WRONG = Judgement(correct=False, reasons=("chroma SSIM 0.19 is below 0.985",), scores=None)


def test_the_five_steps_repair_the_primary(disaster: Disaster) -> None:
    assert disaster.in_place("output").run() is RunbookEnd.DONE

    assert disaster.steps() == [
        (step, "ok") for step in ("start", "mount", "verify", "switch", "record")
    ]
    assert disaster.active == "primary"
    sites = {e.data["site"] for e in disaster.events if e.kind == "verifycan" and "site" in e.data}
    assert sites == {"primary"}


def test_a_service_that_does_not_do_its_work_is_fenced_then_killed_then_started(
    disaster: Disaster,
) -> None:
    pid, calls = disaster.target.pid(SERVICE), disaster.target.calls

    def told(part: Part, command: Sequence[str]) -> Executed:
        calls.append(("gateway", command[1]))
        return disaster.run_gateway(part, command)

    disaster.target.programs["haproxy-command"] = told

    assert disaster.in_place().run() is RunbookEnd.DONE

    assert calls[:3] == [("gateway", FENCE), ("kill", SERVICE), ("start", SERVICE)]
    assert disaster.target.pid(SERVICE) != pid
    assert disaster.commands == [FENCE, OTHER_OFF, ON]


def test_a_service_that_answers_well_is_neither_fenced_nor_restarted(disaster: Disaster) -> None:
    pid = disaster.target.pid(SERVICE)

    assert disaster.in_place("workflows", restarts=False).run() is RunbookEnd.DONE

    assert disaster.target.pid(SERVICE) == pid
    assert disaster.commands == [OTHER_OFF, ON]
    assert disaster.target.calls == []


def test_what_does_not_run_is_started_and_named(disaster: Disaster) -> None:
    disaster.target.kill([SERVICE, Part.PRIMARY_AGENT])

    assert disaster.in_place().run() is RunbookEnd.DONE

    assert disaster.target.state(Part.PRIMARY_AGENT).running
    started = next(e.data for e in disaster.events if e.kind == "step" and "detail" in e.data)
    assert f"{SERVICE} was started" in started["detail"]
    assert f"{Part.PRIMARY_AGENT} was started" in started["detail"]


def test_a_part_that_is_absent_is_created_anew(disaster: Disaster) -> None:
    disaster.target.remove(SERVICE)

    assert disaster.in_place().run() is RunbookEnd.DONE

    assert disaster.target.state(SERVICE).running
    started = next(e.data for e in disaster.events if e.kind == "step" and "detail" in e.data)
    assert f"{SERVICE} was created anew" in started["detail"]


def test_without_a_repair_the_sites_own_data_are_used(disaster: Disaster) -> None:
    assert disaster.in_place().run() is RunbookEnd.DONE

    assert disaster.repaired == []
    mounted = [e.data for e in disaster.events if e.kind == "step" and "point" in e.data][1]
    assert mounted["point"] is None
    assert "own data" in mounted["detail"]
    assert not any(request.path == "/free" for request in disaster.primary.requests)


def test_what_is_named_comes_from_the_point_before_the_fault_and_memory_is_dropped(
    disaster: Disaster,
) -> None:
    """A network with random weights stays until the service is told to forget it."""
    assert disaster.in_place("models", "workflows", point=POINTS[0]).run() is RunbookEnd.DONE

    assert disaster.repaired == [(POINTS[0], ("models", "workflows"))]
    mounted = [e.data for e in disaster.events if e.kind == "step" and "point" in e.data][1]
    assert mounted["point"] == POINTS[0]
    paths = [request.path for request in disaster.primary.requests]
    assert paths.index("/free") < paths.index("/prompt")


def test_a_point_that_was_taken_after_the_fault_is_never_used(disaster: Disaster) -> None:
    between = "20261122T201532.000Z"

    assert disaster.in_place("output", point=between).run() is RunbookEnd.DONE

    assert disaster.repaired == [(POINTS[0], ("output",))]


@pytest.mark.parametrize("point", ["", "20200101T000000.000Z"])
def test_without_a_point_from_before_the_fault_nothing_is_brought_back(
    disaster: Disaster, point: str
) -> None:
    assert disaster.in_place("output", point=point).run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert point in disaster.last_detail()
    assert "holds no recovery point" in disaster.last_detail()
    assert disaster.repaired == []
    assert ON not in disaster.commands


def test_a_point_that_cannot_be_used_ends_the_runbook(disaster: Disaster) -> None:
    disaster.damaged = {POINTS[-1]}

    assert disaster.in_place("output").run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert "is damaged" in disaster.last_detail()
    assert ON not in disaster.commands


def test_a_service_that_does_not_forget_its_models_is_not_switched_to(disaster: Disaster) -> None:
    usual = disaster.primary.answer
    disaster.primary.answer = lambda request: (
        Reply(500) if request.path == "/free" else usual(request)
    )

    assert disaster.in_place("models").run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert "does not free its memory" in disaster.last_detail()
    assert ON not in disaster.commands


def test_the_sites_disk_comes_back_before_anything_is_started(disaster: Disaster) -> None:
    disaster.target.kill([SERVICE])
    running: list[bool] = []

    def power_on(target: Target) -> str:
        running.append(target.state(SERVICE).running)
        return "the journal was replayed"

    assert disaster.in_place(power_on=power_on).run() is RunbookEnd.DONE

    assert running == [False]
    started = next(e.data for e in disaster.events if e.kind == "step" and "detail" in e.data)
    assert started["detail"].startswith("the journal was replayed; ")


def test_a_disk_that_does_not_come_back_ends_the_runbook(disaster: Disaster) -> None:
    def power_on(_target: Target) -> str:
        raise EnvironmentProblem("e2fsck found what it cannot mend")

    assert disaster.in_place(power_on=power_on).run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert "e2fsck" in disaster.last_detail()


def test_a_primary_that_still_colours_wrongly_is_refused_and_stays_fenced(
    disaster: Disaster,
) -> None:
    disaster.scoring.found = WRONG

    assert disaster.in_place().run() is RunbookEnd.REFUSED

    assert disaster.steps()[-1] == ("verify", "fail")
    assert disaster.commands == [FENCE]


def test_a_gateway_that_refuses_to_fence_ends_the_runbook_before_anything_is_killed(
    disaster: Disaster,
) -> None:
    disaster.gateway_says = "No such server.\n"

    assert disaster.in_place().run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert disaster.target.calls == []
