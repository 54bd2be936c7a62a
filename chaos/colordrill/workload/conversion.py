"""Derives the API form of a workflow from the web page's form, as the page itself would.

The conversion is comfyui-autograph's. It drops or replaces silently what does not fit the service;
here each such case is a problem with its cause, because a workflow that quietly became another one
is what a restored service must never run.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from autograph.api import (
    flatten_subgraphs,
    get_widget_input_names,
    workflow_to_api_format_with_errors,
)

from colordrill.workload.retarget import NodeLayout
from colordrill.workload.workflow_files import Prompt, WorkflowProblem

PAGE_ONLY = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
"""Node types that exist in the page alone: they carry values or links, and never run."""

UNUSED_VALUES = ("image", "fixed", "increment", "decrement", "randomize", None)
"""Values that the page stores beside those of inputs: the upload button's, and after each seed."""

MUTED, BYPASSED = 2, 4

Definitions = Mapping[str, Mapping[str, Any]]
"""Node class to its entry in ``/object_info``."""


def classes_of(form: Mapping[str, Any]) -> frozenset[str]:
    """The node classes that the service must know to run a page's form.

    Raises:
        WorkflowProblem: the graph is broken.
    """
    with _malformed_is_a_problem():
        return frozenset(str(node["type"]) for node in _running(_flattened(form))) - PAGE_ONLY


def derive(form: Mapping[str, Any], definitions: Definitions) -> Prompt:
    """The API form of a page's form.

    Args:
        form: the page's form.
        definitions: what ``/object_info`` says of its node classes; others may be there too.

    Raises:
        WorkflowProblem: the service lacks a node class, a stored value fits no input of its node,
            or the graph is broken; every cause is named.
    """
    known = {name: dict(definition) for name, definition in definitions.items()}
    with _malformed_is_a_problem():
        flat = _flattened(form)
        causes = [*_unknown(flat, known), *_stored_by_name(flat)]
        if causes:
            raise _underivable(causes)
        result = workflow_to_api_format_with_errors(
            flat, node_info=known, use_api=True, include_meta=False
        )
        causes = [
            f"node {each.node_id}: {each.message}"
            for each in (*result.errors, *result.warnings)
            if (each.details or {}).get("class_type") not in PAGE_ONLY
        ]
        prompt: dict[str, Any] = dict(result.data or {})
        nodes = {str(node["id"]): node for node in _running(flat)}
        _drop_links_to_muted(prompt)
        causes += _replaced_values(prompt, nodes, form)
        if causes or not prompt:
            raise _underivable(causes or ["no node of it would run"])
        for key, node in prompt.items():
            node["_meta"] = {"title": _title(nodes[key], known)}
    return prompt


def differences(recorded: Prompt, derived: Prompt) -> list[str]:
    """Where two API forms differ, titles aside: one text per difference."""
    found = [f"node {key} is only in the UI form" for key in derived.keys() - recorded.keys()]
    found += [f"node {key} is only in the API form" for key in recorded.keys() - derived.keys()]
    for key in derived.keys() & recorded.keys():
        ours, theirs = recorded[key], derived[key]
        if ours["class_type"] != theirs["class_type"]:
            found.append(f"node {key} is {ours['class_type']}, in the UI {theirs['class_type']}")
            continue
        for name in sorted(ours["inputs"].keys() | theirs["inputs"].keys()):
            recorded_value = ours["inputs"].get(name, "absent")
            derived_value = theirs["inputs"].get(name, "absent")
            if recorded_value != derived_value:
                found.append(
                    f"node {key}: {name} is {recorded_value!r}, in the UI {derived_value!r}"
                )
    return sorted(found)


def layout_of(definition: Mapping[str, Any], class_type: str, named: frozenset[str]) -> NodeLayout:
    """The widgets of a node class as a service defines it.

    Args:
        definition: its entry in ``/object_info``.
        class_type: its name.
        named: inputs that are given values elsewhere; the others get their defaults.
    """
    widgets = tuple(
        get_widget_input_names(class_type, {class_type: dict(definition)}, use_api=True)
    )
    inputs = definition.get("input", {})
    specs = {**inputs.get("optional", {}), **inputs.get("required", {})}
    return NodeLayout(
        widgets, {name: _default(specs[name]) for name in widgets if name not in named}
    )


def _default(spec: list[Any]) -> Any:
    kind, options = spec[0], spec[1] if len(spec) > 1 else {}
    if "default" in options:
        return options["default"]
    offered = kind if isinstance(kind, list) else options.get("options", [])
    return offered[0] if offered else None


@contextmanager
def _malformed_is_a_problem() -> Iterator[None]:
    """What a malformed graph makes the library or this module raise has one name."""
    try:
        yield
    except WorkflowProblem:
        raise
    except Exception as error:
        raise _underivable([f"its graph is malformed: {error!r}"]) from error


def _flattened(form: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = flatten_subgraphs(copy.deepcopy(dict(form)))
    if not all({"id", "type"} <= node.keys() for node in flat["nodes"]):
        raise ValueError("a node lacks its id or its type")
    return flat


def _running(flat: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (node for node in flat["nodes"] if node.get("mode", 0) not in {MUTED, BYPASSED})


def _unknown(flat: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    types = {str(node["type"]) for node in _running(flat)} - PAGE_ONLY - known.keys()
    return [f"the service does not know the node {name}" for name in sorted(types)]


def _stored_by_name(flat: Mapping[str, Any]) -> list[str]:
    return [
        f"node {node['id']} ({node['type']}) stores its values by name, which is not supported"
        for node in _running(flat)
        if isinstance(node.get("widgets_values"), dict)
    ]


def _drop_links_to_muted(prompt: dict[str, Any]) -> None:
    """As the page does: an input that is fed by a node that does not run is not sent."""
    for node in prompt.values():
        node["inputs"] = {
            name: value
            for name, value in node["inputs"].items()
            if not is_link(value) or value[0] in prompt
        }


def _replaced_values(
    prompt: Prompt, nodes: Mapping[str, Mapping[str, Any]], form: Mapping[str, Any]
) -> list[str]:
    """Stored values that fit no input: the conversion silently takes the default instead."""
    subgraphs = (form.get("definitions") or {}).get("subgraphs", [])
    folded = [*form["nodes"], *(node for each in subgraphs for node in each["nodes"])]
    instances = [node for node in folded if node["type"] in {each["id"] for each in subgraphs}]
    promoted = [value for node in instances for value in node.get("widgets_values") or []]
    found = []
    for key, node in prompt.items():
        stored = list(nodes[key].get("widgets_values") or [])
        used = [value for value in node["inputs"].values() if not is_link(value)]
        unused = [value for value in stored if value not in used and value not in UNUSED_VALUES]
        fed = {
            slot["name"] for slot in nodes[key].get("inputs") or [] if slot.get("link") is not None
        }
        replaced = [
            f"{name} ({value!r})"
            for name, value in node["inputs"].items()
            if name not in fed and value not in stored and value not in promoted
        ]
        if unused and replaced:
            found.append(
                f"node {key} ({node['class_type']}): the stored {unused!r} fits none of "
                f"{', '.join(replaced)}"
            )
    return found


def is_link(value: object) -> bool:
    """Whether an input's value is another node's output: ``[node id, slot]``."""
    return (
        isinstance(value, list)
        and len(value) == len(("node", "slot"))
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def _title(node: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    shown = known[node["type"]].get("display_name")
    return str(node.get("title") or shown or node["type"])


def _underivable(causes: list[str]) -> WorkflowProblem:
    return WorkflowProblem(
        f"the UI form cannot be turned into an API form: {'; '.join(causes)}",
        "open the workflow in ComfyUI, mend what it marks red, and save it",
    )
