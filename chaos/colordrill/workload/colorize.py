"""One colorization as a client does it: upload, submit, wait for the end, fetch the picture."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass

from colordrill.clock import Clock, seconds_between
from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import Answer, ComfyClient, Finished, RequestUncertain
from colordrill.workload.arrivals import GivenUp
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import Prompt, Workflow

POLL_EVERY_S = 0.1
REQUEST_LIMIT_S = 5.0


class Deadline:
    """What is left of an operation's limit, on the drill's clock.

    Args:
        clock: the drill's.
        limit_s: for the whole operation.
        given_up: set when nobody waits for the operation any more.
    """

    def __init__(
        self, clock: Clock, limit_s: float, given_up: threading.Event | None = None
    ) -> None:
        self._clock = clock
        self._given_up = given_up
        self._started_ns = clock.now_ns()
        self.limit_s = limit_s

    def left_s(self) -> float:
        """Seconds left; negative when the limit has passed."""
        return self.limit_s - seconds_between(self._started_ns, self._clock.now_ns())

    def request_s(self) -> float:
        """The time-out for one request within the limit.

        Raises:
            RequestUncertain: nothing is left.
            GivenUp: nobody waits for it any more.
        """
        if self._given_up is not None and self._given_up.is_set():
            raise GivenUp
        left_s = self.left_s()
        if left_s <= 0:
            raise RequestUncertain(f"no answer within {self.limit_s:g} s")
        return min(left_s, REQUEST_LIMIT_S)


def new_prompt_id() -> str:
    """A fresh prompt id: a lowercase UUID, as newer services demand."""
    return str(uuid.uuid4())


def await_end(
    client: ComfyClient, clock: Clock, prompt_id: str, deadline: Deadline, *, patient: bool
) -> Finished:
    """Poll /history until the job has ended.

    Args:
        client: the service.
        clock: paces the polls.
        prompt_id: the job.
        deadline: the whole operation's limit.
        patient: go on polling through failed polls (a user reloading the page) instead of taking
            the first one as the answer (a canary).

    Raises:
        RequestUncertain: the limit passed.
        GivenUp: nobody waits for it any more.
        ServiceProblem: a poll failed (impatient), or the job ended in an error.
    """
    while True:
        try:
            finished = client.finished(prompt_id, timeout_s=deadline.request_s())
        except ServiceProblem:
            if not patient or deadline.left_s() <= 0:
                raise
            finished = None
        if finished is not None:
            if not finished.succeeded or not finished.outputs:
                raise ServiceProblem(f"the job ended without a picture: {finished.messages}")
            return finished
        clock.pause(POLL_EVERY_S)


def fetch_output(client: ComfyClient, finished: Finished, deadline: Deadline) -> Answer:
    """The bytes of the job's first saved picture."""
    subfolder, filename = finished.outputs[0]
    return client.view("output", subfolder, filename, timeout_s=deadline.request_s())


def output_item(finished: Finished) -> str:
    """The history's item name of the job's first saved picture."""
    subfolder, filename = finished.outputs[0]
    return "/".join(part for part in ("output", subfolder, filename) if part)


@dataclass(frozen=True, slots=True)
class Coloured:
    """A whole colorization: the job's end, the picture, the prompt that was submitted, its id."""

    finished: Finished
    answer: Answer
    prompt: Prompt
    prompt_id: str


def colour(
    client: ComfyClient,
    clock: Clock,
    workflow: Workflow,
    photo: Photo,
    name: str,
    deadline: Deadline,
) -> Coloured:
    """Upload *photo* under the fresh name *name*, have it coloured, fetch the picture.

    Args:
        client: the service.
        clock: paces the polls.
        workflow: what is run.
        photo: what is uploaded.
        name: unique; also the prefix of the output, so that nothing comes from a cache.
        deadline: for all of it together.

    Raises:
        RequestUncertain: the limit passed, or nobody can tell.
        GivenUp: nobody waits for it any more.
        ServiceProblem: a request was refused, or the job ended without a picture.
    """
    kept = client.upload(f"{name}-{photo.name}", photo.content, timeout_s=deadline.request_s())
    prompt = workflow.prompt(kept, name)
    prompt_id = new_prompt_id()
    client.submit(prompt, prompt_id, timeout_s=deadline.request_s())
    finished = await_end(client, clock, prompt_id, deadline, patient=False)
    return Coloured(finished, fetch_output(client, finished, deadline), prompt, prompt_id)
