from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.workload.conversion import classes_of, derive, differences, layout_of
from colordrill.workload.workflow_files import Prompt, WorkflowProblem, read_forms
from fakes.object_info import definition, definitions

GRAPHS = Path(__file__).parents[2] / "workflows" / "graphs"


def graph(name: str) -> dict[str, Any]:
    form: dict[str, Any] = json.loads((GRAPHS / f"{name}.json").read_text(encoding="utf-8"))
    return form


def bundled(name: str = "人物") -> tuple[dict[str, Any], Prompt]:
    forms = read_forms(fixtures() / "workflows", f"DDColor{name}黑白修复.json")
    assert forms.ui is not None
    assert forms.api is not None
    return dict(forms.ui), forms.api


def by_class(prompt: Prompt) -> dict[str, Any]:
    assert len({node["class_type"] for node in prompt.values()}) == len(prompt)
    return {node["class_type"]: node["inputs"] for node in prompt.values()}


@pytest.mark.parametrize("name", ["人物", "建筑"])
def test_the_kept_api_forms_are_what_the_ui_forms_say(name: str) -> None:
    ui, api = bundled(name)

    assert derive(ui, definitions()) == api


@pytest.mark.parametrize("value", ["person 2.png", "image", "照片.png"])
def test_an_uploaded_photo_need_not_be_there(value: str) -> None:
    ui, _ = bundled()
    ui["nodes"][0]["widgets_values"][0] = value

    assert by_class(derive(ui, definitions()))["LoadImage"] == {"image": value}


def test_notes_and_muted_nodes_are_dropped_reroutes_followed_and_primitives_filled_in() -> None:
    prompt = derive(graph("notes_reroutes_primitive"), definitions())

    assert by_class(prompt) == {
        "LoadImage": {"image": "photo.png"},
        "DDColor_Colorize": {
            "image": ["1", 0],
            # the primitive's, not the 512 that the node itself still stores
            "model_input_size": 96,
            "checkpoint": "ddcolor_paper_tiny.pth",
        },
        "SaveImage": {"images": ["2", 0], "filename_prefix": "graph"},
    }


def test_a_bypassed_node_lets_its_input_through_and_what_is_off_is_not_sent() -> None:
    prompt = derive(graph("muted_and_bypassed"), definitions())

    assert prompt.keys() == {"1", "3", "4"}
    assert prompt["3"]["inputs"]["image"] == ["1", 0]
    assert prompt["3"]["inputs"]["model_input_size"] == 64


def test_a_subgraph_is_unfolded_with_the_value_that_its_own_widget_shows() -> None:
    form = graph("subgraph")

    inputs = by_class(derive(form, definitions()))

    assert classes_of(form) == {"LoadImage", "DDColor_Colorize", "SaveImage"}
    assert inputs["DDColor_Colorize"]["model_input_size"] == 96
    assert inputs["DDColor_Colorize"]["image"] == ["1", 0]


def test_an_input_that_a_muted_node_feeds_is_not_sent() -> None:
    form = graph("muted_and_bypassed")
    next(node for node in form["nodes"] if node["id"] == 6)["mode"] = 0

    assert derive(form, definitions())["6"]["inputs"] == {"filename_prefix": "never"}


def test_a_checkpoint_that_the_service_lacks_is_named_and_never_replaced() -> None:
    form = graph("muted_and_bypassed")
    form["nodes"][2]["widgets_values"] = [64, "stale.pth"]

    with pytest.raises(WorkflowProblem, match=r"'stale\.pth'.*fits none of checkpoint"):
        derive(form, definitions())


def test_a_node_that_the_service_does_not_know_is_named_and_never_dropped() -> None:
    nodes = definitions()
    del nodes["DDColor_Colorize"]

    with pytest.raises(WorkflowProblem, match="does not know the node DDColor_Colorize"):
        derive(graph("subgraph"), nodes)


def test_a_value_that_an_older_node_did_not_have_gets_its_default() -> None:
    ui, _ = bundled()
    nodes = definitions()
    offered = nodes["DDColor-ddcolorize"]["input"]["required"]
    offered["strength"] = ["FLOAT", {"default": 1.0}]

    assert by_class(derive(ui, nodes))["DDColor-ddcolorize"]["strength"] == 1.0


def test_the_value_after_a_seed_belongs_to_no_input() -> None:
    nodes = definitions()
    offered = {"images": ["IMAGE"], "seed": ["INT", {"default": 0}], "mode": [["a", "b"]]}
    nodes["PreviewImage"] = definition("Preview", offered, ())
    form = graph("notes_reroutes_primitive")
    preview = next(node for node in form["nodes"] if node["id"] == 8)
    preview.update(mode=0, widgets_values=[7, "randomize", "b"])

    inputs = derive(form, nodes)["8"]["inputs"]

    assert inputs == {"images": ["2", 0], "seed": 7, "mode": "b"}


@pytest.mark.parametrize("values", [{"model": "a", "size": 5}, {}])
def test_values_stored_by_name_are_refused(values: dict[str, Any]) -> None:
    ui, _ = bundled()
    ui["nodes"][1]["widgets_values"] = values

    with pytest.raises(WorkflowProblem, match="stores its values by name"):
        derive(ui, definitions())


@pytest.mark.parametrize(
    "form",
    [
        {"nodes": [], "links": []},
        {"nodes": [5], "links": []},
        {"nodes": [{"id": 1}], "links": []},
        {"nodes": [{"type": "LoadImage"}], "links": []},
        {"nodes": [{"id": 1, "type": "SaveImage", "inputs": [{"name": "images", "link": 9}]}]},
        {
            "nodes": [{"id": 1, "type": "SaveImage", "inputs": [{"name": "images", "link": 9}]}],
            "links": [],
        },
        {"nodes": [{"id": 1, "type": "LoadImage", "widgets_values": 5}], "links": []},
        {"nodes": [{"id": 1, "type": "LoadImage", "inputs": 5}], "links": []},
        {"nodes": [{"id": 1, "type": ["LoadImage"]}], "links": []},
        {"nodes": [{"id": 1, "type": "LoadImage"}], "links": ["x", [None]]},
    ],
)
def test_a_broken_graph_is_a_problem_with_its_cause(form: dict[str, Any]) -> None:
    with pytest.raises(WorkflowProblem, match="cannot be turned into an API form"):
        derive(form, definitions())


def test_reroutes_in_a_ring_are_a_problem() -> None:
    form = graph("notes_reroutes_primitive")
    reroute = next(node for node in form["nodes"] if node["id"] == 5)
    reroute["inputs"][0]["link"] = 2

    with pytest.raises(WorkflowProblem, match="Cycle"):
        derive(form, definitions())


def test_differences_name_node_input_and_both_values() -> None:
    _, api = bundled()
    changed = json.loads(json.dumps(api))
    changed["2"]["inputs"]["size"] = 460
    changed["2"]["inputs"]["extra"] = 1
    changed["3"]["class_type"] = "PreviewImage"
    changed["9"] = changed.pop("1")

    assert differences(changed, api) == [
        "node 1 is only in the UI form",
        "node 2: extra is 1, in the UI 'absent'",
        "node 2: size is 460, in the UI 680",
        "node 3 is PreviewImage, in the UI SaveImage",
        "node 9 is only in the API form",
    ]


def test_titles_are_no_difference() -> None:
    _, api = bundled()
    changed = json.loads(json.dumps(api))
    changed["1"]["_meta"]["title"] = "Bild laden"

    assert differences(changed, api) == []


def test_a_layout_has_the_services_order_and_defaults_for_what_is_not_configured() -> None:
    offered = {
        "image": ["IMAGE"],
        "device": [["cpu", "cuda"]],
        "px": ["INT", {"default": 512}],
        "dtype": ["COMBO", {"options": ["fp16", "fp32"]}],
        "weights": [["a.pth"], {"default": "a.pth"}],
    }
    optional = {"strength": ["FLOAT", {"default": 0.5}]}
    node = definition("Mine", offered, ("IMAGE",), optional=optional)

    layout = layout_of(node, "Mine", frozenset({"px", "weights"}))

    assert layout.widgets == ("device", "px", "dtype", "weights", "strength")
    assert layout.defaults == {"device": "cpu", "dtype": "fp16", "strength": 0.5}
