"""What users do: upload a photo, have it coloured, fetch the picture; save a workflow."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.clock import Clock
from colordrill.errors import ServiceProblem
from colordrill.history import History, Operation
from colordrill.stack.comfyui import ComfyClient, Finished, RequestUncertain
from colordrill.workload.colorize import (
    Deadline,
    await_end,
    fetch_output,
    new_prompt_id,
    output_item,
)
from colordrill.workload.photos import Photo, crop
from colordrill.workload.workflows import Workflow

Data = dict[str, Any]


@dataclass(slots=True)
class Users:
    """The users of the service: each call is one user's whole job, written down step by step.

    Attributes:
        client: the service, through the gateway.
        history: gets ``upload``, ``submit``, ``complete``, ``fetch`` and ``edit`` operations.
        clock: limits and paces.
        photos: what users draw their photos from.
        workflow: what their jobs run.
        limit_s: a job that has not ended by then is given up (its end stays unknown).
        seed: draws photos and crops.
        given_up: set when nobody waits for jobs any more; what is under way stays undecided.
    """

    client: ComfyClient
    history: History
    clock: Clock
    photos: Mapping[str, Photo]
    workflow: Workflow
    limit_s: float
    seed: int
    given_up: threading.Event = field(default_factory=threading.Event)
    _rng: random.Random = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Seed the draws."""
        self._rng = random.Random(self.seed)

    def colour_a_photo(self) -> None:
        """One job from upload to delivery; stops at the first step that does not succeed."""
        job = self.history.new_id("job")
        photo = self._draw_photo(job)
        kept = self._upload(photo)
        if kept is None:
            return
        prompt_id = new_prompt_id()
        if not self._submit(job, prompt_id, kept):
            return
        deadline = Deadline(self.clock, self.limit_s, self.given_up)
        finished = self._complete(job, prompt_id, deadline)
        if finished is not None:
            self._fetch(job, finished, deadline)

    def save_a_workflow(self) -> None:
        """Save a workflow of one's own under a fresh name, as the web page does."""
        name = f"{self.history.new_id('edit')}.json"
        form = json.loads(self.workflow.ui_form)
        form["id"] = name
        content = json.dumps(form, ensure_ascii=False).encode()
        operation = self.history.invoke("edit", item=f"workflows/{name}")

        def save() -> Data:
            self.client.save_workflow(name, content)
            return {"item": f"workflows/{name}", "sha256": _sha256(content)}

        _ended(operation, save)

    def _draw_photo(self, job: str) -> Photo:
        with self._lock:
            name = self._rng.choice(sorted(self.photos))
            return crop(self.photos[name], self._rng, f"{job}-{name}.png")

    def _upload(self, photo: Photo) -> str | None:
        operation = self.history.invoke("upload", item=f"input/{photo.name}")

        def upload() -> Data:
            kept = self.client.upload(photo.name, photo.content)
            return {
                "item": f"input/{kept}",
                "sha256": _sha256(photo.content),
                "bytes": len(photo.content),
            }

        data = _ended(operation, upload)
        return None if data is None else str(data["item"]).removeprefix("input/")

    def _submit(self, job: str, prompt_id: str, photo: str) -> bool:
        operation = self.history.invoke("submit", job=job, workflow=self.workflow.object_type)

        def submit() -> Data:
            self.client.submit(self.workflow.prompt(photo, job), prompt_id)
            return {"job": job}

        return _ended(operation, submit) is not None

    def _complete(self, job: str, prompt_id: str, deadline: Deadline) -> Finished | None:
        operation = self.history.invoke("complete", job=job)
        seen: list[Finished] = []

        def complete() -> Data:
            finished = await_end(self.client, self.clock, prompt_id, deadline, patient=True)
            seen.append(finished)
            return {"job": job, "item": output_item(finished), "cached": list(finished.cached)}

        return seen[0] if _ended(operation, complete) is not None else None

    def _fetch(self, job: str, finished: Finished, deadline: Deadline) -> None:
        operation = self.history.invoke("fetch", job=job, item=output_item(finished))

        def fetch() -> Data:
            content = fetch_output(self.client, finished, deadline).body
            return {
                "job": job,
                "item": output_item(finished),
                "sha256": _sha256(content),
                "bytes": len(content),
            }

        _ended(operation, fetch)


def _ended(operation: Operation, act: Callable[[], Data]) -> Data | None:
    """Run *act*, end *operation* with what it returned or raised; None when it did not succeed."""
    try:
        data = act()
    except RequestUncertain as error:
        operation.unknown(error=str(error))
        return None
    except ServiceProblem as error:
        operation.fail(error=str(error))
        return None
    operation.ok(**data)
    return data


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
