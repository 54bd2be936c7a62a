"""Each check of `colordrill workflows verify` fails where it should, and no other one with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from colordrill.cli import main
from colordrill.drill.workflows import Check, verify
from colordrill.errors import ServiceProblem
from colordrill.scenario.settings import Settings
from fakes.object_info import definitions, knowing
from fakes.service import Reply, Request, ScriptedService, as_json, comfyui, scripted_service
from workflows.damage import (
    BUILDING_FILE,
    DAMAGES,
    MANIFEST,
    PERSON_FILE,
    declare,
    rewrite,
    set_checkpoint,
    set_class,
    set_size,
)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """A service that knows the nodes and answers each job with what is no picture."""
    with scripted_service(knowing(definitions(), comfyui(b"no picture"))) as service:
        yield service


def checks(directory: Path, url: str | None) -> list[Check]:
    return list(verify(Settings(service_values={"workflows": str(directory)}), url))


def wrong(found: list[Check]) -> dict[tuple[str, str], str]:
    """Workflow and check to cause; goldens aside, because this service makes no pictures."""
    return {
        (each.workflow, each.check): each.cause
        for each in found
        if each.outcome == "WRONG" and each.check != "golden"
    }


def refusing_photos(request: Request) -> Reply:
    return as_json({}, status=400 if request.path == "/upload/image" else 200)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_workflow_is_wrong_by_one_check_that_says_why(
    copied: Path, service: ScriptedService, name: str
) -> None:
    damage, workflow, check, cause = DAMAGES[name]
    damage(copied)

    found = wrong(checks(copied, service.url))

    assert list(found) == [(workflow, check)]
    assert cause in found[workflow, check]


def test_undamaged_files_are_right(copied: Path, service: ScriptedService) -> None:
    assert wrong(checks(copied, service.url)) == {}


def test_a_picture_that_is_not_the_goldens_is_wrong(copied: Path, service: ScriptedService) -> None:
    found = [each for each in checks(copied, service.url) if each.check == "golden"]

    assert [each.outcome for each in found] == ["WRONG", "WRONG"]
    assert "astronaut: " in found[0].cause
    assert "china: " in found[1].cause


def test_a_job_that_the_service_refuses_is_wrong_with_its_answer(
    copied: Path, service: ScriptedService
) -> None:
    service.answer = knowing(definitions(), refusing_photos)

    found = [each for each in checks(copied, service.url) if each.check == "golden"]

    assert {each.outcome for each in found} == {"WRONG"}
    assert all("is not coloured" in each.cause for each in found)


def test_a_service_that_is_gone_is_no_finding_about_a_workflow(
    copied: Path, service: ScriptedService
) -> None:
    service.answer = knowing(definitions(), lambda _: as_json({}, status=503))

    with pytest.raises(ServiceProblem, match="503"):
        checks(copied, service.url)


def test_a_workflow_without_a_golden_is_wrong(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    values = {"workflows": str(copied), "goldens": str(tmp_path / "none")}

    found = list(verify(Settings(service_values=values), service.url))

    causes = [each.cause for each in found if each.check == "golden"]
    assert len(causes) == 2
    assert all("there is no golden" in each for each in causes)


@pytest.mark.parametrize(
    "object_type", ["landscape", "person"], ids=["unsupported", "declared wrongly"]
)
def test_a_file_for_the_wrong_object_type_is_wrong(
    copied: Path, service: ScriptedService, object_type: str
) -> None:
    declare(object_type)(copied)

    found = wrong(checks(copied, service.url))

    assert (MANIFEST, "manifest") in found
    assert object_type in found[MANIFEST, "manifest"]
    assert (BUILDING_FILE, "size") in found


def test_a_node_that_the_service_lacks_is_wrong_and_nothing_is_coloured_with_it(
    copied: Path, service: ScriptedService
) -> None:
    nodes = definitions()
    del nodes["SaveImage"]
    service.answer = knowing(nodes, comfyui(b"no picture"))

    found = checks(copied, service.url)

    assert "does not know the node SaveImage" in wrong(found)[PERSON_FILE, "nodes"]
    goldens = [each for each in found if each.check == "golden"]
    assert [each.outcome for each in goldens] == ["not made", "not made"]


@pytest.mark.parametrize(
    ("size", "cause"),
    [(31, "less than 32"), (5000, "more than 4096"), ("680", "not a whole number")],
)
def test_a_value_out_of_range_is_wrong(
    copied: Path, service: ScriptedService, size: object, cause: str
) -> None:
    rewrite(copied / "api" / BUILDING_FILE, lambda form: form["2"]["inputs"].update(size=size))

    found = wrong(checks(copied, service.url))

    assert cause in found[BUILDING_FILE, "inputs"]
    assert found.keys() == {(BUILDING_FILE, each) for each in ("size", "inputs", "api")}


def test_a_value_that_the_service_does_not_offer_is_wrong(
    copied: Path, service: ScriptedService
) -> None:
    set_checkpoint(copied, BUILDING_FILE, "gone.pth")

    found = wrong(checks(copied, service.url))

    assert "'gone.pth', which the service does not offer" in found[BUILDING_FILE, "inputs"]
    assert "'gone.pth'" in found[BUILDING_FILE, "api"]


def test_another_node_than_the_services_is_named(copied: Path, service: ScriptedService) -> None:
    set_class(copied, PERSON_FILE, "LoadImageFromUrl")

    found = wrong(checks(copied, service.url))

    assert "has 0 nodes of LoadImage" in found[PERSON_FILE, "file"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"workflows": [{"file": "../x"}]}'])
def test_a_manifest_that_is_none_is_the_only_check(copied: Path, content: bytes) -> None:
    (copied / MANIFEST).write_bytes(content)

    (check,) = checks(copied, None)

    assert (check.workflow, check.check, check.outcome) == (MANIFEST, "manifest", "WRONG")


def test_no_service_is_started_with_files_that_are_wrong(copied: Path) -> None:
    set_size(copied, BUILDING_FILE, 680)

    found = checks(copied, None)

    assert (BUILDING_FILE, "size") in wrong(found)
    left = [each for each in found if each.outcome == "not made"]
    assert {each.workflow for each in left} == {PERSON_FILE, BUILDING_FILE}


def test_wrong_files_end_with_1_and_no_service_with_4_and_no_such_node_with_2(
    copied: Path, service: ScriptedService, tmp_path: Path
) -> None:
    def ends(command: str, url: str, *options: str) -> int:
        words = ["workflows", command, "--url", url, *options]
        return CliRunner().invoke(main, words).exit_code

    mine = f"workflows={copied}"
    nobody = "http://127.0.0.1:9"
    to = ("--to", str(tmp_path / "to"))
    assert ends("verify", service.url, "--service", mine) == 1
    assert ends("verify", nobody, "--service", mine) == 4
    assert ends("derive", nobody, "--service", mine) == 4
    assert ends("derive", service.url, "--service", "node.class_type=None", *to) == 2
    assert not (tmp_path / "to").exists()


def test_a_service_that_is_not_there_is_named_and_what_the_files_are_like_is_told_all_the_same(
    copied: Path,
) -> None:
    nobody = "http://127.0.0.1:9"
    words = ["workflows", "verify", "--url", nobody, "--service", f"workflows={copied}", "--json"]

    ended = CliRunner().invoke(main, words)

    assert ended.exit_code == 4
    assert nobody in ended.stderr
    assert "next step" in ended.stderr
    found = {
        (each["workflow"], each["check"], each["outcome"]) for each in json.loads(ended.stdout)
    }
    assert (MANIFEST, "manifest", "right") in found
    assert (PERSON_FILE, "size", "right") in found
