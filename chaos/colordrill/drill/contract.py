"""What a drill needs of a colorization service, part by part: the judgements, as pure functions.

The facts come from `colordrill.drill.service_probes` and `colordrill.drill.container_probes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from colordrill.scenario.service import ColorizeNode
from colordrill.stack.ownership import Owner


class Outcome(StrEnum):
    """What a part of the contract does."""

    HOLDS = "holds"
    MISSING = "MISSING"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of the contract.

    Attributes:
        name: what was looked at.
        outcome: whether it is as a drill needs it; unknown where it could not be looked at.
        detail: what was seen.
        remedy: what to do about it, or what to know; may be empty.
    """

    name: str
    outcome: Outcome
    detail: str
    remedy: str = ""


def holds(name: str, detail: str, remedy: str = "") -> Clause:
    """A part that is as a drill needs it."""
    return Clause(name, Outcome.HOLDS, detail, remedy)


def missing(name: str, detail: str, remedy: str) -> Clause:
    """A part that a drill needs and that is not there."""
    return Clause(name, Outcome.MISSING, detail, remedy)


def unknown(name: str, detail: str) -> Clause:
    """A part that could not be looked at."""
    return Clause(name, Outcome.UNKNOWN, detail)


def judge_version(stats: Mapping[str, Any]) -> Clause:
    """The software, as /system_stats names it."""
    system = stats.get("system")
    said: Mapping[str, Any] = system if isinstance(system, dict) else {}
    version = said.get("comfyui_version")
    if not version:
        return unknown("version", "/system_stats names no comfyui_version")
    return holds("version", f"ComfyUI {version}, PyTorch {said.get('pytorch_version', '?')}")


def judge_node(node: ColorizeNode, definition: Mapping[str, Any] | None) -> Clause:
    """The node that colours: its class, its inputs, and sizes within their range."""
    if definition is None:
        return missing(
            "node",
            f"the service has no node class {node.class_type}",
            "install the node pack in the image, or set service.node.class_type",
        )
    inputs = _inputs(definition)
    wanted = (node.image_input, node.size_input, node.model_input)
    absent = [name for name in wanted if name not in inputs]
    if absent:
        return missing(
            "node",
            f"{node.class_type} has no input {', '.join(absent)}; it has {', '.join(inputs)}",
            "set service.node.image_input, size_input and model_input",
        )
    limits = _options(inputs[node.size_input])
    least, most = limits.get("min", 0), limits.get("max", float("inf"))
    outside = [
        size for size in (node.person_size_px, node.building_size_px) if not least <= size <= most
    ]
    if outside:
        return missing(
            "node",
            f"{node.size_input} is {least} to {most}, not {', '.join(map(str, outside))}",
            "set service.node.person_size_px and building_size_px",
        )
    return holds("node", f"{node.class_type} with {', '.join(wanted)}")


def judge_checkpoint_offered(node: ColorizeNode, definition: Mapping[str, Any] | None) -> Clause:
    """Whether the node offers the configured checkpoint."""
    name = "checkpoint offered"
    if definition is None or node.model_input not in _inputs(definition):
        return unknown(name, "the node that would offer it is not as configured")
    offered = _choices(_inputs(definition)[node.model_input])
    if offered is None:
        return unknown(name, f"{node.model_input} is no list of files")
    if node.checkpoint not in offered:
        return missing(
            name,
            f"{node.model_input} offers {', '.join(map(str, offered)) or 'nothing'}, "
            f"not {node.checkpoint}",
            "set service.node.checkpoint, and service.checkpoint_file or mounts.models",
        )
    return holds(name, node.checkpoint)


def judge_messages(messages: Sequence[Mapping[str, Any]]) -> Clause:
    """What the WebSocket said of one job, from its start to its end."""
    said = [str(each.get("type")) for each in messages]
    ended = any(
        each.get("type") == "executing" and (each.get("data") or {}).get("node") is None
        for each in messages
    )
    absent = [name for name in ("execution_start", "executing", "executed") if name not in said]
    if absent or not ended:
        lacking = ", ".join([*absent, *([] if ended else ["the end (executing with no node)"])])
        return missing(
            "websocket",
            f"of one job came {', '.join(said) or 'nothing'}; not {lacking}",
            "a drill polls /history, but the web page needs these messages",
        )
    return holds("websocket", f"{len(said)} messages from execution_start to the end")


def judge_cache(fresh: Iterable[str], repeated: Iterable[str], colorize_node: str) -> Clause:
    """Whether a photo under a fresh name is coloured anew, as canaries rely on.

    Args:
        fresh: nodes from the cache when the photo's name was fresh.
        repeated: the same when the very same prompt was sent again.
        colorize_node: the id of the node that colours.
    """
    if colorize_node in set(fresh):
        return missing(
            "result cache",
            "a photo under a fresh name was answered from the cache",
            "switch off what caches by content: a canary would prove nothing after a restore",
        )
    again = "from the cache" if colorize_node in set(repeated) else "coloured anew"
    return holds("result cache", f"a fresh name is coloured anew, the same prompt is {again}")


def judge_owner(found: Mapping[str, Owner], agents: Owner) -> Clause:
    """Whose the service's files are, against whom the agents that back up and restore run as.

    Args:
        found: volume to the owner of a file that the service wrote there.
        agents: as the image's user or service.user says.
    """
    if not found:
        return unknown("user", f"the image runs as {agents}; no file of it was found")
    others = {name: owner for name, owner in found.items() if owner.uid != agents.uid}
    if others:
        listed = ", ".join(f"{name}: {owner}" for name, owner in others.items())
        return missing(
            "user",
            f"the image is said to run as {agents}, its files belong to others ({listed})",
            f'set service.user = "{next(iter(others.values()))}": then restored files are its own',
        )
    return holds("user", f"{agents}; the agents that back up and restore run as the same")


def judge_termination(ended_s: float | None, exit_code: int | None, waited_s: float) -> Clause:
    """What SIGTERM does to the container's first process."""
    if ended_s is None:
        return holds(
            "SIGTERM",
            f"ignored for {waited_s:g} s, as ComfyUI does as PID 1",
            "`docker stop` waits 10 s and kills; an init (tini, `init: true`) ends it at once",
        )
    return holds("SIGTERM", f"ends it after {ended_s:.1f} s, exit code {exit_code}; no drain")


def judge_first_picture(seconds: float, rto_s: float) -> Clause:
    """How long after the container's start the first picture was there."""
    detail = f"{seconds:.1f} s after the start; the objective is {rto_s:g} s for the whole recovery"
    if seconds < rto_s:
        return holds("first picture", detail)
    return missing(
        "first picture",
        detail,
        "no drill can pass: make the image start faster, or set objectives.rto_s to what is meant",
    )


def _inputs(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A node's inputs by name, required and optional."""
    groups = definition.get("input")
    found: dict[str, Any] = {}
    for group in ("required", "optional"):
        each = groups.get(group) if isinstance(groups, dict) else None
        found.update(each if isinstance(each, dict) else {})
    return found


def _options(entry: Any) -> dict[str, Any]:
    has = isinstance(entry, list | tuple) and len(entry) > 1 and isinstance(entry[1], dict)
    return dict(entry[1]) if has else {}


def _choices(entry: Any) -> list[Any] | None:
    """A list input's values, in the older notation and in the newer one."""
    if not isinstance(entry, list | tuple) or not entry:
        return None
    if isinstance(entry[0], list):
        return list(entry[0])
    options = _options(entry).get("options")
    return list(options) if entry[0] == "COMBO" and isinstance(options, list) else None
