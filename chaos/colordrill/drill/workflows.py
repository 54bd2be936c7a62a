"""Verifies workflow files: by themselves, against a service's nodes, and by what they make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from colordrill.clock import SystemClock
from colordrill.data import fixtures
from colordrill.drill.assets import goldens_directory
from colordrill.drill.goldens import client_at, client_of
from colordrill.errors import ServiceProblem, UsageProblem
from colordrill.picture import judge
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.model import Objectives
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient, RequestUncertain
from colordrill.workload.colorize import Deadline, colour, new_prompt_id
from colordrill.workload.conversion import Definitions, classes_of, derive, differences
from colordrill.workload.goldens import MANIFEST as GOLDEN_MANIFEST
from colordrill.workload.goldens import Golden, load_goldens
from colordrill.workload.photos import Photo, load_photos
from colordrill.workload.workflow_check import unknown_nodes, wrong_inputs
from colordrill.workload.workflow_files import (
    MANIFEST,
    Manifest,
    WorkflowProblem,
    is_ui_form,
    manifest_problems,
    read_manifest,
    unlisted,
)
from colordrill.workload.workflows import Workflow, load_workflow, refuse_other_size

LIMIT_S = 120.0

Outcome = Literal["right", "WRONG", "not made"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one workflow file.

    Attributes:
        workflow: the file's name.
        check: ``manifest``, ``file``, ``size``, ``checkpoint``, ``nodes``, ``inputs``, ``api`` or
            ``golden``.
        outcome: ``not made`` where another check's failure left nothing to look at.
        cause: why it is not right; empty where it is.
    """

    workflow: str
    check: str
    outcome: Outcome
    cause: str = ""


def workflows_directory(service: ServiceSpec) -> Path:
    """Where the workflows of *service* are kept."""
    return fixtures() / "workflows" if service.workflows is None else service.workflows


def verify(settings: Settings, url: str | None) -> Iterator[Check]:
    """Verify every workflow file of the configured directory.

    Args:
        settings: name the directory, the node that colours, and the service.
        url: a running service; None starts the configured one.

    Yields:
        The manifest's check, then each workflow's checks.

    Raises:
        EnvironmentProblem: the service does not answer, or the goldens cannot be read.
    """
    directory = workflows_directory(settings.service)
    try:
        manifest = read_manifest(directory)
    except WorkflowProblem as problem:
        yield Check(MANIFEST, "manifest", "WRONG", problem.cause)
        return
    checks, workflows = verify_files(directory, manifest, settings.service)
    yield from checks
    if url is None and any(each.outcome != "right" for each in checks):
        # the service would be given these very files
        for workflow in workflows:
            cause = "no service is started with files that are wrong; name one with --url"
            yield Check(workflow.file_name, "nodes", "not made", cause)
        return
    photos, goldens = load_photos(fixtures() / "photos"), _goldens(settings.service)
    bounds = settings.apply(HOST_POWER_LOSS).objectives
    with service_client(settings, url) as client:
        for workflow in workflows:
            yield from verify_with(client, workflow, photos, goldens, bounds)


def verify_files(
    directory: Path, manifest: Manifest, service: ServiceSpec
) -> tuple[list[Check], list[Workflow]]:
    """The checks that need no service, and the workflows that can be checked further."""
    causes = [each.cause for each in manifest_problems(manifest)]
    causes += [f"{name} is not listed" for name in unlisted(directory, manifest)]
    checks, workflows = [_check(MANIFEST, "manifest", causes)], []
    for entry in manifest.entries:
        try:
            workflow = load_workflow(directory, manifest, entry, service.node)
        except UsageProblem as problem:
            checks.append(Check(entry.file, "file", "WRONG", problem.cause))
            continue
        workflows.append(workflow)
        checks += [
            Check(entry.file, "file", "right"),
            _check(entry.file, "size", _other_size(workflow)),
            _check(entry.file, "checkpoint", _other_checkpoint(workflow)),
        ]
    return checks, workflows


def verify_with(
    client: ComfyClient,
    workflow: Workflow,
    photos: Mapping[str, Photo],
    goldens: Iterable[Golden],
    bounds: Objectives,
) -> Iterator[Check]:
    """The checks of one workflow against a service.

    Raises:
        ServiceProblem: the service does not answer.
    """
    name, form = workflow.file_name, json.loads(workflow.ui_form)
    definitions = definitions_of(client, workflow.node_classes())
    checks = [
        _check(name, "nodes", unknown_nodes(workflow.api_form, definitions)),
        _check(name, "inputs", wrong_inputs(workflow.api_form, definitions)),
    ]
    if is_ui_form(form):
        checks.append(_check(name, "api", _other_api_form(workflow, form, client)))
    yield from checks
    if any(each.outcome != "right" for each in checks):
        cause = "nothing is coloured with a workflow that is wrong"
        yield Check(name, "golden", "not made", cause)
        return
    yield _check(name, "golden", _other_pictures(client, workflow, photos, goldens, bounds))


def definitions_of(client: ComfyClient, classes: Iterable[str]) -> Definitions:
    """What the service's ``/object_info`` says of *classes*; those that it does not know lack."""
    found = {each: client.node_class(each) for each in sorted(classes)}
    return {name: definition for name, definition in found.items() if definition is not None}


@contextmanager
def service_client(settings: Settings, url: str | None) -> Iterator[ComfyClient]:
    """A client of the service at *url*, or of the configured one, started for the block.

    A service that runs already is asked whatever its workflow files are like.

    Raises:
        EnvironmentProblem: it could not be started.
        UsageProblem: the workflows that it would be started with are not what they should be.
    """
    with client_of(settings, None) if url is None else client_at(url) as client:
        yield client


def _goldens(service: ServiceSpec) -> tuple[Golden, ...]:
    directory = goldens_directory(service)
    if service.goldens is not None and not (directory / GOLDEN_MANIFEST).exists():
        return ()
    return load_goldens(directory, None)


def _check(workflow: str, name: str, causes: list[str]) -> Check:
    return Check(workflow, name, "WRONG" if causes else "right", "; ".join(causes))


def _other_size(workflow: Workflow) -> list[str]:
    try:
        refuse_other_size(workflow)
    except UsageProblem as problem:
        return [problem.cause]
    return []


def _other_checkpoint(workflow: Workflow) -> list[str]:
    found = workflow.colorize_inputs().get(workflow.node.model_input)
    wanted = workflow.node.checkpoint
    return [] if found == wanted else [f"it colours with {found}, configured is {wanted}"]


def _other_api_form(workflow: Workflow, form: dict[str, Any], client: ComfyClient) -> list[str]:
    try:
        derived = derive(form, definitions_of(client, classes_of(form)))
    except WorkflowProblem as problem:
        return [problem.cause]
    return differences(workflow.api_form, derived)


def _other_pictures(
    client: ComfyClient,
    workflow: Workflow,
    photos: Mapping[str, Photo],
    goldens: Iterable[Golden],
    bounds: Objectives,
) -> list[str]:
    """Colour the photo of each golden of this workflow; why it is not the golden's picture."""
    causes, own = [], [each for each in goldens if each.workflow == workflow.object_type]
    if not own:
        return ["there is no golden for it; make one with `colordrill golden capture`"]
    for golden in own:
        photo, prefix = photos[golden.photo], f"workflow-{new_prompt_id()}"
        try:
            clock = SystemClock()
            deadline = Deadline(clock, LIMIT_S)
            coloured = colour(client, clock, workflow, photo, prefix, deadline)
        except RequestUncertain:
            raise
        except ServiceProblem as problem:
            client.system_stats()  # raises where the service is gone: no finding about a workflow
            causes.append(f"{golden.photo} is not coloured: {problem.cause}")
            continue
        content, prompt = coloured.answer.body, coloured.prompt
        judgement = judge(content, golden.content, photo.content, prompt, bounds)
        if judgement.correct is not True:
            causes.append(f"{golden.photo}: {', '.join(judgement.reasons)}")
    return causes
