"""What goes wrong inside a service that says it is well: its worker is dead."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.clock import Clock, SystemClock
from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.neighbour import (
    OK,
    Neighbour,
    neighbour_of,
    saved_pictures,
    succeeded,
)
from colordrill.fault.parameters import whole
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.site_data import SiteData
from colordrill.fault.witness import a_look
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Capability, Target

STUCK_S = 2.5
"""A job that has not ended by then, behind the deadly one, is stuck."""

PROBE_LIMIT_S = 8.0
"""On a healthy service users' jobs may be before it in the queue."""

RESTART_GRACE_S = 1.0
PHOTO = "colordrill-fault.png"
PREFIX = "colordrill-fault-probe"

# 8 x 8 grey pixels: the smallest job is a picture loaded and saved
PIXELS = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR4nGNogAIGyhgAgIQgAQ2AJGEA"
    "AAAASUVORK5CYII="
)


@dataclass
class ServiceFault:
    """A fault inside the primary's colorization service.

    Attributes:
        target_name: the part: the primary's colorization service.
        service_port: where it listens inside its container.
        clock: bounds the waits.
    """

    target_name: str = str(Part.PRIMARY_COLORIZATION)
    service_port: int = COLORIZATION_PORT
    clock: Clock = field(default_factory=SystemClock, repr=False)
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse another part."""
        self.service_port = whole("service_port", self.service_port, 1, 65535)
        if self.target_name != Part.PRIMARY_COLORIZATION:
            known = [Part.PRIMARY_COLORIZATION]
            raise UnknownName("colorization service", str(self.target_name), known)

    def neighbour(self, target: Target) -> Neighbour:
        """The site's agent."""
        return neighbour_of(target, self.target_name, self.service_port)

    def data(self, target: Target) -> SiteData:
        """The site's folders."""
        return SiteData(target, Part.PRIMARY_AGENT)


class WorkerDead(ServiceFault):
    """The thread that does the jobs has ended; HTTP goes on answering.

    ``memory``: ``poison``: the id of the job that ended it; ``jobs``, ``saved``: the probes, and
    what they saved.
    """

    name: ClassVar[str] = "worker_dead"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE, Capability.STOP})
    about: ClassVar[About] = About(
        effect=(
            "`/system_stats` answers, uploads and new jobs are accepted, and no job ever ends: the "
            "one that ended the worker is shown as running for ever, all others wait behind it."
        ),
        method=(
            'The site\'s agent submits a valid prompt with `"extra_data": null`, which ComfyUI '
            "accepts and on which its worker thread dies."
        ),
        evidence=(
            "The agent submits the smallest job that there is; it has not ended after 2.5 s while "
            "`/system_stats` answers 200 and the deadly job is still listed as running."
        ),
        cure=(
            "The container is stopped and started: nothing else brings the worker back. It is read "
            "back by the agent's smallest job, which ends well."
        ),
        incidents=(
            "One client's malformed request stops a shared ComfyUI for everybody; monitors that "
            "ask `/system_stats` stay green, so it is found by users hours later."
        ),
        targets=("primary-colorization",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The agent's smallest job ends well."""
        self.memory["looked"] = True
        return self._probe(target)

    def inject(self, target: Target) -> None:
        """Submit the job that ends the worker."""
        # fresh, or everything would come from the cache
        prompt = _smallest_job(self._photo(target))
        prompt_id, reply = self.neighbour(target).submit(prompt, extra_data=None)
        if reply.status != OK:
            raise EnvironmentProblem(
                f"the service refuses the prompt that ends its worker: {reply}",
                "this version of ComfyUI may have been mended",
            )
        self.memory["poison"] = prompt_id

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """A job does not end, the deadly one is still running, and the service says it is well."""
        poison = self.memory.get("poison")
        if poison is None:
            return Evidence(seen=False, detail="no job has ended the worker")
        neighbour = self.neighbour(target)
        if poison not in neighbour.running():
            return Evidence(seen=False, detail="the deadly job is not running")
        probed = self._probe(target, STUCK_S)
        alive = neighbour.alive()
        return Evidence(
            seen=alive and not probed.seen,
            detail=f"{probed.detail}, while /system_stats {'answers' if alive else 'is silent'}",
        )

    def heal(self, target: Target) -> None:
        """Restart the container where the worker is dead, and remove what the probes left."""
        if not self.memory.get("looked"):
            return
        part, neighbour = Part(self.target_name), self.neighbour(target)
        stuck = self.memory.get("poison") in neighbour.running()
        if stuck or (neighbour.alive() and not self._probe(target).seen):
            target.stop(part, grace_s=RESTART_GRACE_S)
        target.start(part)
        self._tidy(target)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The agent's smallest job ends well."""
        if not self.neighbour(target).alive():
            return Evidence(seen=False, detail="the service does not answer yet")
        found = self._probe(target)
        self._tidy(target)
        return found

    def _probe(self, target: Target, limit_s: float = PROBE_LIMIT_S) -> Evidence:
        neighbour = self.neighbour(target)
        prompt_id, reply = neighbour.submit(_smallest_job(self._photo(target)))
        if reply.status != OK:
            return Evidence(seen=False, detail=f"the agent's smallest job is refused: {reply}")
        entry = neighbour.await_entry(prompt_id, self.clock, limit_s)
        if entry is None:
            detail = f"the agent's smallest job has not ended after {limit_s:g} s"
            return Evidence(seen=False, detail=detail)
        self.memory.setdefault("jobs", []).append(prompt_id)
        saved = self.memory.setdefault("saved", [])
        saved += ["/".join(filter(None, each)) for each in saved_pictures(entry)]
        what = "ended well" if succeeded(entry) else "ended in an error"
        return Evidence(seen=succeeded(entry), detail=f"the agent's smallest job {what}")

    def _photo(self, target: Target) -> str:
        self.data(target).write(f"input/{PHOTO}", PIXELS)
        return PHOTO

    def _tidy(self, target: Target) -> None:
        data = self.data(target)
        if self.memory.get("jobs"):
            self.neighbour(target).forget_jobs(self.memory["jobs"])
        data.remove(f"input/{PHOTO}")
        for path in self.memory.get("saved", []):
            data.remove(f"output/{path}")
        self.memory.update(jobs=[], saved=[])


def _smallest_job(photo: str) -> dict[str, Any]:
    """A picture loaded and saved under a fresh prefix."""
    prefix = f"{PREFIX}-{secrets.token_hex(4)}"
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": photo}},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": prefix},
        },
    }


FAULTS: tuple[type, ...] = (WorkerDead,)
