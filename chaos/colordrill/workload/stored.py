"""The workflows as the service holds them now: what users get when they open one.

A job made from our own file would never show that the service's file was deleted, or is an older
one: the canary takes the service's.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace

from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.conversion import classes_of, derive
from colordrill.workload.workflow_files import WorkflowProblem
from colordrill.workload.workflows import Workflow


@dataclass(slots=True)
class StoredWorkflows:
    """Reads workflows from a service, and turns each content into an API form once."""

    _known: dict[tuple[str, bytes], Workflow] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def current(self, workflow: Workflow, client: ComfyClient, timeout_s: float) -> Workflow:
        """*workflow* with the content that the service holds under its name.

        Raises:
            RequestUncertain: nobody can tell what it holds.
            ServiceProblem: it holds no such file, or one that cannot be run.
        """
        content = client.read_workflow(workflow.file_name, timeout_s=timeout_s).body
        if content == workflow.ui_form:
            return workflow
        # by its name too: somebody may have saved one workflow over another
        key = (workflow.file_name, content)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = _as_stored(workflow, content, client)
            with self._lock:
                self._known[key] = known
        return known


def _as_stored(workflow: Workflow, content: bytes, client: ComfyClient) -> Workflow:
    try:
        form = json.loads(content)
        definitions = {}
        for name in sorted(classes_of(form)):
            definition = client.node_class(name)
            if definition is not None:
                definitions[name] = definition
        stored = replace(workflow, ui_form=content, api_form=derive(form, definitions))
        # it must have its photo and its output where a job fills them in
        stored.prompt("probe.png", "probe")
        stored.colorize_node()
    except (ValueError, WorkflowProblem) as error:
        raise ServiceProblem(
            f"the service's {workflow.file_name} cannot be run: {error}",
            "restore the workflow from a recovery point",
        ) from error
    return stored
