from __future__ import annotations

import copy
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.workload.workflow_check import unknown_nodes, wrong_inputs
from colordrill.workload.workflow_files import read_forms
from fakes.object_info import definition, definitions


@pytest.fixture
def prompt() -> dict[str, Any]:
    forms = read_forms(fixtures() / "workflows", "DDColor人物黑白修复.json")
    return copy.deepcopy(dict(forms.api or {}))


def test_a_bundled_workflow_fits(prompt: dict[str, Any]) -> None:
    assert unknown_nodes(prompt, definitions()) == []
    assert wrong_inputs(prompt, definitions()) == []


def test_a_node_that_the_service_does_not_know_is_named(prompt: dict[str, Any]) -> None:
    nodes = definitions()
    del nodes["DDColor-ddcolorize"]

    (cause,) = unknown_nodes(prompt, nodes)

    assert "DDColor-ddcolorize" in cause
    assert wrong_inputs(prompt, nodes) == []


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ({"size": 31}, "size is 31, less than 32"),
        ({"size": 4097}, "size is 4097, more than 4096"),
        ({"size": "680"}, "size is '680', not a whole number"),
        ({"size": 680.0}, "size is 680.0, not a whole number"),
        ({"size": True}, "size is True, not a whole number"),
        ({"size": None}, "size is None, not a whole number"),
        ({"model": "stale.pth"}, "model is 'stale.pth', which the service does not offer"),
        ({"model": None}, "model is None, which the service does not offer"),
        ({"device": "cpu"}, "has no input device; it has image, model, size"),
        ({"image": ["1", 1]}, "image takes IMAGE, node 1 gives MASK"),
        ({"image": ["1", 2]}, "image comes from output 2 of node 1, which has 2"),
        ({"image": ["1", -1]}, "image comes from output -1 of node 1"),
        ({"image": ["8", 0]}, "image comes from node 8, which there is not"),
        ({"image": "photo.png"}, "image takes a link to IMAGE, not 'photo.png'"),
        ({"size": ["1", 0]}, "size takes INT, node 1 gives IMAGE"),
    ],
)
def test_an_input_that_does_not_fit_is_named_with_its_value(
    prompt: dict[str, Any], inputs: dict[str, Any], cause: str
) -> None:
    prompt["2"]["inputs"].update(inputs)

    (found,) = wrong_inputs(prompt, definitions())

    assert found.startswith("node 2 (DDColor-ddcolorize): ")
    assert cause in found


@pytest.mark.parametrize("name", ["image", "model", "size"])
def test_a_required_input_that_is_missing_is_named(prompt: dict[str, Any], name: str) -> None:
    del prompt["2"]["inputs"][name]

    (found,) = wrong_inputs(prompt, definitions())

    assert f"the required input {name} is missing" in found


def test_a_size_between_the_steps_is_wrong_though_the_service_would_take_it(
    prompt: dict[str, Any],
) -> None:
    inputs = {"image": ["1", 0], "checkpoint": "ddcolor_paper_tiny.pth", "model_input_size": 680}
    prompt["2"] = {"class_type": "DDColor_Colorize", "inputs": inputs}

    (found,) = wrong_inputs(prompt, definitions())

    assert "model_input_size is 680, which the page would round: it takes steps of 32" in found


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        (["STRING", {}], "x", True),
        (["STRING", {}], 5, False),
        (["BOOLEAN", {}], True, True),
        (["BOOLEAN", {}], 1, False),
        (["FLOAT", {"min": 0.0, "max": 1.0, "step": 0.01}], 0.333, True),
        (["FLOAT", {"min": 0.0, "max": 1.0}], 1.5, False),
        (["FLOAT", {}], "1", False),
        (["COMBO", {"options": ["a"]}], "a", True),
        (["COMBO", {"options": ["a"]}], "b", False),
        (["*", {}], 5, True),
        (["IMAGE,MASK", {}], ["1", 1], True),
        (["*", {}], ["1", 1], True),
        ([["a"], {}], ["1", 0], False),
    ],
)
def test_values_and_links_are_judged_by_the_kind_of_their_input(
    prompt: dict[str, Any], kind: list[Any], value: object, *, fits: bool
) -> None:
    nodes = definitions()
    nodes["Other"] = definition("Other", {}, (), optional={"x": kind})
    prompt["4"] = {"class_type": "Other", "inputs": {"x": value}}

    assert (wrong_inputs(prompt, nodes) == []) is fits


def test_inputs_that_grow_are_taken_by_their_common_name(prompt: dict[str, Any]) -> None:
    nodes = definitions()
    nodes["Batch"] = definition("Batch", {"images": ["COMFY_AUTOGROW_V3", {}]}, ("IMAGE",))
    prompt["4"] = {"class_type": "Batch", "inputs": {"images.image0": ["1", 0]}}

    assert wrong_inputs(prompt, nodes) == []


@pytest.mark.parametrize("broken", [{}, {"input": 5}, {"input": {"required": {"image": []}}}])
def test_a_definition_that_is_none_is_a_cause_and_no_crash(
    prompt: dict[str, Any], broken: dict[str, Any]
) -> None:
    found = wrong_inputs(prompt, definitions() | {"DDColor-ddcolorize": broken})

    assert any("is not understood" in each for each in found)
