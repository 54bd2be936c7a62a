"""Looks at a running service through its API: one clause of the contract after the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.clock import Clock, poll, seconds_between
from colordrill.drill.assets import CANARY_PHOTOS, Assets
from colordrill.drill.contract import (
    Clause,
    holds,
    judge_cache,
    judge_checkpoint_offered,
    judge_messages,
    judge_node,
    judge_version,
    missing,
    unknown,
)
from colordrill.errors import ServiceProblem, WaitExpired
from colordrill.picture import PictureProblem, decode, embedded_prompt, judge, prompts_match
from colordrill.scenario.model import Objectives
from colordrill.stack.comfyui import ComfyClient, Finished
from colordrill.stack.websocket import Listener, listening
from colordrill.workload.colorize import Deadline, await_end, fetch_output, new_prompt_id
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import BUILDING, PERSON, Prompt, Workflow

JOB_LIMIT_S = 120.0
MESSAGES_LIMIT_S = 5.0
WORKFLOW_BYTES = '{"colordrill": "doctor 人"}'.encode()


@dataclass(slots=True)
class Seen:
    """What the probes left in the service, and when its first picture was there.

    Attributes:
        photos: names under which it keeps the photos.
        outputs: subfolder and name of the pictures.
        workflow: a workflow file that is there until `forget` removes it.
        first_picture_ns: monotonic time, None when there was none.
    """

    photos: list[str] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)
    workflow: str | None = None
    first_picture_ns: int | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """One colorization that was carried out."""

    prompt: Prompt
    finished: Finished
    picture: bytes
    seconds: float


@dataclass(slots=True)
class ServiceProbes:
    """Probes of one service; an answer that is wrong is a clause, never an exception.

    Attributes:
        client: the service.
        assets: photos, workflows, goldens.
        bounds: of a correct picture.
        clock: bounds the jobs.
        seen: what the probes left behind.
    """

    client: ComfyClient
    assets: Assets
    bounds: Objectives
    clock: Clock
    seen: Seen = field(default_factory=Seen)

    def run(self) -> Iterator[Clause]:
        """Every clause that shows through the API, the cheap ones first."""
        node = self.assets.service.node
        try:
            yield judge_version(self.client.system_stats()[0])
            definition = self.client.node_class(node.class_type)
        except ServiceProblem as problem:
            yield missing("node", problem.cause, "does this address speak ComfyUI's API?")
            return
        yield judge_node(node, definition)
        yield judge_checkpoint_offered(node, definition)
        yield from self._person()
        yield from self._building()
        yield self._userdata()

    def forget(self) -> None:
        """Remove the workflow file that the probes saved; raises no ServiceProblem of its own."""
        if self.seen.workflow is not None:
            self.client.delete_workflow(self.seen.workflow)
            self.seen.workflow = None

    def _person(self) -> Iterator[Clause]:
        """A job that a WebSocket listens to, and the same prompt once more."""
        workflow, photo = self._canary(PERSON)
        client_id = uuid.uuid4().hex
        try:
            with listening(self.client.base_url, client_id) as listener:
                job = self._job(workflow, self._upload(photo), client_id)
                messages = self._messages(listener)
        except ServiceProblem as problem:
            yield missing("websocket", problem.cause, problem.next_step or "see the service's log")
            try:
                job = self._job(workflow, self._upload(photo), None)
            except ServiceProblem as again:
                yield _no_job(PERSON, again)
                return
            messages = None
        yield _job_clause(PERSON, photo, job)
        if messages is not None:
            yield messages
        yield _embedded(job)
        yield self._golden(PERSON, photo, job)
        yield self._cache(workflow, job)

    def _building(self) -> Iterator[Clause]:
        workflow, photo = self._canary(BUILDING)
        try:
            job = self._job(workflow, self._upload(photo), None)
        except ServiceProblem as problem:
            yield _no_job(BUILDING, problem)
            return
        yield _job_clause(BUILDING, photo, job)
        yield self._golden(BUILDING, photo, job)

    def _canary(self, object_type: str) -> tuple[Workflow, Photo]:
        photo = self.assets.photos[CANARY_PHOTOS[object_type]]
        return self.assets.workflows[object_type], photo

    def _upload(self, photo: Photo) -> str:
        kept = self.client.upload(f"doctor-{new_prompt_id()}-{photo.name}", photo.content)
        self.seen.photos.append(kept)
        return kept

    def _job(self, workflow: Workflow, photo: str, client_id: str | None, prefix: str = "") -> _Job:
        began_ns = self.clock.now_ns()
        deadline = Deadline(self.clock, JOB_LIMIT_S)
        prompt = workflow.prompt(photo, prefix or f"doctor-{new_prompt_id()}")
        prompt_id = new_prompt_id()
        self.client.submit(prompt, prompt_id, client_id=client_id, timeout_s=deadline.request_s())
        finished = await_end(self.client, self.clock, prompt_id, deadline, patient=False)
        picture = fetch_output(self.client, finished, deadline).body
        now_ns = self.clock.now_ns()
        if self.seen.first_picture_ns is None:
            self.seen.first_picture_ns = now_ns
        self.seen.outputs += finished.outputs
        return _Job(prompt, finished, picture, seconds_between(began_ns, now_ns))

    def _messages(self, listener: Listener) -> Clause:
        """The history is written before the last message: it may still be on its way."""
        latest: Clause | None = None

        def complete() -> Clause | None:
            nonlocal latest
            latest = judge_messages([each for each in listener.messages if _of_a_job(each)])
            return latest if latest.outcome == "holds" else None

        try:
            return poll(
                self.clock, complete, awaited="the messages of a job", timeout_s=MESSAGES_LIMIT_S
            )
        except WaitExpired:
            return latest or judge_messages([])

    def _cache(self, workflow: Workflow, job: _Job) -> Clause:
        node = workflow.colorize_node()
        photo, prefix = self.seen.photos[-1], _prefix(job.prompt)
        try:
            repeated = self._job(workflow, photo, None, prefix).finished.cached
        except ServiceProblem as problem:
            return missing(
                "result cache", f"the same prompt once more: {problem.cause}", "see its log"
            )
        return judge_cache(job.finished.cached, repeated, node)

    def _golden(self, object_type: str, photo: Photo, job: _Job) -> Clause:
        name = f"golden {object_type}"
        goldens = [each for each in self.assets.goldens if each.workflow == object_type]
        if not goldens:
            return missing(
                name, "there is none", "capture it with `colordrill golden capture`, and look at it"
            )
        judged = judge(job.picture, goldens[0].content, photo.content, job.prompt, self.bounds)
        if judged.correct is not True:
            return missing(
                name,
                "; ".join(judged.reasons),
                "find out why; if the new colours are right: `colordrill golden capture --force`",
            )
        return holds(name, "the service's picture is within its bounds")

    def _userdata(self) -> Clause:
        name = f"colordrill-doctor-{new_prompt_id()}.json"
        try:
            self.client.save_workflow(name, WORKFLOW_BYTES)
            self.seen.workflow = name
            read = self.client.read_workflow(name).body
        except ServiceProblem as problem:
            return missing("userdata", problem.cause, "users could save no workflow; see its log")
        if read != WORKFLOW_BYTES:
            return missing("userdata", "a saved workflow comes back changed", "see its log")
        return holds("userdata", "a workflow that is saved comes back byte for byte")


def _job_clause(object_type: str, photo: Photo, job: _Job) -> Clause:
    name = f"job {object_type}"
    try:
        height, width = decode(job.picture).shape[:2]
        wanted_height, wanted_width = decode(photo.content).shape[:2]
    except PictureProblem as problem:
        return missing(name, f"the picture is none: {problem.cause}", "see the service's log")
    if (height, width) != (wanted_height, wanted_width):
        return missing(
            name,
            f"the picture has {width}×{height} px, its photo {wanted_width}×{wanted_height}",
            "let the workflow save the picture in the photo's size",
        )
    done = f"upload, prompt, history and view: {width}×{height} px after {job.seconds:.1f} s"
    return holds(name, done)


def _no_job(object_type: str, problem: ServiceProblem) -> Clause:
    return missing(
        f"job {object_type}",
        problem.cause,
        problem.next_step or "see the service's log; does the node take the configured size?",
    )


def _embedded(job: _Job) -> Clause:
    try:
        found = embedded_prompt(job.picture)
    except PictureProblem as problem:
        return unknown("embedded prompt", problem.cause)
    if found is None or not prompts_match(found, job.prompt):
        return missing(
            "embedded prompt",
            "the PNG does not hold the prompt that was submitted",
            "start ComfyUI without --disable-metadata: it shows which workflow made a picture",
        )
    return holds("embedded prompt", "the PNG holds the prompt that was submitted")


def _prefix(prompt: Prompt) -> str:
    nodes: list[dict[str, Any]] = list(prompt.values())
    return next(
        str(each["inputs"]["filename_prefix"])
        for each in nodes
        if "filename_prefix" in each["inputs"]
    )


def _of_a_job(message: Mapping[str, Any]) -> bool:
    return message.get("type") != "status"
