"""The bundled workflows as API prompts, filled in for one job."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem

PERSON = "person"
BUILDING = "building"
FILE_NAMES = {PERSON: "DDColor人物黑白修复.json", BUILDING: "DDColor建筑黑白修复.json"}
COLORIZE_CLASSES = frozenset({"DDColor-ddcolorize", "DDColor_Colorize"})

Prompt = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow: its UI form as users save it, its API form as jobs submit it.

    Attributes:
        object_type: ``person`` or ``building``.
        file_name: the UI form's file name in the workflows folder.
        ui_form: its bytes.
        api_form: node id to node.
    """

    object_type: str
    file_name: str
    ui_form: bytes
    api_form: Prompt

    def prompt(self, photo: str, filename_prefix: str) -> Prompt:
        """The API form with its photo and its output's prefix filled in."""
        filled = copy.deepcopy(dict(self.api_form))
        self._only_node(filled, frozenset({"LoadImage"}))["inputs"]["image"] = photo
        self._only_node(filled, frozenset({"SaveImage"}))["inputs"]["filename_prefix"] = (
            filename_prefix
        )
        return filled

    def colorize_node(self) -> str:
        """The id of the node that colours."""
        return self._find(self.api_form, COLORIZE_CLASSES)

    def node_classes(self) -> frozenset[str]:
        """Every node class that the workflow needs of a service."""
        return frozenset(str(node["class_type"]) for node in self.api_form.values())

    def _only_node(self, prompt: Prompt, classes: frozenset[str]) -> dict[str, Any]:
        node: dict[str, Any] = prompt[self._find(prompt, classes)]
        return node

    def _find(self, prompt: Prompt, classes: frozenset[str]) -> str:
        found = [key for key, node in prompt.items() if node.get("class_type") in classes]
        if len(found) != 1:
            raise UsageProblem(
                f"{self.file_name} has {len(found)} nodes of {'/'.join(sorted(classes))}, not one",
                "a drill fills in one photo and reads one picture per job",
            )
        return found[0]


def load_workflows(directory: Path) -> dict[str, Workflow]:
    """Both workflows of *directory* (UI form) and *directory*/api (API form), by object type.

    Raises:
        UsageProblem: a file is absent or not what it should be.
    """
    loaded = {}
    for object_type, name in FILE_NAMES.items():
        try:
            ui_form = (directory / name).read_bytes()
            json.loads(ui_form)
            api_form = json.loads((directory / "api" / name).read_bytes())
            workflow = Workflow(object_type, name, ui_form, api_form)
            workflow.prompt("probe.png", "probe")
            workflow.colorize_node()
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise UsageProblem(
                f"workflow {name} in {directory} cannot be read: {type(error).__name__}: {error}",
                "export it from ComfyUI in API format once more",
            ) from error
        loaded[object_type] = workflow
    return loaded
