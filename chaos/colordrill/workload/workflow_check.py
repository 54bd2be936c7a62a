"""Whether an API form fits a service: its nodes, their inputs and values, the types of its links.

Stricter than ``POST /prompt``, on purpose: a service ignores inputs that it does not know and does
not enforce steps, so that a workflow for another version of a node runs, and means something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from colordrill.workload.conversion import Definitions, is_link
from colordrill.workload.workflow_files import Prompt

UPLOAD_FLAGS = frozenset({"image_upload", "image_folder"})
"""Of inputs whose value each job fills in: what it says in the file is a placeholder."""


def unknown_nodes(prompt: Prompt, definitions: Definitions) -> list[str]:
    """Nodes whose class the service does not know."""
    return [
        f"the service does not know the node {node['class_type']}"
        for node in prompt.values()
        if node["class_type"] not in definitions
    ]


def wrong_inputs(prompt: Prompt, definitions: Definitions) -> list[str]:
    """What is wrong with the inputs of the nodes that the service knows: one text per input."""
    found = []
    for key, node in prompt.items():
        definition = definitions.get(node["class_type"])
        if definition is not None:
            place = f"node {key} ({node['class_type']})"
            try:
                found += [
                    f"{place}: {each}" for each in _of_node(node, definition, prompt, definitions)
                ]
            except (TypeError, LookupError, AttributeError, ValueError) as error:
                found.append(f"{place}: its definition is not understood: {error!r}")
    return found


def _of_node(
    node: Mapping[str, Any],
    definition: Mapping[str, Any],
    prompt: Prompt,
    definitions: Definitions,
) -> Iterator[str]:
    groups = definition["input"]
    required, optional = groups.get("required", {}), groups.get("optional", {})
    for name in required.keys() - node["inputs"].keys():
        # inputs that grow by themselves are sent as NAME.0, NAME.1, …
        if not any(each.startswith(f"{name}.") for each in node["inputs"]):
            yield f"the required input {name} is missing"
    specs = {**optional, **required}
    for name, value in node["inputs"].items():
        spec = specs.get(name)
        if spec is None:
            if name.partition(".")[0] not in specs:
                yield f"the service's node has no input {name}; it has {', '.join(specs)}"
        elif is_link(value):
            yield from _of_link(name, value, spec[0], prompt, definitions)
        else:
            yield from _of_value(name, value, spec[0], spec[1] if len(spec) > 1 else {})


def _of_link(
    name: str, link: Any, kind: Any, prompt: Prompt, definitions: Definitions
) -> Iterator[str]:
    source, slot = link
    if source not in prompt:
        yield f"{name} comes from node {source}, which there is not"
        return
    origin = definitions.get(prompt[source]["class_type"])
    if origin is None:
        return  # said of that node already
    outputs = origin.get("output", [])
    if not 0 <= slot < len(outputs):
        yield f"{name} comes from output {slot} of node {source}, which has {len(outputs)}"
        return
    given, wanted = _types(outputs[slot]), _types(kind)
    if "*" not in given | wanted and not given & wanted:
        takes, gives = ("/".join(sorted(each)) for each in (wanted, given))
        yield f"{name} takes {takes}, node {source} gives {gives}"


def _types(kind: Any) -> frozenset[str]:
    return frozenset({"COMBO"}) if isinstance(kind, list) else frozenset(str(kind).split(","))


def _of_value(name: str, value: Any, kind: Any, options: Mapping[str, Any]) -> Iterator[str]:
    if any(options.get(flag) for flag in UPLOAD_FLAGS):
        return
    offered = kind if isinstance(kind, list) else options.get("options")
    if isinstance(offered, list):
        if value not in offered:
            yield f"{name} is {value!r}, which the service does not offer: {_some(offered)}"
    elif kind in {"INT", "FLOAT"}:
        yield from _of_number(name, value, kind, options)
    elif kind == "STRING" and not isinstance(value, str):
        yield f"{name} is {value!r}, not a text"
    elif kind == "BOOLEAN" and not isinstance(value, bool):
        yield f"{name} is {value!r}, not true or false"
    elif kind in {"IMAGE", "MASK", "LATENT", "MODEL"}:
        yield f"{name} takes a link to {kind}, not {value!r}"


def _of_number(name: str, value: Any, kind: str, options: Mapping[str, Any]) -> Iterator[str]:
    fits = int if kind == "INT" else int | float
    if isinstance(value, bool) or not isinstance(value, fits):
        yield f"{name} is {value!r}, not {'a whole' if kind == 'INT' else 'a'} number"
        return
    low, high, step = (options.get(each) for each in ("min", "max", "step"))
    if low is not None and value < low:
        yield f"{name} is {value}, less than {low}"
    if high is not None and value > high:
        yield f"{name} is {value}, more than {high}"
    if kind == "INT" and step and (value - (low or 0)) % step:
        yield f"{name} is {value}, which the page would round: it takes steps of {step}"


def _some(offered: list[Any], count: int = 5) -> str:
    shown = ", ".join(str(each) for each in offered[:count]) or "nothing"
    return f"{shown}, … ({len(offered)})" if len(offered) > count else shown
