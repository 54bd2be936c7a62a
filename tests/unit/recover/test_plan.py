"""A dry run: what it says, and that it changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from colordrill.drill import incident_plan
from colordrill.drill.incident import Order
from colordrill.drill.incident_plan import Plan, plan
from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.recover.choosing import Wish
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.service import Reply
from unit.recover.broken import DR, Incident, broken_stack
from unit.recover.conftest import POINTS

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster


@pytest.fixture
def broken(disaster: Disaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incident:
    broken = broken_stack(disaster, tmp_path, monkeypatch)
    monkeypatch.setattr(incident_plan, "SystemClock", lambda: disaster.clock)
    return broken


def planned(*, force: bool = False, point: str | None = None) -> Plan:
    return plan(Settings(), Order(None, Wish(point), force))


def test_it_says_what_each_step_would_do_and_changes_nothing(broken: Incident) -> None:
    calls = list(broken.disaster.target.calls)

    found = planned()

    assert (found.way, found.refused, found.exit_code) == ("begin", False, 0)
    assert (found.point, found.differs) == (POINTS[-1], ())
    assert found.point_age_s == pytest.approx(6.0, abs=0.01)
    assert list(found.steps) == ["start", "mount", "verify", "switch", "record"]
    assert f"restore {POINTS[-1]}" in found.steps["mount"]
    assert "the DR site is empty" in found.steps["mount"]
    assert broken.disaster.target.calls == calls
    assert broken.disaster.dr.requests == broken.disaster.primary.requests == []
    assert list(broken.directory.iterdir()) == []
    assert not broken.out.exists()


def test_whether_a_primary_that_answers_is_healthy_is_not_known_without_canaries(
    broken: Incident,
) -> None:
    broken.primary_runs()

    found = planned()

    assert (found.refused, found.exit_code) == (None, 3)
    assert {each.method for each in broken.disaster.primary.requests} == {"GET"}
    assert planned(force=True).refused is False


def test_a_primary_that_does_not_answer_is_no_reason_to_refuse(broken: Incident) -> None:
    broken.primary_runs()
    broken.disaster.primary.answer = lambda _request: Reply(503)

    assert planned().refused is False


def test_a_container_that_differs_is_told(broken: Incident) -> None:
    part = broken.disaster.target.parts[DR]
    part.description = replace(part.description, image="service:1")

    found = planned()

    assert found.differs == ("image: service:1 instead of service:2",)
    assert "anew" in found.steps["start"]


def test_a_dr_site_that_holds_files_of_nobodys_recovery_would_fail(broken: Incident) -> None:
    broken.site.files["output/theirs.png"] = "a user"

    found = planned()

    assert "this would FAIL" in found.steps["mount"]
    assert found.exit_code == 4


@pytest.mark.parametrize("held", [{}, {"output/a.png": "a rehearsal"}])
def test_what_a_killed_rehearsal_left_would_be_taken_back_and_does_not_fail(
    broken: Incident, held: dict[str, str]
) -> None:
    marker = broken.directory / MARKER
    marker.write_text("rehearsal-0123abcd")
    broken.site.files = held
    broken.disaster.target.programs["python3"] = lambda *_: Executed(0, "[]", "")

    found = planned()

    assert found.exit_code == 0
    assert "killed rehearsal of readiness" in found.steps["start"]
    assert "FAIL" not in found.steps["mount"]
    assert marker.exists()


def test_what_somebody_wrote_after_a_killed_rehearsal_would_fail(broken: Incident) -> None:
    (broken.directory / MARKER).write_text("rehearsal-0123abcd")
    broken.site.files = {"output/theirs.png": "a user"}
    told = Executed(0, '["output/theirs.png"]', "")
    broken.disaster.target.programs["python3"] = lambda *_: told

    found = planned()

    assert found.exit_code == 4
    assert "this would FAIL" in found.steps["mount"]
    assert "output/theirs.png" in found.steps["mount"]


def test_a_broken_off_recovery_would_be_gone_on_with(broken: Incident) -> None:
    broken.kill_in("verify")

    found = planned()

    assert found.way == "resume"
    assert POINTS[-1] in found.steps["mount"]
    assert "leave the DR container as it runs" in found.steps["start"]


def test_after_a_recovery_nothing_would_be_done(broken: Incident) -> None:
    broken.start()

    found = planned()

    assert (found.way, found.steps, found.exit_code) == ("nothing", {}, 0)


def test_the_data_of_an_active_dr_site_would_be_left(broken: Incident) -> None:
    broken.start()
    broken.disaster.target.kill([DR])

    found = planned()

    assert (found.way, found.point) == ("resume", None)
    assert "users may have written to it" in found.steps["mount"]


def test_a_point_that_there_is_not_is_refused(broken: Incident) -> None:
    with pytest.raises(UnknownName):
        planned(point="20200101T000000.000Z")


def test_a_dr_site_that_cannot_be_looked_at_is_an_environment_problem(broken: Incident) -> None:
    broken.disaster.target.programs["find"] = lambda *_: Executed(1, "", "No such file")

    with pytest.raises(EnvironmentProblem, match="cannot be looked at: No such file"):
        planned()


def test_without_its_gateway_nothing_is_planned(broken: Incident) -> None:
    broken.disaster.target.kill([Part.GATEWAY])

    with pytest.raises(EnvironmentProblem, match="gateway"):
        planned()
