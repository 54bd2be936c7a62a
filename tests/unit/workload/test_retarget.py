from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.scenario.service import ColorizeNode
from colordrill.workload.conversion import derive, differences
from colordrill.workload.object_types import PERSON
from colordrill.workload.retarget import NodeLayout, Retarget
from colordrill.workload.workflow_files import WorkflowProblem, read_forms
from fakes.object_info import definition, definitions

MINE = ColorizeNode("Mine", "picture", "px", "weights", "mine.pth", 640, 1024)
LAYOUT = NodeLayout(("device", "px", "weights"), {"device": "cpu"})


def retarget(before: tuple[str, ...] = ("model", "size")) -> Retarget:
    return Retarget(ColorizeNode(), MINE, NodeLayout(before), LAYOUT, PERSON)


@pytest.fixture
def forms() -> tuple[dict[str, Any], dict[str, Any]]:
    """The person workflow's UI and API form."""
    read = read_forms(fixtures() / "workflows", "DDColor人物黑白修复.json")
    assert read.ui is not None
    assert read.api is not None
    return dict(read.ui), dict(read.api)


def test_both_forms_stay_one_workflow_also_with_an_input_that_the_old_node_lacks(
    forms: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    ui, api = forms
    offered = {
        "picture": ["IMAGE"],
        "device": [["cpu", "cuda"], {}],
        "px": ["INT", {}],
        "weights": [["mine.pth"], {}],
    }
    nodes = definitions() | {"Mine": definition("Mine", offered, ("IMAGE",))}

    rewritten_ui, rewritten_api = retarget().ui(ui), retarget().api(api)

    assert differences(rewritten_api, derive(rewritten_ui, nodes)) == []
    assert rewritten_api["2"]["inputs"] == {
        "picture": ["1", 0],
        "device": "cpu",
        "px": 640,
        "weights": "mine.pth",
    }


def test_what_is_rewritten_is_a_copy(forms: tuple[dict[str, Any], dict[str, Any]]) -> None:
    before = copy.deepcopy(forms)

    retarget().ui(forms[0])
    retarget().api(forms[1])

    assert forms == before


def test_a_size_or_checkpoint_that_is_not_the_declared_one_is_kept(
    forms: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    ui, api = forms
    ui["nodes"][1]["widgets_values"] = ["stale.pth", 460]
    api["2"]["inputs"].update(model="stale.pth", size=460)

    assert retarget().ui(ui)["nodes"][1]["widgets_values"] == ["cpu", 460, "stale.pth"]
    inputs = retarget().api(api)["2"]["inputs"]
    assert (inputs["weights"], inputs["px"]) == ("stale.pth", 460)


def test_nodes_inside_subgraphs_are_rewritten_too(
    forms: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    ui, _ = forms
    node = ui["nodes"].pop(1)
    ui["definitions"] = {"subgraphs": [{"nodes": [node]}]}

    rewritten = retarget().ui(ui)

    assert rewritten["definitions"]["subgraphs"][0]["nodes"][0]["type"] == "Mine"
    assert "ddcolorize" not in json.dumps(rewritten)


@pytest.mark.parametrize("stored", [None, [], ["a"], ["a", 1, 2], {"model": "a"}, 5])
def test_a_node_that_stores_other_values_than_its_layout_says_is_refused(
    forms: tuple[dict[str, Any], dict[str, Any]], stored: object
) -> None:
    ui, _ = forms
    ui["nodes"][1]["widgets_values"] = stored

    with pytest.raises(WorkflowProblem, match="node 2 stores"):
        retarget().ui(ui)


@pytest.mark.parametrize("nodes", [[5], [{"type": "DDColor-ddcolorize", "inputs": [{}]}], None])
def test_a_malformed_graph_is_refused(nodes: object) -> None:
    if isinstance(nodes, list) and isinstance(nodes[0], dict):
        nodes[0]["widgets_values"] = ["a", 1]

    with pytest.raises(WorkflowProblem, match="cannot be rewritten"):
        retarget().ui({"nodes": nodes})


@pytest.mark.parametrize(
    "layout",
    [
        NodeLayout(("px",)),
        NodeLayout(("size", "weights")),
        NodeLayout(("px", "weights", "device")),
        NodeLayout(()),
    ],
)
def test_a_layout_that_lacks_a_configured_input_or_leaves_one_empty_is_refused(
    layout: NodeLayout,
) -> None:
    with pytest.raises(WorkflowProblem, match="px and weights"):
        Retarget(ColorizeNode(), MINE, NodeLayout(("model", "size")), layout, PERSON)
