"""A prompt as a graph: nodes by id, and the links between them."""

from typing import Any

Prompt = dict[str, dict[str, Any]]
"""Node id → ``{class_type, inputs}``."""


def is_link(value: object) -> bool:
    """Whether an input's value names an output slot of another node."""
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - node id and slot
        and isinstance(value[0], str)
        and isinstance(value[1], int | float)
    )


def links(node: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return the inputs of a node that come from other nodes: input → (node id, slot).

    Also those that the node's class does not declare, and that no validation has seen.

    Raises:
        KeyError: the node has no inputs at all.
        AttributeError: its inputs are no mapping.
    """
    return {name: (value[0], value[1]) for name, value in node["inputs"].items() if is_link(value)}
