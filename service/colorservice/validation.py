"""What is wrong with a submitted prompt, said in ComfyUI's own error types.

The shapes are ComfyUI's: a top-level ``error`` object, and ``node_errors`` by node id. A prompt is
accepted when at least one of its outputs is valid; the errors of the others travel with the 200.
"""

import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from colorservice.graph import Prompt, is_link
from colorservice.node_specs import NODE_SPECS, InputSpec, NodeSpec
from colorservice.settings import Settings

_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}
_COMBO_SHOWN_MAX = 20
_DEPTH_MAX = 980
"""Nodes in a row; where the real service gave up, by Python's recursion limit."""
_FRAMES_PER_NODE = 5

ErrorObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for a whole prompt.

    Attributes:
        valid: at least one output can run.
        error: the top-level error when ``valid`` is false.
        outputs: ids of the output nodes to run.
        node_errors: errors by node id, possibly also of a valid prompt.
    """

    valid: bool
    error: ErrorObject | None = None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)


def describe(kind: str, message: str, details: str, **extra: object) -> ErrorObject:
    """Build one error object."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def exception_name(error: BaseException) -> str:
    """Name an exception's class as ComfyUI does: bare if built in, else with its module."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


class _Walk:
    """One validation: remembers each node's outcome, and how deep in the graph it is."""

    def __init__(self, prompt: Prompt, settings: Settings) -> None:
        self.prompt = prompt
        self.settings = settings
        self.found: dict[str, tuple[bool, list[ErrorObject]]] = {}
        self.depth = 0

    def visit(self, node_id: str) -> bool:
        """Validate a node after everything it depends on; converts its values in place.

        Like ComfyUI it notices neither a cycle nor a chain that is too long before it has gone too
        deep; what is found on the way back replaces that error where the nodes are the same ones,
        so that a cycle is refused without a word about it.

        Raises:
            Exception: whatever a malformed node provokes; the caller makes an error of it.
        """
        if node_id in self.found:
            return self.found[node_id][0]
        if self.depth >= _DEPTH_MAX:
            raise RecursionError("maximum recursion depth exceeded")
        self.depth += 1
        try:
            self.found[node_id] = self._visit_inputs(node_id)
        finally:
            self.depth -= 1
        return self.found[node_id][0]

    def _visit_inputs(self, node_id: str) -> tuple[bool, list[ErrorObject]]:
        node = self.prompt[node_id]
        spec = NODE_SPECS[node["class_type"]]
        inputs = node["inputs"]
        valid = True
        errors: list[ErrorObject] = []
        for name, wanted in spec.inputs(self.settings).items():
            if name not in inputs:
                text = "Required input is missing"
                errors.append(describe("required_input_missing", text, name, input_name=name))
            elif isinstance(inputs[name], list):
                error, upstream_valid = self._check_link(name, wanted, inputs[name])
                valid = valid and upstream_valid
                errors.extend([error] if error else [])
            else:
                error = self._check_value(spec, name, wanted, inputs)
                errors.extend([error] if error else [])
        errors.extend(self._check_custom(spec, inputs))
        return valid and not errors, errors

    def _check_link(
        self,
        name: str,
        wanted: InputSpec,
        link: list[Any],
    ) -> tuple[ErrorObject | None, bool]:
        about = {"input_name": name, "input_config": wanted.config()}
        if len(link) != 2:  # noqa: PLR2004 - a link is a pair
            text = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return describe("bad_linked_input", text, name, **about, received_value=link), True
        source, slot = link
        received = NODE_SPECS[self.prompt[source]["class_type"]].return_types[slot]
        if received != wanted.kind:
            details = f"{name}, received_type({received}) mismatch input_type({wanted.kind})"
            text = "Return type mismatch between linked nodes"
            extra = {**about, "received_type": received, "linked_node": link}
            return describe("return_type_mismatch", text, details, **extra), True
        try:
            return None, self.visit(source)
        except Exception as error:  # noqa: BLE001 - any malformed node is the client's error
            extra = {
                **about,
                "exception_message": str(error),
                "exception_type": exception_name(error),
                "traceback": traceback.format_tb(error.__traceback__, limit=-5),
                "linked_node": link,
            }
            text = "Exception when validating inner node"
            reason = describe("exception_during_inner_validation", text, str(error), **extra)
            self.found[source] = (False, [reason])
            return None, False

    def _check_value(
        self,
        spec: NodeSpec,
        name: str,
        wanted: InputSpec,
        inputs: dict[str, Any],
    ) -> ErrorObject | None:
        value = inputs[name]
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[name] = value["__value__"]
        about: dict[str, Any] = {"input_name": name, "input_config": wanted.config()}
        convert = _CONVERTERS.get(wanted.kind) if isinstance(wanted.kind, str) else None
        if convert is not None:
            try:
                value = inputs[name] = convert(value)
            except (TypeError, ValueError, OverflowError) as error:
                extra = {**about, "received_value": value, "exception_message": str(error)}
                text = f"Failed to convert an input value to a {wanted.kind} value"
                return describe("invalid_input_type", text, f"{name}, {value}, {error}", **extra)
        if name in spec.check:
            return None
        return _check_bounds(name, wanted, value, about)

    def _check_custom(self, spec: NodeSpec, inputs: Mapping[str, Any]) -> list[ErrorObject]:
        """Ask the node's own checks; each is asked even about a value that was found wrong.

        Raises:
            Exception: a check cannot cope with a missing, linked or odd value; as in ComfyUI.
        """
        errors = []
        for name, check in spec.check.items():
            if name not in inputs:
                raise TypeError(f"missing 1 required positional argument: {name!r}")
            complaint = check(self.settings, None if is_link(inputs[name]) else inputs[name])
            if complaint is not None:
                text = "Custom validation failed for node"
                details = f"{name} - {complaint}"
                about = {"input_name": name}
                errors.append(describe("custom_validation_failed", text, details, **about))
        return errors


def _check_bounds(
    name: str,
    wanted: InputSpec,
    value: Any,
    about: dict[str, Any],
) -> ErrorObject | None:
    low, high = wanted.options.get("min"), wanted.options.get("max")
    extra = {**about, "received_value": value}
    if low is not None and value < low:
        text = f"Value {value} smaller than min of {low}"
        return describe("value_smaller_than_min", text, name, **extra)
    if high is not None and value > high:
        text = f"Value {value} bigger than max of {high}"
        return describe("value_bigger_than_max", text, name, **extra)
    # The step is not enforced: neither does ComfyUI.
    if isinstance(wanted.kind, list) and value not in wanted.kind:
        shown = str(wanted.kind)
        if len(wanted.kind) > _COMBO_SHOWN_MAX:
            shown = f"(list of length {len(wanted.kind)})"
            extra["input_config"] = None
        details = f"{name}: '{value}' not in {shown}"
        return describe("value_not_in_list", "Value not in list", details, **extra)
    return None


def _reject(kind: str, message: str, details: str = "") -> Verdict:
    return Verdict(valid=False, error=describe(kind, message, details))


def validate_prompt(
    prompt: Prompt,
    settings: Settings,
    targets: Collection[str] | None = None,
) -> Verdict:
    """Check a prompt and convert its values in place (``"512"`` becomes 512).

    Args:
        prompt: node id → ``{class_type, inputs}``.
        settings: where the file lists come from.
        targets: only these output nodes, when given (``partial_execution_targets``).

    Raises:
        TypeError: the prompt is no mapping of mappings; ComfyUI answers 500 to that.
    """
    # one node is a few calls here and one in ComfyUI: the limit that counts is _DEPTH_MAX
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES_PER_NODE * _DEPTH_MAX))
    outputs = []
    for node_id in prompt:
        node = prompt[node_id]
        where = f"Node ID '#{node_id}'"
        if "class_type" not in node:
            text = "Cannot execute because a node is missing the class_type property."
            return _reject("invalid_prompt", text, where)
        spec = NODE_SPECS.get(node["class_type"])
        if spec is None:
            text = f"Cannot execute because node {node['class_type']} does not exist."
            return _reject("invalid_prompt", text, where)
        if spec.output_node and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return _reject("prompt_no_outputs", "Prompt has no outputs")
    return _judge_outputs(prompt, settings, outputs)


def _judge_outputs(prompt: Prompt, settings: Settings, outputs: list[str]) -> Verdict:
    walk = _Walk(prompt, settings)
    good: list[str] = []
    reasons: list[ErrorObject] = []
    node_errors: dict[str, dict[str, Any]] = {}
    for output in outputs:
        try:
            valid = walk.visit(output)
        except Exception as error:  # noqa: BLE001 - any malformed node is the client's error
            extra = {
                "exception_type": exception_name(error),
                "traceback": traceback.format_tb(error.__traceback__, limit=-5),
            }
            text = "Exception when validating node"
            reason = describe("exception_during_validation", text, str(error), **extra)
            walk.found[output] = (False, [reason])
            valid = False
        if valid:
            good.append(output)
        else:
            reasons.extend(walk.found[output][1])
            _collect(node_errors, walk.found, prompt, output)
    if good:
        return Verdict(valid=True, outputs=good, node_errors=node_errors)
    details = "\n".join(f"{reason['message']}: {reason['details']}" for reason in reasons)
    text = "Prompt outputs failed validation"
    total = describe("prompt_outputs_failed_validation", text, details)
    return Verdict(valid=False, error=total, node_errors=node_errors)


def _collect(
    node_errors: dict[str, dict[str, Any]],
    found: Mapping[str, tuple[bool, list[ErrorObject]]],
    prompt: Prompt,
    output: str,
) -> None:
    """Add the nodes with errors of their own; those that only suffer from others are left out."""
    for node_id, (valid, errors) in found.items():
        if valid or not errors:
            continue
        class_type = prompt[node_id]["class_type"] if node_id in prompt else None
        entry = node_errors.setdefault(
            node_id,
            {"errors": errors, "dependent_outputs": [], "class_type": class_type},
        )
        entry["dependent_outputs"].append(output)
