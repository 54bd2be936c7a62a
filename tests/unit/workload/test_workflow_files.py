from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.scenario.service import ColorizeNode
from colordrill.workload.object_types import OBJECT_TYPES, UnsupportedObjectType
from colordrill.workload.workflow_files import (
    FILE_BYTES_MAX,
    MANIFEST,
    WorkflowProblem,
    manifest_problems,
    read_forms,
    read_manifest,
    unlisted,
)

PERSON_FILE = "DDColor人物黑白修复.json"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundled workflows that a test may damage."""
    return Path(shutil.copytree(fixtures() / "workflows", tmp_path / "workflows"))


def rewrite(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((directory / MANIFEST).read_bytes())
    change(content)
    (directory / MANIFEST).write_text(json.dumps(content))


def test_the_bundled_manifest_lists_one_workflow_per_object_type_and_every_file() -> None:
    directory = fixtures() / "workflows"

    manifest = read_manifest(directory)

    assert [each.object_type for each in manifest.entries] == list(OBJECT_TYPES)
    assert manifest_problems(manifest) == []
    assert unlisted(directory, manifest) == []


def test_the_bundled_workflows_are_made_for_the_node_that_is_the_default() -> None:
    manifest = read_manifest(fixtures() / "workflows")

    assert manifest.node == ColorizeNode()


def test_a_manifest_without_a_node_leaves_it_to_the_configuration(copied: Path) -> None:
    rewrite(copied, lambda content: content.pop("node"))

    assert read_manifest(copied).node is None


@pytest.mark.parametrize("folder", ["", "api"])
def test_a_file_that_is_not_listed_is_named(copied: Path, folder: str) -> None:
    (copied / folder / "new.json").write_text("{}")

    assert unlisted(copied, read_manifest(copied)) == [f"{folder}/new.json".lstrip("/")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"workflows": 5}',
        b'{"workflows": [5]}',
        b'{"workflows": [{"file": "a.json"}]}',
        b'{"workflows": [{"file": 5, "object_type": "person"}]}',
        b'{"workflows": [{"file": "a.json", "object_type": ["person"]}]}',
        b'{"workflows": [{"file": "../a.json", "object_type": "person"}]}',
        b'{"workflows": [{"file": "/etc/passwd", "object_type": "person"}]}',
        b'{"workflows": [{"file": "..", "object_type": "person"}]}',
        b'{"workflows": [{"file": "MANIFEST.json", "object_type": "person"}]}',
        b'{"workflows": [], "node": {}}',
        b'{"workflows": [], "widget_order": {"A": 5}}',
    ],
)
def test_a_malformed_manifest_is_refused(copied: Path, content: bytes) -> None:
    (copied / MANIFEST).write_bytes(content)

    with pytest.raises(WorkflowProblem, match=r"JSON|object|manifest"):
        read_manifest(copied)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowProblem, match=r"MANIFEST\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "change", [{"person_size_px": "680"}, {"person_size_px": True}, {"extra": 1}]
)
def test_a_manifest_whose_node_is_no_node_is_refused(copied: Path, change: dict[str, Any]) -> None:
    rewrite(copied, lambda content: content.update(node=asdict(ColorizeNode()) | change))

    with pytest.raises(WorkflowProblem, match="node"):
        read_manifest(copied)


def test_an_object_type_twice_is_a_problem(copied: Path) -> None:
    rewrite(copied, lambda content: content["workflows"][1].update(object_type="person"))

    causes = [each.cause for each in manifest_problems(read_manifest(copied))]

    assert len(causes) == 2
    assert "2 workflows for the object type person" in causes[0]
    assert "0 workflows for the object type building" in causes[1]


def test_an_object_type_that_there_is_not_is_a_problem_and_a_value_error(copied: Path) -> None:
    rewrite(
        copied,
        lambda content: content["workflows"].append({"file": "x.json", "object_type": "cat"}),
    )

    (problem,) = manifest_problems(read_manifest(copied))

    assert isinstance(problem, UnsupportedObjectType)
    assert isinstance(problem, ValueError)


def test_a_file_listed_twice_is_a_problem(copied: Path) -> None:
    rewrite(copied, lambda content: content["workflows"][1].update(file=PERSON_FILE))

    (problem,) = manifest_problems(read_manifest(copied))

    assert f"{PERSON_FILE} 2 times" in problem.cause


def test_a_file_in_the_api_form_alone_is_read_as_such(copied: Path) -> None:
    shutil.copyfile(copied / "api" / PERSON_FILE, copied / PERSON_FILE)

    forms = read_forms(copied, PERSON_FILE)

    assert forms.ui is None
    assert forms.api is not None
    assert len(forms.api) == 3


def test_an_api_form_that_is_not_derived_yet_is_none(copied: Path) -> None:
    (copied / "api" / PERSON_FILE).unlink()

    assert read_forms(copied, PERSON_FILE).api is None


@pytest.mark.parametrize("folder", ["", "api"])
def test_a_link_out_of_the_folder_is_refused(copied: Path, folder: str, tmp_path: Path) -> None:
    path = copied / folder / PERSON_FILE
    outside = tmp_path / "outside.json"
    path.rename(outside)
    path.symlink_to(outside)

    with pytest.raises(WorkflowProblem, match="leads out of"):
        read_forms(copied, PERSON_FILE)


def test_a_link_within_the_folder_is_followed(copied: Path) -> None:
    (copied / PERSON_FILE).rename(copied / "kept.json")
    (copied / PERSON_FILE).symlink_to("kept.json")

    assert read_forms(copied, PERSON_FILE).ui is not None


@pytest.mark.parametrize("target", ["", "absent.json", PERSON_FILE])
def test_a_link_to_nothing_or_itself_or_no_file_at_all_is_refused(
    copied: Path, target: str
) -> None:
    (copied / PERSON_FILE).unlink()
    if target:
        (copied / PERSON_FILE).symlink_to(target)

    with pytest.raises(WorkflowProblem, match="cannot be read"):
        read_forms(copied, PERSON_FILE)


def test_what_is_no_file_is_refused_and_not_waited_for(copied: Path) -> None:
    (copied / PERSON_FILE).unlink()
    os.mkfifo(copied / PERSON_FILE)

    with pytest.raises(WorkflowProblem, match="is not a file"):
        read_forms(copied, PERSON_FILE)


def test_a_huge_file_is_refused(copied: Path) -> None:
    with (copied / PERSON_FILE).open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)

    with pytest.raises(WorkflowProblem, match="larger than"):
        read_forms(copied, PERSON_FILE)
