from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.history import EventType
from colordrill.recover.steps import RunbookEnd, SiteRefused, StepDone
from colordrill.stack.parts import Site

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster


def steps(disaster: Disaster) -> list[tuple[str, str]]:
    return [(e.data["step"], e.type.value) for e in disaster.events if e.kind == "step"]


def test_steps_are_taken_in_order_each_begun_and_ended(disaster: Disaster) -> None:
    end = disaster.operator.carry_out(
        [("one", lambda: StepDone("did one")), ("two", lambda: StepDone("did two"))]
    )

    assert end is RunbookEnd.DONE
    assert steps(disaster) == [
        *(("one", each) for each in ("invoke", "ok")),
        *(("two", each) for each in ("invoke", "ok")),
    ]
    assert [e.data["detail"] for e in disaster.events if e.type is EventType.OK] == [
        "did one",
        "did two",
    ]


def test_each_step_is_timed_and_told(disaster: Disaster) -> None:
    def slow() -> StepDone:
        disaster.clock.advance(2.5)
        return StepDone("started")

    disaster.operator.carry_out([("start", slow)])

    began, ended = (event for event in disaster.events if event.kind == "step")
    assert (ended.t_ns - began.t_ns) / 1e9 == pytest.approx(2.5)
    assert disaster.said == ["runbook start: started (2.5 s)"]


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (EnvironmentProblem("no"), RunbookEnd.FAILED),
        (SiteRefused("no"), RunbookEnd.REFUSED),
    ],
)
def test_the_first_step_that_fails_is_the_last(
    disaster: Disaster, error: EnvironmentProblem, end: RunbookEnd
) -> None:
    def fail() -> StepDone:
        raise error

    taken = [("one", lambda: StepDone("done")), ("two", fail), ("three", fail)]

    assert disaster.operator.carry_out(taken) is end

    assert steps(disaster)[-2:] == [("two", "invoke"), ("two", "fail")]
    assert disaster.said[-1] == "runbook step two failed: no"


def test_the_point_that_a_site_stands_on_is_kept_by_the_steps_after_it(
    disaster: Disaster,
) -> None:
    disaster.operator.carry_out(
        [
            ("start", lambda: StepDone("")),
            ("mount", lambda: StepDone("", "20261122T201530.123Z")),
            ("verify", lambda: StepDone("")),
        ]
    )

    points = [e.data["point"] for e in disaster.events if e.type is EventType.OK]
    assert points == [None, "20261122T201530.123Z", "20261122T201530.123Z"]


def test_a_probes_finding_is_a_note_of_its_own(disaster: Disaster) -> None:
    disaster.operator.probed(Site.DR, "image", "differs", "service:1 instead of service:2")

    (note,) = [e for e in disaster.events if e.kind == "readiness"]
    assert note.data == {
        "site": "dr",
        "probe": "image",
        "outcome": "differs",
        "detail": "service:1 instead of service:2",
    }
