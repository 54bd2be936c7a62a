"""A canary takes the service's own workflow: a deleted or older one shows in what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from colordrill.data import fixtures
from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import ComfyClient, RequestUncertain
from colordrill.workload.stored import StoredWorkflows
from colordrill.workload.workflows import BUILDING, PERSON, Workflow, load_workflows
from fakes.object_info import definitions, knowing
from fakes.service import Reply, ScriptedService, comfyui, scripted_service

LIMIT_S = 5.0
WORKFLOWS = load_workflows(fixtures() / "workflows")


@pytest.fixture
def building() -> Workflow:
    return WORKFLOWS[BUILDING]


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with scripted_service(knowing(definitions(), comfyui(b""))) as service:
        yield service


@pytest.fixture
def client(service: ScriptedService) -> Iterator[ComfyClient]:
    with ComfyClient(service.url, timeout_s=LIMIT_S) as client:
        yield client


def holds(service: ScriptedService, content: bytes) -> None:
    service.answer = knowing(definitions(), comfyui(b"", workflow=content))


def edited(workflow: Workflow, old: str, new: str) -> bytes:
    text = workflow.ui_form.decode()
    assert old in text
    return text.replace(old, new).encode()


def asked_for_definitions(service: ScriptedService) -> int:
    return sum(request.path.startswith("/object_info") for request in service.requests)


def test_the_bundled_content_is_the_bundled_workflow_and_nothing_is_derived(
    client: ComfyClient, service: ScriptedService, building: Workflow
) -> None:
    assert StoredWorkflows().current(building, client, LIMIT_S) is building
    assert asked_for_definitions(service) == 0


def test_an_older_content_is_what_is_submitted(
    client: ComfyClient, service: ScriptedService, building: Workflow
) -> None:
    holds(service, edited(building, "1280", "680"))

    stored = StoredWorkflows().current(building, client, LIMIT_S)

    sizes = [value for node in stored.prompt("a.png", "b").values()
             for value in node["inputs"].values() if value in (680, 1280)]  # fmt: skip
    assert sizes == [680]
    assert (stored.file_name, stored.object_type) == (building.file_name, building.object_type)


def test_a_content_is_derived_once_and_read_every_time(
    client: ComfyClient, service: ScriptedService, building: Workflow
) -> None:
    older, stored = edited(building, "1280", "680"), StoredWorkflows()
    holds(service, older)
    first = stored.current(building, client, LIMIT_S)
    asked = asked_for_definitions(service)

    assert stored.current(building, client, LIMIT_S) is first
    assert asked_for_definitions(service) == asked

    holds(service, building.ui_form)
    assert stored.current(building, client, LIMIT_S) is building


def test_one_workflow_saved_over_another_is_still_called_by_its_own_name(
    client: ComfyClient, service: ScriptedService, building: Workflow
) -> None:
    person, stored = WORKFLOWS[PERSON], StoredWorkflows()
    holds(service, edited(person, person.ui_form.decode()[:1], " " + person.ui_form.decode()[:1]))

    names = [stored.current(each, client, LIMIT_S).file_name for each in (building, person)]

    assert names == [building.file_name, person.file_name]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404), ServiceProblem),
        (Reply(500), ServiceProblem),
        (Reply(body=b"x" * 100, cut=True), RequestUncertain),
        (Reply(hang_up=True), RequestUncertain),
    ],
)
def test_a_file_that_cannot_be_read_is_a_failure_or_a_doubt(
    client: ComfyClient, service: ScriptedService, building: Workflow, reply: Reply, error: Any
) -> None:
    service.answer = lambda _request: reply

    with pytest.raises(error):
        StoredWorkflows().current(building, client, LIMIT_S)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"nodes": []}',
        b'{"nodes": 7, "links": 8}',
        json.dumps({"nodes": [{"id": 1, "type": "Unheard"}], "links": []}).encode(),
    ],
)
def test_a_file_that_cannot_be_run_is_named_with_a_next_step(
    client: ComfyClient, service: ScriptedService, building: Workflow, content: bytes
) -> None:
    holds(service, content)

    with pytest.raises(ServiceProblem, match="cannot be run") as caught:
        StoredWorkflows().current(building, client, LIMIT_S)

    assert building.file_name in caught.value.cause
    assert "recovery point" in caught.value.next_step
