"""What need not run again.

A result is kept under a key made of the node's class, its inputs and the keys of everything it
depends on. Only results that the newest prompt can use are kept. *Weakness* kept on purpose: the
key of a SaveImage says nothing about the disk, so a prompt whose picture was deleted still counts
as done.
"""

import hashlib
import json
import logging
import math
import uuid
from typing import Any

from colorservice.graph import Prompt, links
from colorservice.node_specs import NODE_SPECS, NodeResult, RunnableNode
from colorservice.settings import Settings

_LOG = logging.getLogger(__name__)


class ResultCache:
    """Results by key, and node instances by id and class."""

    def __init__(self, settings: Settings) -> None:
        """Make an empty cache."""
        self._settings = settings
        self._results: dict[str, NodeResult] = {}
        self._ui: dict[str, dict[str, Any]] = {}
        self._objects: dict[tuple[str, str], RunnableNode] = {}
        self._keys: dict[str, str] = {}

    def begin(self, prompt: Prompt) -> None:
        """Compute the keys for a prompt and drop what it cannot use.

        Adds ``is_changed`` to nodes that have a fingerprint, which therefore shows up in the
        text chunks of the PNG, as in ComfyUI.

        Raises:
            Exception: a node without inputs, or the like. Validation only looks at what an output
                needs. *Weakness* kept on purpose: it ends the worker thread.
        """
        self._keys = {}
        for node_id in prompt:
            self._fingerprint(prompt[node_id])
        for node_id in prompt:
            self._compute_key(prompt, node_id)
        used = set(self._keys.values())
        self._results = {key: value for key, value in self._results.items() if key in used}
        self._ui = {key: value for key, value in self._ui.items() if key in used}
        alive = {(node_id, node["class_type"]) for node_id, node in prompt.items()}
        self._objects = {key: node for key, node in self._objects.items() if key in alive}

    def result(self, node_id: str) -> NodeResult | None:
        """Return what a node of the present prompt gave, or None when it has to run."""
        return self._results.get(self._keys.get(node_id, ""))

    def store(self, node_id: str, result: NodeResult) -> None:
        """Keep what a node of the present prompt gave."""
        key = self._keys[node_id]
        self._results[key] = result
        if result.ui:
            meta = {"node_id": node_id, "display_node": node_id, "real_node_id": node_id}
            self._ui[key] = {"output": result.ui, "meta": {**meta, "parent_node": None}}

    def ui(self, node_id: str) -> dict[str, Any] | None:
        """Return ``{output, meta}`` that a node showed, also when it did so in an older run."""
        return self._ui.get(self._keys.get(node_id, ""))

    def object(self, node_id: str, class_type: str) -> RunnableNode | None:
        """Return the living instance of a node."""
        return self._objects.get((node_id, class_type))

    def store_object(self, node_id: str, class_type: str, node: RunnableNode) -> None:
        """Keep an instance; it survives its own failures (*weakness*: also half-made ones)."""
        self._objects[node_id, class_type] = node

    def _fingerprint(self, node: dict[str, Any]) -> None:
        spec = NODE_SPECS[node["class_type"]]
        if spec.fingerprint is None or "is_changed" in node:
            return
        try:
            node["is_changed"] = [spec.fingerprint(self._settings, node["inputs"])]
        except Exception as error:  # noqa: BLE001 - an unreadable input means "always changed"
            _LOG.warning("cannot fingerprint a %s: %s", spec.class_type, error)
            node["is_changed"] = math.nan

    def _compute_key(self, prompt: Prompt, wanted: str) -> None:
        """Fill in the key of a node and of its ancestors, without recursion."""
        stack = [wanted]
        on_path: set[str] = set()
        while stack:
            node_id = stack[-1]
            if node_id in self._keys:
                stack.pop()
                continue
            sources = {source for source, _slot in self._links_of(prompt, node_id).values()}
            missing = [s for s in sources if s not in self._keys and s not in on_path]
            on_path.add(node_id)
            if missing:
                stack.extend(missing)
                continue
            self._keys[node_id] = self._key(prompt, node_id)
            stack.pop()

    def _links_of(self, prompt: Prompt, node_id: str) -> dict[str, tuple[str, int]]:
        return links(prompt[node_id]) if node_id in prompt else {}

    def _key(self, prompt: Prompt, node_id: str) -> str:
        node = prompt.get(node_id)
        unique = f"never-cached-{uuid.uuid4()}"
        if node is None:
            return unique
        linked = self._links_of(prompt, node_id)
        changed = node.get("is_changed")
        if isinstance(changed, float) and math.isnan(changed):
            return unique
        values = {
            name: ["ancestor", self._keys.get(linked[name][0], unique), linked[name][1]]
            if name in linked
            else ["value", value]
            for name, value in node["inputs"].items()
        }
        text = json.dumps([node["class_type"], changed, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
