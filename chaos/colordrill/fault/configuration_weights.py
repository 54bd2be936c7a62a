"""What faults of the primary's weights share: the file, the job that proves them, the cure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from colordrill.clock import Clock, SystemClock
from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault.neighbour import (
    OK,
    SERVER_ERROR,
    UNANSWERED,
    Neighbour,
    Reply,
    neighbour_of,
    plain_prompt,
    saved_pictures,
    succeeded,
)
from colordrill.fault.parameters import text, whole
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.site_data import SiteData
from colordrill.fault.witness import a_look
from colordrill.picture import PictureProblem, Pixels, decode
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Capability, Target

BUNDLED = "ddcolor/ddcolor_nano.safetensors"
JOB_LIMIT_S = 8.0
GRID = 16
DIFFERENCE_MAX = 255.0
SAME_MAX = 1.0
"""Mean difference of 8-bit values up to which two pictures are of the same weights."""


@dataclass
class WeightsFault:
    """A fault of one checkpoint of the primary.

    Attributes:
        target_name: the part: the primary's colorization service.
        checkpoint: the file, relative to the models folder.
        service_port: where the colorization service listens inside its container.
        clock: bounds the waits.
        memory: ``digest``: of the file as it was; ``job``, ``picture``: a job, and the picture
            that it gave; ``saved``, ``jobs``: the fault's own jobs, and the pictures that they
            saved.
    """

    target_name: str = str(Part.PRIMARY_COLORIZATION)
    checkpoint: str = BUNDLED
    service_port: int = COLORIZATION_PORT
    clock: Clock = field(default_factory=SystemClock, repr=False)
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str]
    about: ClassVar[About]
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})
    armed: ClassVar[bool] = True
    """Whether a first job must fail, after which the next ones succeed on random weights."""

    def __post_init__(self) -> None:
        """Refuse another part, and a path that leaves the models folder."""
        self.service_port = whole("service_port", self.service_port, 1, 65535)
        if self.target_name != Part.PRIMARY_COLORIZATION:
            known = [Part.PRIMARY_COLORIZATION]
            raise UnknownName("service whose weights are changed", str(self.target_name), known)
        path = Path(text("checkpoint", self.checkpoint))
        if path.is_absolute() or ".." in path.parts:
            raise UsageProblem(
                f"checkpoint must be a path inside the models folder, not {self.checkpoint!r}"
            )

    @property
    def path(self) -> str:
        """The file, relative to the site."""
        return f"models/{self.checkpoint}"

    def healthy(self, target: Target) -> Evidence:
        """The file is there, and the newest job gives a picture, which is remembered."""
        digest = SiteData(target, Part.PRIMARY_AGENT).digest(self.path)
        if digest is None:
            return Evidence(seen=False, detail=f"there is no {self.path}")
        neighbour = self._neighbour(target)
        newest = neighbour.newest()
        if newest is None:
            return Evidence(seen=False, detail="no finished job is in the service's history")
        self.memory["digest"] = digest
        self.memory["job"] = plain_prompt(newest)
        said, content = self._colour(neighbour)
        self.memory["picture"] = None if content is None else _thumbnail(content)
        return Evidence(seen=content is not None, detail=f"before: {said}")

    def inject(self, target: Target) -> None:
        """Change the file, have the service forget, and let the first job fail."""
        if "digest" not in self.memory:
            raise EnvironmentProblem(f"{self.path} was never looked at")
        data = SiteData(target, Part.PRIMARY_AGENT)
        data.hold(self.path)
        self.change(data)
        neighbour = self._neighbour(target)
        self._forget(neighbour)
        if self.armed:
            said, content = self._colour(neighbour)
            self.memory["first_job"] = said
            # a user's job may have come first and failed: then this one has random weights already
            if content is not None and _difference(self.memory["picture"], content) <= SAME_MAX:
                raise EnvironmentProblem(
                    f"the service coloured without {self.path}: {said}",
                    "is `checkpoint` the file that the workflows use?",
                )

    def change(self, data: SiteData) -> None:
        """Put something else in the place of the held original."""
        raise EnvironmentProblem(f"{self.name} does not say what it changes in {data.agent}")

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The same job gives another picture, or none."""
        before = self.memory.get("picture")
        if before is None:
            return Evidence(seen=False, detail="no picture from before is known")
        neighbour = self._neighbour(target)
        if not neighbour.alive():
            return Evidence(seen=False, detail="the service does not answer at all")
        said, content = self._colour(neighbour)
        if content is None:
            # other weights colour, if otherwise: whatever made that job fail, they did not
            return Evidence(seen=self.armed, detail=f"the same job as before: {said}")
        difference = _difference(before, content)
        return Evidence(
            seen=difference > SAME_MAX,
            detail=f"the same job's picture differs by {difference:.2f} from before; {said}",
        )

    def heal(self, target: Target) -> None:
        """The original back in its place, then nothing of the other in the service's memory."""
        if "digest" not in self.memory:
            return
        SiteData(target, Part.PRIMARY_AGENT).release(self.path)
        neighbour = self._neighbour(target)
        if neighbour.alive():
            self._forget(neighbour)
        self._tidy(target)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The file is as it was, and so is the picture."""
        if "digest" not in self.memory:
            return Evidence(seen=True, detail=f"{self.path} was not touched")
        data = SiteData(target, Part.PRIMARY_AGENT)
        if data.digest(self.path) != self.memory["digest"]:
            return Evidence(seen=False, detail=f"{self.path} is not what it was")
        neighbour = self._neighbour(target)
        if not neighbour.alive():
            return Evidence(seen=False, detail="the service does not answer")
        said, content = self._colour(neighbour)
        before = self.memory.get("picture")
        if content is None or before is None:
            return Evidence(seen=False, detail=said)
        self._tidy(target)
        difference = _difference(before, content)
        return Evidence(
            seen=difference <= SAME_MAX,
            detail=f"the same job's picture differs by {difference:.2f} from before; {said}",
        )

    def _neighbour(self, target: Target) -> Neighbour:
        return neighbour_of(target, self.target_name, self.service_port)

    def _colour(self, neighbour: Neighbour) -> tuple[str, bytes | None]:
        """Have the remembered job done under a fresh prefix: what was said, and the picture."""
        prompt = _with_prefix(self.memory["job"], f"colordrill-fault-{secrets.token_hex(4)}")
        prompt_id, reply = neighbour.submit(prompt)
        if reply.status != OK:
            _refuse_unasked(reply)
            return f"refused: {reply}", None
        entry = neighbour.await_entry(prompt_id, self.clock, JOB_LIMIT_S)
        if entry is None:
            raise EnvironmentProblem(
                f"a job did not end within {JOB_LIMIT_S:g} s", "is the service overloaded?"
            )
        if not succeeded(entry):
            return f"ended in an error: {_error_of(entry)}", None
        subfolder, filename = saved_pictures(entry)[0]
        self.memory.setdefault("jobs", []).append(prompt_id)
        saved = self.memory.setdefault("saved", [])
        saved.append("/".join(each for each in (subfolder, filename) if each))
        served = neighbour.view(filename, subfolder)
        if served.status != OK:
            raise EnvironmentProblem(f"{filename} was saved, and the service answers {served}")
        return f"{filename} {served.status}", served.content

    def _tidy(self, target: Target) -> None:
        """Remove what the fault's own jobs left: pictures, and their entries in the history."""
        data, neighbour = SiteData(target, Part.PRIMARY_AGENT), self._neighbour(target)
        if self.memory.get("jobs"):
            neighbour.forget_jobs(self.memory["jobs"])
        for path in self.memory.get("saved", []):
            data.remove(f"output/{path}")
        self.memory.update(jobs=[], saved=[])

    def _forget(self, neighbour: Neighbour) -> None:
        """The worker obeys `/free` between two jobs, so any job submitted later comes after it."""
        reply = neighbour.drop_memory()
        if reply.status != OK:
            raise EnvironmentProblem(f"the service does not forget what it holds: {reply}")


def _refuse_unasked(reply: Reply) -> None:
    """Raise EnvironmentProblem where *reply* is no word of the service on the job itself."""
    if reply.status == UNANSWERED or reply.status >= SERVER_ERROR:
        raise EnvironmentProblem(f"the service could not be asked: {reply}")


def _with_prefix(prompt: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The prompt with another prefix of its saved files, so that SaveImage runs again."""
    changed = {
        node_id: {**node, "inputs": dict(node["inputs"])} for node_id, node in prompt.items()
    }
    for node in changed.values():
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = prefix
    return changed


def _error_of(entry: Any) -> str:
    for kind, detail in entry.get("status", {}).get("messages", ()):
        if kind == "execution_error":
            return str(detail.get("exception_message", detail)).strip()[:160]
    return str(entry.get("status", {}).get("status_str"))


def _thumbnail(content: bytes) -> list[list[float]]:
    """The picture's mean colours on a grid: enough to tell other weights, small enough to keep."""
    pixels: Pixels = decode(content)
    rows = np.array_split(pixels.astype(np.float64), min(GRID, pixels.shape[0]), axis=0)
    return [
        [round(float(value), 2) for value in block.mean(axis=(0, 1))]
        for row in rows
        for block in np.array_split(row, min(GRID, pixels.shape[1]), axis=1)
    ]


def _difference(before: list[list[float]], content: bytes) -> float:
    try:
        after = _thumbnail(content)
    except PictureProblem:
        return DIFFERENCE_MAX
    if len(after) != len(before):
        return DIFFERENCE_MAX
    return float(np.abs(np.asarray(before) - np.asarray(after)).mean())
