"""`colordrill workflows derive` writes all or nothing, and only where it was told to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from colordrill.drill.derived_workflows import derive_api_forms, derive_directory
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.scenario.settings import Settings
from colordrill.workload.workflow_files import read_forms, read_manifest
from colordrill.workload.workflows import load_workflows
from fakes.object_info import definition, definitions, knowing
from fakes.service import ScriptedService, as_json, scripted_service
from workflows.damage import BUILDING_FILE, MANIFEST, PERSON_FILE, rewrite, set_checkpoint

MINE = {
    "node.class_type": "Mine",
    "node.image_input": "picture",
    "node.size_input": "px",
    "node.model_input": "weights",
    "node.checkpoint": "mine.pth",
    "node.building_size_px": "1024",
}


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    offered = {
        "picture": ["IMAGE"],
        "px": ["INT", {"default": 512}],
        "device": [["cpu", "cuda"], {}],
        "weights": [["mine.pth"], {}],
    }
    nodes = definitions() | {"Mine": definition("Mine", offered, ("IMAGE",))}
    with scripted_service(knowing(nodes, lambda _: as_json({}))) as service:
        yield service


def settings(directory: Path, **values: str) -> Settings:
    return Settings(service_values={"workflows": str(directory), **values})


def contents(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def test_api_forms_that_are_missing_or_stale_are_written_and_nothing_else(
    copied: Path, service: ScriptedService
) -> None:
    before = contents(copied)
    shutil.rmtree(copied / "api")

    lines = list(derive_api_forms(settings(copied), service.url))

    assert contents(copied) == before
    assert all(": written, " in line for line in lines)
    assert len(lines) == 2


def test_a_file_in_the_api_form_alone_stays_as_it_is(
    copied: Path, service: ScriptedService
) -> None:
    (copied / "api" / PERSON_FILE).replace(copied / PERSON_FILE)
    before = contents(copied)

    (line,) = derive_api_forms(settings(copied), service.url)

    assert line.endswith("unchanged")
    assert contents(copied) == before


def test_where_one_file_is_wrong_nothing_is_written(copied: Path, service: ScriptedService) -> None:
    rewrite(copied / PERSON_FILE, lambda form: form["nodes"][2].update(widgets_values=["new"]))
    set_checkpoint(copied, BUILDING_FILE, "gone.pth")
    before = contents(copied)

    with pytest.raises(UsageProblem, match=r"gone\.pth"):
        list(derive_api_forms(settings(copied), service.url))

    assert contents(copied) == before


def test_files_for_another_node_are_not_overwritten(copied: Path, service: ScriptedService) -> None:
    before = contents(copied)

    with pytest.raises(UsageProblem, match="--to DIR"):
        list(derive_api_forms(settings(copied, **MINE), service.url))

    assert contents(copied) == before


def test_workflows_for_a_node_that_nobody_knew_are_written_with_all_that_a_drill_needs(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    to = tmp_path / "mine"

    lines = list(derive_directory(settings(copied, **MINE), service.url, to))

    node = settings(to, **MINE).service.node
    workflows = load_workflows(to, node)
    wanted = {"device": "cpu", "weights": "mine.pth", "picture": ["1", 0]}
    assert workflows["person"].colorize_inputs() == {**wanted, "px": 680}
    assert workflows["building"].colorize_inputs() == {**wanted, "px": 1024}
    assert read_manifest(to).node == node
    assert read_manifest(to).widget_order == {"Mine": ("px", "device", "weights")}
    form = json.loads(workflows["building"].ui_form)
    assert form["nodes"][1]["widgets_values"] == [1024, "cpu", "mine.pth"]
    assert len(lines) == 5


def test_a_directory_in_the_api_form_alone_is_rewritten_as_such(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    for name in (PERSON_FILE, BUILDING_FILE):
        (copied / "api" / name).replace(copied / name)
    to = tmp_path / "mine"

    list(derive_directory(settings(copied, **MINE), service.url, to))

    assert read_forms(to, PERSON_FILE).ui is None
    assert not (to / "api").exists()
    assert load_workflows(to)["person"].node.class_type == "Mine"


def test_what_is_in_the_directory_already_is_never_lost(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    file = tmp_path / "notes"
    file.write_text("mine")
    for to in (copied, file):
        before = contents(tmp_path)
        with pytest.raises(UsageProblem, match="not an empty directory"):
            list(derive_directory(settings(copied, **MINE), service.url, to))
        assert contents(tmp_path) == before


def test_a_node_that_the_service_lacks_is_named(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    chosen = settings(copied, **{**MINE, "node.class_type": "Theirs"})

    with pytest.raises(UsageProblem, match="does not know the node Theirs"):
        list(derive_directory(chosen, service.url, tmp_path / "to"))


def test_an_api_folder_that_leads_elsewhere_is_not_written_to(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(copied / "api")
    (copied / "api").symlink_to(elsewhere)

    with pytest.raises(UsageProblem, match="leads out of"):
        list(derive_api_forms(settings(copied), service.url))

    assert contents(elsewhere) == {}


def test_a_place_that_cannot_be_written_is_an_environment_problem(
    copied: Path, service: ScriptedService
) -> None:
    shutil.rmtree(copied / "api")
    (copied / "api").write_text("a file where the folder goes")

    with pytest.raises((EnvironmentProblem, UsageProblem), match="cannot be"):
        list(derive_api_forms(settings(copied), service.url))


def test_a_manifest_that_is_wrong_is_refused(copied: Path, service: ScriptedService) -> None:
    rewrite(copied / MANIFEST, lambda content: content["workflows"].pop())

    with pytest.raises(UsageProblem, match="0 workflows for the object type building"):
        list(derive_api_forms(settings(copied), service.url))
