"""Is the DR site what the primary was? What differs is mended, and written down either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from colordrill.recover.probes import Deviation, deviations
from colordrill.recover.steps import RunbookEnd
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, PartDescription
from unit.recover.conftest import AS_CONFIGURED, CONFIGURED

if TYPE_CHECKING:
    from unit.recover.conftest import Disaster

STALE = replace(AS_CONFIGURED, image="service:1")
MIXED = replace(AS_CONFIGURED, environment={"MODEL_SIZE": "680", "DEVICE": "cuda"})
ELSEWHERE = {**AS_CONFIGURED.mounts, "/unused": "output"}
ELSEWHERE.pop("/comfyui/output")
MISPLACED = replace(AS_CONFIGURED, mounts=ELSEWHERE)
SEALED = replace(AS_CONFIGURED, read_only=("/comfyui/output",))
NOT_RESTARTED = replace(AS_CONFIGURED, restart="no")

DEVIATING = [
    (STALE, "image", "service:1 instead of service:2"),
    (MIXED, "settings", "DEVICE=cuda instead of DEVICE=cpu"),
    (MISPLACED, "mounts", "output at /unused instead of output at /comfyui/output"),
    (SEALED, "mounts", "(read-only) instead of output at /comfyui/output"),
    (NOT_RESTARTED, "restart", "no instead of unless-stopped"),
]


def test_what_is_as_configured_does_not_deviate() -> None:
    assert deviations(CONFIGURED, AS_CONFIGURED) == ()


@pytest.mark.parametrize(("found", "probe", "told"), DEVIATING)
def test_each_deviation_names_what_is_found_and_what_was_wanted(
    found: PartDescription, probe: str, told: str
) -> None:
    named = deviations(CONFIGURED, found)

    assert {each.probe for each in named} == {probe}
    assert any(told in str(each) for each in named)


def test_every_deviation_is_found_at_once() -> None:
    found = replace(STALE, environment=MIXED.environment, restart="no", mounts={})

    probes = [each.probe for each in deviations(CONFIGURED, found)]

    assert probes == ["image", "settings", "settings", "restart", *["mounts"] * 4]


def test_a_setting_that_is_missing_is_a_deviation_in_both_directions() -> None:
    without: Mapping[str, str] = {k: v for k, v in CONFIGURED.items() if k != "DEVICE"}

    assert deviations(without, AS_CONFIGURED) == (Deviation("settings", "", "DEVICE=cpu"),)
    bare = replace(AS_CONFIGURED, environment={"MODEL_SIZE": "512"})
    assert [str(each) for each in deviations(CONFIGURED, bare)] == ["nothing instead of DEVICE=cpu"]


def test_a_site_that_is_as_the_primary_was_is_left_as_it_is(disaster: Disaster) -> None:
    assert disaster.runbook.run() is RunbookEnd.DONE

    assert disaster.readiness() == dict.fromkeys(
        ("image", "settings", "mounts", "restart", "writable"), "as_primary"
    )
    assert not any(call[0] == "recreate" for call in disaster.target.calls)


def deviate(disaster: Disaster, found: PartDescription) -> None:
    """Only the running container deviates; the project describes it rightly."""
    disaster.target.parts[Part.DR_COLORIZATION].description = found


@pytest.mark.parametrize(("found", "probe", "told"), DEVIATING)
def test_a_site_that_deviates_is_created_anew_before_it_is_started(
    disaster: Disaster, found: PartDescription, probe: str, told: str
) -> None:
    deviate(disaster, found)

    assert disaster.runbook.run() is RunbookEnd.DONE

    assert disaster.readiness()[probe] == "mended"
    assert list(disaster.readiness().values()).count("mended") == 1
    calls = [call for call in disaster.target.calls if call[1:] == ("dr-colorization",)]
    assert [call[0] for call in calls] == ["recreate", "start"]
    started = next(e.data for e in disaster.events if e.kind == "step" and "detail" in e.data)
    assert told in started["detail"]


def test_a_project_that_describes_another_service_is_mended_by_the_points_configuration(
    disaster: Disaster,
) -> None:
    """The compose file is stale too: image and settings come from the recovery point."""
    stale = replace(STALE, environment=MIXED.environment)
    deviate(disaster, stale)
    disaster.target._created[Part.DR_COLORIZATION].description = stale

    assert disaster.runbook.run() is RunbookEnd.DONE

    now = disaster.target.description(Part.DR_COLORIZATION)
    assert (now.image, now.environment["DEVICE"]) == ("service:2", "cpu")


@pytest.mark.parametrize(("found", "probe"), [(MISPLACED, "mounts"), (NOT_RESTARTED, "restart")])
def test_what_cannot_be_mended_ends_the_runbook_and_is_written_down(
    disaster: Disaster, found: PartDescription, probe: str
) -> None:
    deviate(disaster, found)
    disaster.target._created[Part.DR_COLORIZATION].description = found

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert disaster.readiness() == {probe: "differs"}
    assert "not what the configuration says" in disaster.last_detail()
    assert not disaster.target.state(Part.DR_COLORIZATION).running


@pytest.mark.parametrize(
    "answer",
    [
        Executed(1, "", "No such file or directory"),
        Executed(0, "", ""),
        Executed(0, "IMAGE\n", ""),
        Executed(0, "<html>", ""),
        Executed(124, "", ""),
    ],
)
def test_without_a_readable_configuration_nothing_is_started(
    disaster: Disaster, answer: Executed
) -> None:
    disaster.target.programs["cat"] = lambda _part, _command: answer

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps() == [("start", "fail")]
    assert "no readable configuration" in disaster.last_detail()
    assert disaster.readiness() == {}
    assert not disaster.target.state(Part.DR_COLORIZATION).running


def test_folders_that_refuse_a_file_get_their_owner_again(disaster: Disaster) -> None:
    disaster.unwritable = {"output", "workflows"}

    assert disaster.runbook.run() is RunbookEnd.DONE

    assert disaster.readiness()["writable"] == "mended"
    put = {call[2] for call in disaster.target.calls if call[0] == "put_files"}
    assert put == {"output", "workflows"}
    mounted = [e.data for e in disaster.events if e.kind == "step" and "point" in e.data][1]
    assert "output, workflows could not be written" in mounted["detail"]


def test_a_folder_that_stays_unwritable_ends_the_runbook_before_anything_is_restored(
    disaster: Disaster,
) -> None:
    def refuse(_part: Part, command: Any) -> Executed:
        return Executed(1 if "/output/" in command[-1] else 0, "", "Read-only file system")

    disaster.target.programs["sh"] = refuse

    assert disaster.runbook.run() is RunbookEnd.FAILED

    assert disaster.steps()[-1] == ("mount", "fail")
    assert disaster.readiness()["writable"] == "differs"
    assert disaster.restored == []
