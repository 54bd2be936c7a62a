"""The judgements of a service's contract, from facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from colordrill.drill.contract import (
    Outcome,
    judge_checkpoint_offered,
    judge_first_picture,
    judge_messages,
    judge_node,
    judge_owner,
    judge_termination,
    judge_version,
)
from colordrill.scenario.service import ColorizeNode
from colordrill.stack.ownership import Owner

NODE = ColorizeNode()


def definition(**inputs: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "image": ["IMAGE"],
        "size": ["INT", {"min": 32, "max": 4096}],
        "model": [["ddcolor_nano.safetensors"]],
    }
    return {"input": {"required": {**known, **inputs}}}


def test_a_version_is_read_and_its_absence_is_unknown() -> None:
    assert judge_version({"system": {"comfyui_version": "0.3.64"}}).outcome is Outcome.HOLDS
    assert judge_version({}).outcome is Outcome.UNKNOWN
    assert judge_version({"system": "nonsense"}).outcome is Outcome.UNKNOWN


def test_a_node_with_the_configured_inputs_holds() -> None:
    assert judge_node(NODE, definition()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (ColorizeNode(size_input="model_input_size"), "model_input_size"),
        (ColorizeNode(building_size_px=5000), "5000"),
        (ColorizeNode(person_size_px=16), "16"),
    ],
)
def test_an_input_or_size_that_the_node_has_not_is_named(wanted: ColorizeNode, said: str) -> None:
    found = judge_node(wanted, definition())

    assert found.outcome is Outcome.MISSING
    assert said in found.detail
    assert found.remedy


@pytest.mark.parametrize("nonsense", [{}, {"input": None}, {"input": {"required": []}}])
def test_a_definition_that_is_none_is_no_crash(nonsense: dict[str, Any]) -> None:
    assert judge_node(NODE, nonsense).outcome is Outcome.MISSING
    assert judge_checkpoint_offered(NODE, nonsense).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ([["ddcolor_nano.safetensors", "b"]], Outcome.HOLDS),
        (["COMBO", {"options": ["ddcolor_nano.safetensors"]}], Outcome.HOLDS),
        ([["another.pth"]], Outcome.MISSING),
        ([[]], Outcome.MISSING),
        (["STRING", {}], Outcome.UNKNOWN),
        ([], Outcome.UNKNOWN),
    ],
)
def test_the_checkpoint_must_be_offered(entry: list[Any], outcome: Outcome) -> None:
    assert judge_checkpoint_offered(NODE, definition(model=entry)).outcome is outcome


def test_messages_without_an_end_are_not_whole() -> None:
    begun = ("execution_start", "executed")
    told: list[dict[str, Any]] = [{"type": name, "data": {}} for name in begun]
    told.append({"type": "executing", "data": {"node": "3"}})

    found = judge_messages(told)

    assert found.outcome is Outcome.MISSING
    assert "the end" in found.detail
    end = {"type": "executing", "data": {"node": None}}
    assert judge_messages([*told, end]).outcome is Outcome.HOLDS


def test_files_of_another_user_than_the_agents_are_found() -> None:
    """An entry point that drops its privileges: the image says root, the files say otherwise."""
    found = judge_owner({"output": Owner(999, 999)}, Owner(0, 0))

    assert found.outcome is Outcome.MISSING
    assert 'service.user = "999:999"' in found.remedy
    assert judge_owner({"output": Owner(0, 0)}, Owner(0, 0)).outcome is Outcome.HOLDS
    assert judge_owner({}, Owner(0, 0)).outcome is Outcome.UNKNOWN


def test_what_sigterm_does_is_told_either_way() -> None:
    assert "ignored" in judge_termination(None, None, 5.0).detail
    assert "143" in judge_termination(0.1, 143, 5.0).detail


def test_a_first_picture_after_the_objective_is_missing() -> None:
    assert judge_first_picture(59.0, 60.0).outcome is Outcome.HOLDS
    late = judge_first_picture(61.0, 60.0)
    assert late.outcome is Outcome.MISSING
    assert "objectives.rto_s" in late.remedy
