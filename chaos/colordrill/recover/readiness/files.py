"""Workflows, configuration and weights: the same live, in the newest point, in Git, and right?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from colordrill.errors import ServiceProblem
from colordrill.look import Look
from colordrill.recover.readiness.examined import ANSWER_LIMIT_S, Examined
from colordrill.recover.readiness.probe import Probing
from colordrill.stack.comfyui import ComfyClient, RequestUncertain
from colordrill.stack.parts import Site, SiteFolder
from colordrill.workload.object_types import size_px
from colordrill.workload.stored import StoredWorkflows
from colordrill.workload.workflow_check import unknown_nodes, wrong_inputs
from colordrill.workload.workflow_files import WorkflowProblem
from colordrill.workload.workflows import Workflow

MISSING = 404


def in_point(check: str, folder: SiteFolder) -> Probing:
    """The probe of the newest recovery point: it holds the files of *folder* as they are live."""

    def probe(examined: Examined) -> Iterator[Look]:
        yield from _compared(examined, check, folder, examined.point().files, "the newest point")

    return probe


def in_git(check: str, folder: SiteFolder) -> Probing:
    """The probe of Git's head on the backup server: it holds *folder* as it is live."""

    def probe(examined: Examined) -> Iterator[Look]:
        yield from _compared(examined, check, folder, examined.git(), "Git")

    return probe


def _compared(
    examined: Examined, check: str, folder: SiteFolder, copy: Mapping[str, str], place: str
) -> Iterator[Look]:
    live = examined.live()
    names = {name for name in (*live.files, *copy) if name.startswith(f"{folder}/")}
    for name in sorted(names):
        digest, age_s = live.files.get(name, (None, live.gone_s(name)))
        yield Look(check, f"{name} in {place}", digest, copy.get(name), age_s=age_s)


def workflows_served(examined: Examined) -> Iterator[Look]:
    """The primary's service gives its users the workflows that lie on its volume."""
    live = examined.live()
    with examined.client(Site.PRIMARY) as client:
        for workflow in examined.workflows.values():
            name = f"{SiteFolder.WORKFLOWS}/{workflow.file_name}"
            digest, age_s = live.files.get(name, (None, live.gone_s(name)))
            subject = f"{name} as the primary's service gives it"
            seen = _served(client, workflow)
            yield Look("workflows_synced", subject, digest, seen, age_s=age_s)


def _served(client: ComfyClient, workflow: Workflow) -> str | None:
    try:
        content = client.read_workflow(workflow.file_name, timeout_s=ANSWER_LIMIT_S).body
    except ServiceProblem as error:
        if error.status == MISSING:
            return None
        raise
    return hashlib.sha256(content).hexdigest()


def workflows_right(examined: Examined) -> Iterator[Look]:
    """The workflows that the primary's service gives colour as their object types need it."""
    stored = StoredWorkflows()
    with examined.client(Site.PRIMARY) as client:
        for workflow in examined.workflows.values():
            yield from _workflow_right(client, stored, workflow)


def _workflow_right(
    client: ComfyClient, stored: StoredWorkflows, workflow: Workflow
) -> Iterator[Look]:
    name, check = workflow.file_name, "workflows_right"
    try:
        current = stored.current(workflow, client, ANSWER_LIMIT_S)
    except RequestUncertain:
        raise
    except ServiceProblem as error:
        # certainly so: it gives no such file, or one that cannot be run
        if error.status is None and not isinstance(error.__cause__, ValueError | WorkflowProblem):
            raise
        yield Look(check, name, "a workflow that runs", error.cause)
        return
    node, inputs = current.node, current.colorize_inputs()
    size = inputs.get(node.size_input)
    yield Look(check, f"size in {name}", size_px(current.object_type, node), size)
    yield Look(check, f"checkpoint in {name}", node.checkpoint, inputs.get(node.model_input))
    found = {each: client.node_class(each) for each in sorted(current.node_classes())}
    known = {each: definition for each, definition in found.items() if definition is not None}
    wrong = unknown_nodes(current.api_form, known) + wrong_inputs(current.api_form, known)
    yield Look(check, f"nodes and inputs of {name}", "as offered", "; ".join(wrong) or "as offered")


def checkpoint_live(examined: Examined) -> Iterator[Look]:
    """The primary's checkpoint is the one that the goldens were made with."""
    seen = examined.checkpoint_digest()
    yield Look("checkpoints", "the primary's checkpoint", _weights(examined), seen)


def checkpoint_in_point(examined: Examined) -> Iterator[Look]:
    """The newest point's checkpoint is that one too: so says its manifest."""
    seen = examined.point().files.get(examined.checkpoint)
    yield Look("checkpoints", "the checkpoint in the newest point", _weights(examined), seen)


def _weights(examined: Examined) -> str:
    """What the checkpoint should be; where no golden says it, what the primary has."""
    return examined.weights or examined.checkpoint_digest() or "a checkpoint"
