"""ComfyUI's own web page makes the same API form of a graph as the conversion here does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clients.reference import Reference
from clients.web_page import web_page
from colordrill.data import fixtures
from colordrill.drill.workflows import definitions_of
from colordrill.scenario.service import ColorizeNode
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.conversion import classes_of, derive, is_link
from colordrill.workload.workflow_files import Prompt
from colordrill.workload.workflows import load_workflows

GRAPHS = Path(__file__).parent / "graphs"
PACK_NODE = ColorizeNode(
    class_type="DDColor_Colorize",
    size_input="model_input_size",
    model_input="checkpoint",
    person_size_px=512,
    building_size_px=960,
)
TO_PROMPT = "async (form) => { await app.loadGraphData(form); return app.graphToPrompt(); }"


def forms() -> dict[str, dict[str, Any]]:
    """Graphs as people save them, the bundled workflows, and those rewritten for another node."""
    found = {path.stem: json.loads(path.read_bytes()) for path in GRAPHS.glob("*.json")}
    for node in (ColorizeNode(), PACK_NODE):
        for object_type, workflow in load_workflows(fixtures() / "workflows", node).items():
            found[f"{object_type} for {node.class_type}"] = json.loads(workflow.ui_form)
    return found


def by_class(prompt: Prompt) -> dict[str, Any]:
    """Ids aside, because the page names the nodes of an unfolded subgraph in its own way."""
    assert len({node["class_type"] for node in prompt.values()}) == len(prompt)
    return {
        node["class_type"]: {
            name: [prompt[value[0]]["class_type"], value[1]] if is_link(value) else value
            for name, value in node["inputs"].items()
        }
        for node in prompt.values()
    }


def test_the_page_makes_the_same_of_every_graph(reference: Reference, tmp_path: Path) -> None:
    graphs = forms()
    reference.forget_visits()
    with ComfyClient(reference.url) as client:
        derived = {
            name: derive(form, definitions_of(client, classes_of(form)))
            for name, form in graphs.items()
        }

    with web_page(reference.url, tmp_path / "page.png") as session:
        session.open(reference.url)
        pages = {
            name: session.page.evaluate(TO_PROMPT, form)["output"] for name, form in graphs.items()
        }

    assert len(pages) == 7
    assert {name: by_class(prompt) for name, prompt in derived.items()} == {
        name: by_class(prompt) for name, prompt in pages.items()
    }
