"""The workflows of a drill as API prompts, filled in for one job."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colordrill.scenario.service import ColorizeNode
from colordrill.workload.object_types import BUILDING, PERSON, size_px
from colordrill.workload.retarget import NodeLayout, Retarget
from colordrill.workload.workflow_files import (
    Entry,
    Manifest,
    Prompt,
    WorkflowProblem,
    as_text,
    manifest_problems,
    read_forms,
    read_manifest,
)

__all__ = [
    "BUILDING",
    "PERSON",
    "Prompt",
    "Workflow",
    "load_workflow",
    "load_workflows",
    "plan_retarget",
    "refuse_other_size",
]

PHOTO_CLASS = "LoadImage"
PICTURE_CLASS = "SaveImage"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow: its UI form as users save it, its API form as jobs submit it.

    Attributes:
        object_type: ``person`` or ``building``.
        file_name: the file's name in the workflows folder.
        ui_form: the bytes that users save (the API form's where there is no other).
        api_form: node id to node.
        node: the node that colours.
    """

    object_type: str
    file_name: str
    ui_form: bytes
    api_form: Prompt
    node: ColorizeNode = field(default_factory=ColorizeNode)

    def prompt(self, photo: str, filename_prefix: str) -> Prompt:
        """The API form with its photo and its output's prefix filled in."""
        filled = copy.deepcopy(dict(self.api_form))
        filled[self._find(PHOTO_CLASS)]["inputs"]["image"] = photo
        filled[self._find(PICTURE_CLASS)]["inputs"]["filename_prefix"] = filename_prefix
        return filled

    def colorize_node(self) -> str:
        """The id of the node that colours."""
        return self._find(self.node.class_type)

    def colorize_inputs(self) -> Mapping[str, Any]:
        """What the node that colours is given, by input name."""
        inputs: Mapping[str, Any] = self.api_form[self.colorize_node()]["inputs"]
        return inputs

    def node_classes(self) -> frozenset[str]:
        """Every node class that the workflow needs of a service."""
        return frozenset(str(node["class_type"]) for node in self.api_form.values())

    def _find(self, class_type: str) -> str:
        found = [key for key, node in self.api_form.items() if node["class_type"] == class_type]
        if len(found) != 1:
            raise WorkflowProblem(
                f"{self.file_name} has {len(found)} nodes of {class_type}, not one",
                "a drill fills in one photo, colours it once and reads one picture per job",
            )
        return found[0]


def load_workflows(
    directory: Path, node: ColorizeNode | None = None, layout: NodeLayout | None = None
) -> dict[str, Workflow]:
    """The workflows that *directory*'s manifest lists, by object type, written for *node*.

    Args:
        directory: holds the manifest, the UI forms, and the API forms in ``api/``.
        node: the node that colours; files that were made for another one are rewritten. None: the
            one that they were made for.
        layout: the widgets of *node*'s class; None: as the manifest knows them.

    Raises:
        UnsupportedObjectType: the manifest has a type that there is not; also a ValueError.
        UsageProblem: a file is absent, not what it should be, or colours at another size than its
            object type needs.
    """
    manifest = read_manifest(directory)
    for problem in manifest_problems(manifest):
        raise problem
    loaded = {}
    for entry in manifest.entries:
        workflow = load_workflow(directory, manifest, entry, node, layout)
        refuse_other_size(workflow)
        loaded[entry.object_type] = workflow
    return loaded


def load_workflow(
    directory: Path,
    manifest: Manifest,
    entry: Entry,
    node: ColorizeNode | None = None,
    layout: NodeLayout | None = None,
) -> Workflow:
    """One workflow of the manifest, written for *node*; arguments as of `load_workflows`.

    Raises:
        UsageProblem: a file is absent or not what it should be.
    """
    forms = read_forms(directory, entry.file)
    if forms.api is None:
        raise WorkflowProblem(
            f"workflow {entry.file} in {directory} has no API form",
            "write it with `colordrill workflows derive`",
        )
    node = node or manifest.node or ColorizeNode()
    ui_form, api_form = forms.content, forms.api
    retarget = plan_retarget(manifest, entry.object_type, node, layout)
    if retarget is not None:
        api_form = retarget.api(api_form)
        rewritten = api_form if forms.ui is None else retarget.ui(forms.ui)
        ui_form = as_text(rewritten).encode()
    workflow = Workflow(entry.object_type, entry.file, ui_form, api_form, node)
    workflow.prompt("probe.png", "probe")
    workflow.colorize_node()
    return workflow


def refuse_other_size(workflow: Workflow) -> None:
    """Raise a UsageProblem where the workflow colours at another size than its type needs."""
    needed_px = size_px(workflow.object_type, workflow.node)
    found = workflow.colorize_inputs().get(workflow.node.size_input)
    if found != needed_px:
        raise WorkflowProblem(
            f"{workflow.file_name} colours at {found}, but a {workflow.object_type} needs "
            f"{needed_px}",
            "restore the workflow's newest version, or configure the size that is meant",
        )


def plan_retarget(
    manifest: Manifest, object_type: str, node: ColorizeNode, layout: NodeLayout | None
) -> Retarget | None:
    """How files of *manifest* are rewritten for *node*; None where they are made for it.

    Raises:
        UsageProblem: nobody knows the widgets of one of the two nodes.
    """
    made_for = manifest.node or node
    if made_for == node:
        return None
    return Retarget(
        made_for=made_for,
        wanted=node,
        before=_known_layout(manifest, made_for.class_type),
        after=layout or _known_layout(manifest, node.class_type),
        object_type=object_type,
    )


def _known_layout(manifest: Manifest, class_type: str) -> NodeLayout:
    if class_type not in manifest.widget_order:
        raise WorkflowProblem(
            f"in which order the page stores the values of {class_type} is known for "
            f"{', '.join(sorted(manifest.widget_order)) or 'no node'} only",
            "write workflows for it with `colordrill workflows derive --url URL --to DIR`",
        )
    return NodeLayout(manifest.widget_order[class_type])
