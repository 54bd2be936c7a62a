from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.errors import UsageProblem
from colordrill.scenario.service import ColorizeNode
from colordrill.workload.retarget import NodeLayout
from colordrill.workload.workflow_files import MANIFEST
from colordrill.workload.workflows import BUILDING, PERSON, Workflow, load_workflows

PERSON_FILE = "DDColor人物黑白修复.json"
BUILDING_FILE = "DDColor建筑黑白修复.json"
PACK_NODE = ColorizeNode(
    class_type="DDColor_Colorize",
    size_input="model_input_size",
    model_input="checkpoint",
    checkpoint="ddcolor_paper_tiny.pth",
    person_size_px=512,
    building_size_px=960,
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundled workflows that a test may damage."""
    return Path(shutil.copytree(fixtures() / "workflows", tmp_path / "workflows"))


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def test_the_two_workflows_colour_at_the_sizes_that_their_object_types_need() -> None:
    workflows = load_workflows(fixtures() / "workflows")

    sizes = {name: each.colorize_inputs()["size"] for name, each in workflows.items()}

    assert sizes == {PERSON: 680, BUILDING: 1280}


def test_a_prompt_is_filled_in_and_leaves_the_workflow_as_it_was(workflow: Workflow) -> None:
    before = copy.deepcopy(dict(workflow.api_form))

    prompt = workflow.prompt("照片 1.png", "job-000001")

    inputs = {node["class_type"]: node["inputs"] for node in prompt.values()}
    assert inputs["LoadImage"]["image"] == "照片 1.png"
    assert inputs["SaveImage"]["filename_prefix"] == "job-000001"
    assert dict(workflow.api_form) == before


def test_prompts_share_nothing(workflow: Workflow) -> None:
    first = workflow.prompt("a.png", "a")
    second = workflow.prompt("b.png", "b")

    changed = {key for key in first if first[key] != second[key]}

    assert len(changed) == 2
    assert all(first[key]["inputs"] is not second[key]["inputs"] for key in first)


@pytest.mark.parametrize("node", ["LoadImage", "SaveImage", "colorize"])
@pytest.mark.parametrize("times", [0, 2])
def test_a_workflow_without_or_with_several_of_a_needed_node_is_refused(
    copied: Path, node: str, times: int
) -> None:
    path = copied / "api" / PERSON_FILE
    api_form = json.loads(path.read_bytes())
    (key,) = [
        key
        for key, each in api_form.items()
        if each["class_type"] == node or (node == "colorize" and "DDColor" in each["class_type"])
    ]
    found = api_form.pop(key)
    api_form.update({f"{key}{number}": found for number in range(times)})
    path.write_text(json.dumps(api_form))

    with pytest.raises(UsageProblem, match=f"has {times} nodes"):
        load_workflows(copied)


NO_JSON = (b"", b"{", b"\xff\xfe")
NO_API_FORM = (b"null", b"[]", b"5", b'{"1": 5}', b'{"1": {"class_type": "LoadImage"}}')


@pytest.mark.parametrize(
    ("folder", "content"),
    [("", each) for each in NO_JSON] + [("api", each) for each in NO_JSON + NO_API_FORM],
)
def test_a_file_that_is_no_workflow_is_refused(copied: Path, folder: str, content: bytes) -> None:
    (copied / folder / BUILDING_FILE).write_bytes(content)

    with pytest.raises(UsageProblem):
        load_workflows(copied)


def test_an_absent_workflow_is_refused_by_name(copied: Path) -> None:
    (copied / BUILDING_FILE).unlink()

    with pytest.raises(UsageProblem, match="建筑"):
        load_workflows(copied)


def test_the_node_classes_that_a_service_must_know_are_named(workflow: Workflow) -> None:
    assert {"LoadImage", "SaveImage"} < workflow.node_classes()


def test_a_building_workflow_at_680_is_refused_with_both_sizes(copied: Path) -> None:
    rewrite(copied / "api" / BUILDING_FILE, lambda form: form["2"]["inputs"].update(size=680))

    with pytest.raises(UsageProblem, match=r"colours at 680, but a building needs 1280"):
        load_workflows(copied)


def test_a_building_workflow_at_680_stays_wrong_when_written_for_another_node(
    copied: Path,
) -> None:
    rewrite(copied / "api" / BUILDING_FILE, lambda form: form["2"]["inputs"].update(size=680))

    with pytest.raises(UsageProblem, match=r"colours at 680, but a building needs 960"):
        load_workflows(copied, PACK_NODE)


def test_an_object_type_that_there_is_not_is_a_value_error(copied: Path) -> None:
    rewrite(copied / MANIFEST, lambda content: content["workflows"][0].update(object_type="cat"))

    with pytest.raises(ValueError, match="'cat'"):
        load_workflows(copied)


def test_a_workflow_without_an_api_form_says_which_command_writes_it(copied: Path) -> None:
    (copied / "api" / PERSON_FILE).unlink()

    with pytest.raises(UsageProblem, match="workflows derive"):
        load_workflows(copied)


def test_a_workflow_in_the_api_form_alone_is_what_users_save(copied: Path) -> None:
    shutil.copyfile(copied / "api" / PERSON_FILE, copied / PERSON_FILE)

    workflow = load_workflows(copied)[PERSON]

    assert json.loads(workflow.ui_form) == workflow.api_form


def test_both_forms_are_written_for_the_node_that_is_configured() -> None:
    workflows = load_workflows(fixtures() / "workflows", PACK_NODE)

    sizes = {PERSON: 512, BUILDING: 960}
    for object_type, workflow in workflows.items():
        wanted = {"model_input_size": sizes[object_type], "checkpoint": "ddcolor_paper_tiny.pth"}
        assert workflow.colorize_inputs() == {"image": ["1", 0], **wanted}
        (node,) = [
            each
            for each in json.loads(workflow.ui_form)["nodes"]
            if each["type"] == "DDColor_Colorize"
        ]
        # the node pack's order: the size first
        assert node["widgets_values"] == list(wanted.values())
        assert b"ddcolorize" not in workflow.ui_form
        assert "DDColor_Colorize" in workflow.node_classes()


def test_the_size_alone_can_be_another(copied: Path) -> None:
    node = ColorizeNode(person_size_px=640)

    workflow = load_workflows(copied, node)[PERSON]

    assert workflow.colorize_inputs()["size"] == 640
    assert json.loads(workflow.ui_form)["nodes"][1]["widgets_values"][1] == 640


def test_a_node_that_nobody_knows_needs_its_layout_and_the_message_says_how() -> None:
    node = ColorizeNode(class_type="MyColorizer", size_input="px", model_input="weights")

    with pytest.raises(UsageProblem, match="workflows derive --url URL --to DIR"):
        load_workflows(fixtures() / "workflows", node)
    workflow = load_workflows(fixtures() / "workflows", node, NodeLayout(("px", "weights")))[PERSON]

    assert workflow.colorize_inputs()["px"] == 680


def test_files_of_ones_own_are_taken_as_they_are_for_the_configured_node(copied: Path) -> None:
    rewrite(copied / MANIFEST, lambda content: content.pop("node"))
    for name in (PERSON_FILE, BUILDING_FILE):
        rewrite(copied / "api" / name, lambda form: form["2"].update(class_type="Mine"))

    workflows = load_workflows(copied, ColorizeNode(class_type="Mine"))

    assert {each.colorize_node() for each in workflows.values()} == {"2"}
