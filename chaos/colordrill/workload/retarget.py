"""Rewrites workflows that were made for one colorizing node for another one.

Only what the manifest declares is replaced: a size or checkpoint that differs from the declared one
was put there by somebody and is kept, so that `colordrill workflows verify` finds it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.scenario.service import ColorizeNode
from colordrill.workload.object_types import size_px
from colordrill.workload.workflow_files import Prompt, WorkflowProblem


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """The widgets of a node class.

    Attributes:
        widgets: their names in the order in which the page stores their values.
        defaults: values of those that are neither the size nor the checkpoint.
    """

    widgets: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retarget:
    """From the node that a workflow was made for to the one that is wanted.

    Attributes:
        made_for: what the workflow has.
        wanted: what it shall have.
        before: layout of *made_for*'s class.
        after: layout of *wanted*'s class.
        object_type: what the workflow is for.
    """

    made_for: ColorizeNode
    wanted: ColorizeNode
    before: NodeLayout
    after: NodeLayout
    object_type: str

    def __post_init__(self) -> None:
        """Refuse a node whose widgets would stay without a value."""
        known = {self.wanted.size_input, self.wanted.model_input, *self.after.defaults}
        offered = set(self.after.widgets)
        lacking = {self.wanted.size_input, self.wanted.model_input} - offered
        if lacking or not offered <= known:
            raise WorkflowProblem(
                f"the node {self.wanted.class_type} has the widgets "
                f"{', '.join(self.after.widgets) or '(none)'}; configured are "
                f"{self.wanted.size_input} and {self.wanted.model_input}",
                "name the node's own inputs in the configuration",
            )

    def api(self, prompt: Prompt) -> Prompt:
        """The API form, rewritten."""
        rewritten = copy.deepcopy(dict(prompt))
        for node in rewritten.values():
            if node["class_type"] == self.made_for.class_type:
                node["class_type"] = self.wanted.class_type
                inputs = self._renamed(node["inputs"])
                node["inputs"] = {
                    name: inputs.get(name, self.after.defaults.get(name))
                    for name in (self.wanted.image_input, *self.after.widgets)
                    if name in inputs or name in self.after.defaults
                }
                if node.get("_meta", {}).get("title") == self.made_for.class_type:
                    node["_meta"]["title"] = self.wanted.class_type
        return rewritten

    def ui(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """The page's form, rewritten; slots keep their places, so that links stay right.

        Raises:
            WorkflowProblem: a node holds other widgets than its layout says.
        """
        rewritten = copy.deepcopy(dict(form))
        try:
            for node in _nodes(rewritten):
                if node.get("type") == self.made_for.class_type:
                    self._rewrite(node)
        except (TypeError, LookupError, AttributeError) as error:
            raise WorkflowProblem(
                f"a node {self.made_for.class_type} cannot be rewritten: {error!r}",
                "save the workflow from ComfyUI once more",
            ) from error
        return rewritten

    def _rewrite(self, node: dict[str, Any]) -> None:
        stored = node.get("widgets_values")
        if not isinstance(stored, list) or len(stored) != len(self.before.widgets):
            raise WorkflowProblem(
                f"node {node.get('id')} stores {stored!r} where {self.made_for.class_type} has the "
                f"widgets {', '.join(self.before.widgets)}"
            )
        values = self._renamed(dict(zip(self.before.widgets, stored, strict=True)))
        node["type"] = self.wanted.class_type
        if node.get("properties", {}).get("Node name for S&R"):
            node["properties"]["Node name for S&R"] = self.wanted.class_type
        node["widgets_values"] = [
            values.get(name, self.after.defaults.get(name)) for name in self.after.widgets
        ]
        names = self._names()
        for slot in node.get("inputs", []):
            name = names.get(slot["name"], slot["name"])
            slot["name"] = name
            if "localized_name" in slot:
                slot["localized_name"] = name
            if "widget" in slot:
                slot["widget"]["name"] = name

    def _names(self) -> dict[str, str]:
        return {
            self.made_for.image_input: self.wanted.image_input,
            self.made_for.size_input: self.wanted.size_input,
            self.made_for.model_input: self.wanted.model_input,
        }

    def _renamed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        declared = {
            self.made_for.model_input: (self.made_for.checkpoint, self.wanted.checkpoint),
            self.made_for.size_input: (
                size_px(self.object_type, self.made_for),
                size_px(self.object_type, self.wanted),
            ),
        }
        names, renamed = self._names(), {}
        for name, value in values.items():
            before, after = declared.get(name, (None, None))
            kept = before is None or value != before
            renamed[names.get(name, name)] = value if kept else after
        return renamed


def _nodes(form: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a page's form, those inside subgraphs included."""
    yield from form["nodes"]
    for subgraph in (form.get("definitions") or {}).get("subgraphs", []):
        yield from subgraph["nodes"]
