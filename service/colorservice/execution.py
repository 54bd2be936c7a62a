"""Runs one prompt: node after node, with the messages that ComfyUI sends.

A node starts only at a node boundary where no interrupt is pending; nothing stops it in between.
"""

import logging
import threading
import time
import traceback
from typing import Any, Protocol

from colorservice.graph import Prompt, links
from colorservice.node_specs import NODE_SPECS, NodeResult
from colorservice.result_cache import ResultCache
from colorservice.settings import Settings
from colorservice.validation import exception_name
from colorservice.warmup import Warmup

_LOG = logging.getLogger(__name__)


class InterruptedByUserError(Exception):
    """Somebody posted to ``/interrupt`` before this node began."""


class Messenger(Protocol):
    """Where messages go; the hub of the WebSocket clients."""

    client_id: Any
    last_node_id: str | None

    def send(self, event: str, data: dict[str, Any], sid: Any = None) -> None:
        """Send to one client, or to all without a ``sid``; callable from any thread."""
        ...


class Executor:
    """Executes prompts one at a time and keeps the cache between them.

    Attributes:
        success: whether the last prompt went well.
        messages: ``[event, data]`` of the last prompt, for its history entry.
        outputs: what the nodes of the last prompt showed, for its history entry.
        meta: which node each of those came from.
        summary: the last prompt in a few words, for the log.
    """

    def __init__(self, messenger: Messenger, settings: Settings, warmup: Warmup) -> None:
        """Make an executor with an empty cache."""
        self._messenger = messenger
        self._settings = settings
        self._warmup = warmup
        self._interrupt = threading.Event()
        self._cache = ResultCache(settings)
        self._nodes_state: dict[str, dict[str, Any]] = {}
        self._executed: list[str] = []
        self.success = True
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.outputs: dict[str, Any] = {}
        self.meta: dict[str, Any] = {}
        self.summary = ""

    def interrupt(self) -> None:
        """Stop at the next node boundary of the prompt that is running now."""
        self._interrupt.set()

    def reset(self) -> None:
        """Forget all results and node instances, models included."""
        self._cache = ResultCache(self._settings)

    def execute(
        self,
        prompt: Prompt,
        prompt_id: str,
        extra_data: Any,
        wanted: list[str],
    ) -> None:
        """Run the wanted output nodes and what they depend on; the outcome is in the attributes.

        Raises:
            TypeError: ``extra_data`` is no container. *Weakness* kept on purpose: it ends the
                worker thread while HTTP goes on answering.
        """
        self._interrupt.clear()
        # "in" and not get(): a string or a list passes here, null and numbers do not.
        named = "client_id" in extra_data
        self._messenger.client_id = extra_data["client_id"] if named else None
        self.messages = []
        self._nodes_state = {}
        self._executed = []
        self._note("execution_start", {"prompt_id": prompt_id})
        self._cache.begin(prompt)
        cached = [node_id for node_id in prompt if self._cache.result(node_id) is not None]
        self._note("execution_cached", {"nodes": cached, "prompt_id": prompt_id})
        self.success = self._run_all(prompt, prompt_id, extra_data, wanted)
        if self.success:
            self._note("execution_success", {"prompt_id": prompt_id})
            self.summary = f"success, {len(self._executed)} nodes run"
        self.outputs, self.meta = {}, {}
        for node_id in prompt:
            shown = self._cache.ui(node_id)
            if shown is not None:
                self.outputs[node_id] = shown["output"]
                self.meta[node_id] = shown["meta"]
        self._messenger.last_node_id = None

    def _note(self, event: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        stamped = {**data, "timestamp": int(time.time() * 1000)}
        self.messages.append((event, stamped))
        if self._messenger.client_id is not None or broadcast:
            self._messenger.send(event, stamped, self._messenger.client_id)

    def _run_all(self, prompt: Prompt, prompt_id: str, extra_data: Any, wanted: list[str]) -> bool:
        for node_id in self._order(prompt, wanted):
            try:
                self._run_node(prompt, prompt_id, extra_data, node_id)
            except Exception as error:  # noqa: BLE001 - every failure of a node is reported
                self._report(prompt, prompt_id, extra_data, node_id, error)
                return False
        return True

    def _order(self, prompt: Prompt, wanted: list[str]) -> list[str]:
        """List what has to run, ancestors first; below a cached result nothing has to."""
        order: list[str] = []
        seen: set[str] = set()
        stack = [(node_id, False) for node_id in reversed(wanted)]
        while stack:
            node_id, expanded = stack.pop()
            if expanded:
                order.append(node_id)
                continue
            if node_id in seen:
                continue
            seen.add(node_id)
            stack.append((node_id, True))
            if self._cache.result(node_id) is None:
                # Weakness kept on purpose: a link to a node that is not there, at an input that
                # nobody declared and so nobody validated, ends the worker thread here.
                sources = [source for source, _ in links(prompt[node_id]).values()]
                missing = [s for s in sources if self._cache.result(s) is None]
                stack.extend((source, False) for source in reversed(missing))
        return order

    def _run_node(self, prompt: Prompt, prompt_id: str, extra_data: Any, node_id: str) -> None:
        client_id = self._messenger.client_id
        about = {"node": node_id, "display_node": node_id, "prompt_id": prompt_id}
        if self._cache.result(node_id) is not None:
            # An output whose picture is "already there" is shown again without running.
            if client_id is not None:
                shown = self._cache.ui(node_id) or {}
                output = shown.get("output")
                self._messenger.send("executed", {**about, "output": output}, client_id)
            self._progress(prompt_id, node_id, "finished")
            return
        self._progress(prompt_id, node_id, "running")
        if client_id is not None:
            self._messenger.last_node_id = node_id
            self._messenger.send("executing", about, client_id)
        result = self._call(prompt, extra_data, node_id)
        self._cache.store(node_id, result)
        if result.ui and client_id is not None:
            self._messenger.send("executed", {**about, "output": result.ui}, client_id)
        self._executed.append(node_id)
        self._progress(prompt_id, node_id, "finished")

    def _call(self, prompt: Prompt, extra_data: Any, node_id: str) -> NodeResult:
        class_type = prompt[node_id]["class_type"]
        inputs = self._inputs(prompt, extra_data, node_id)
        node = self._cache.object(node_id, class_type)
        if node is None:
            node = self._warmup.wait().create_node(class_type, self._settings)
            self._cache.store_object(node_id, class_type, node)
        if self._interrupt.is_set():
            self._interrupt.clear()
            raise InterruptedByUserError
        return node.run(**inputs)

    def _inputs(self, prompt: Prompt, extra_data: Any, node_id: str) -> dict[str, Any]:
        node = prompt[node_id]
        spec = NODE_SPECS[node["class_type"]]
        linked = links(node)
        values: dict[str, Any] = {}
        for name, value in node["inputs"].items():
            if name in linked:
                # Also at an input that the node does not have: it then fails on it.
                source, slot = linked[name]
                result = self._cache.result(source)
                known = result is not None and slot < len(result.outputs)
                values[name] = result.outputs[slot] if result and known else None
            elif name in spec.required:
                values[name] = value
        for name, kind in spec.hidden.items():
            values[name] = prompt if kind == "PROMPT" else extra_data.get("extra_pnginfo")
        return values

    def _progress(self, prompt_id: str, node_id: str, state: str) -> None:
        self._nodes_state[node_id] = {
            "value": 1.0 if state == "finished" else 0.0,
            "max": 1.0,
            "state": state,
            "node_id": node_id,
            "prompt_id": prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        about = {"prompt_id": prompt_id, "nodes": dict(self._nodes_state)}
        # To all when the job came without a client.
        self._messenger.send("progress_state", about, self._messenger.client_id)

    def _report(
        self,
        prompt: Prompt,
        prompt_id: str,
        extra_data: Any,
        node_id: str,
        error: Exception,
    ) -> None:
        class_type = prompt[node_id]["class_type"]
        about = {
            "prompt_id": prompt_id,
            "node_id": node_id,
            "node_type": class_type,
            "executed": list(self._executed),
        }
        if isinstance(error, InterruptedByUserError):
            self._note("execution_interrupted", about, broadcast=True)
            self.summary = f"interrupted before node {node_id} ({class_type})"
            return
        kind = exception_name(error)
        details = {
            "exception_message": f"{error}\n",
            "exception_type": kind,
            "traceback": traceback.format_tb(error.__traceback__),
            "current_inputs": self._shown_inputs(prompt, extra_data, node_id),
            "current_outputs": list(prompt),
        }
        self._note("execution_error", {**about, **details})
        self.summary = f"error in node {node_id} ({class_type}): {kind}: {error}"
        _LOG.debug("node %s failed", node_id, exc_info=error)

    def _shown_inputs(self, prompt: Prompt, extra_data: Any, node_id: str) -> dict[str, list[Any]]:
        try:
            inputs = self._inputs(prompt, extra_data, node_id)
        except Exception:  # noqa: BLE001 - the inputs themselves may be what is broken
            return {}
        return {
            name: [value if isinstance(value, int | float | str | None) else str(value)]
            for name, value in inputs.items()
        }
