"""Whether the bundled workflows fit the reference's own nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from colorservice.node_specs import NODE_SPECS
from colorservice.object_info import describe
from colorservice.settings import Settings

WORKFLOWS = Path(__file__).parents[2] / "fixtures" / "workflows"
LINK_TYPES = {"IMAGE", "MASK"}


@pytest.mark.parametrize("name", ["DDColor人物黑白修复", "DDColor建筑黑白修复"])
def test_the_page_form_of_a_bundled_workflow_is_its_api_form(tmp_path: Path, name: str) -> None:
    page_form = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    api_form = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text(encoding="utf-8"))
    settings = Settings(tmp_path)
    settings.create_folders()
    info = {class_type: describe(spec, settings) for class_type, spec in NODE_SPECS.items()}
    assert convert(page_form, info) == {
        node_id: {"class_type": node["class_type"], "inputs": node["inputs"]}
        for node_id, node in api_form.items()
    }


def convert(workflow: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Turn the page's form into the API's, for workflows without notes, groups and subgraphs."""
    links = {link[0]: link for link in workflow["links"]}
    prompt = {}
    for node in workflow["nodes"]:
        described = info[node["type"]]["input"]["required"]
        sockets = {entry["name"]: entry for entry in node["inputs"]}
        values = iter(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for name, (kind, *_options) in described.items():
            if isinstance(kind, str) and kind in LINK_TYPES:
                _id, source, slot, target, target_slot, link_kind = links[sockets[name]["link"]]
                assert target == node["id"]
                assert node["inputs"][target_slot]["name"] == name
                assert link_kind == kind
                inputs[name] = [str(source), slot]
            else:
                inputs[name] = next(values)
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt
