from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest

from colordrill.data import fixtures
from colordrill.errors import UsageProblem
from colordrill.workload.workflows import (
    BUILDING,
    FILE_NAMES,
    PERSON,
    Workflow,
    load_workflows,
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundled workflows that a test may damage."""
    return Path(shutil.copytree(fixtures() / "workflows", tmp_path / "workflows"))


def test_the_two_workflows_colour_at_the_sizes_that_the_service_declares() -> None:
    workflows = load_workflows(fixtures() / "workflows")

    sizes = {
        name: each.api_form[each.colorize_node()]["inputs"]["size"]
        for name, each in workflows.items()
    }

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
    path = copied / "api" / FILE_NAMES[PERSON]
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
    (copied / folder / FILE_NAMES[BUILDING]).write_bytes(content)

    with pytest.raises(UsageProblem):
        load_workflows(copied)


def test_an_absent_workflow_is_refused_by_name(copied: Path) -> None:
    (copied / FILE_NAMES[BUILDING]).unlink()

    with pytest.raises(UsageProblem, match="建筑"):
        load_workflows(copied)


def test_the_node_classes_that_a_service_must_know_are_named(workflow: Workflow) -> None:
    assert {"LoadImage", "SaveImage"} < workflow.node_classes()
