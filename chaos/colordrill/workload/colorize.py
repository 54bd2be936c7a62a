"""One colorization as a client does it: wait for the job's end, fetch the picture."""

from __future__ import annotations

import uuid

from colordrill.clock import Clock, seconds_between
from colordrill.errors import ServiceProblem
from colordrill.stack.comfyui import Answer, ComfyClient, Finished, RequestUncertain

POLL_EVERY_S = 0.1
REQUEST_LIMIT_S = 5.0


class Deadline:
    """What is left of an operation's limit, on the drill's clock."""

    def __init__(self, clock: Clock, limit_s: float) -> None:
        self._clock = clock
        self._started_ns = clock.now_ns()
        self.limit_s = limit_s

    def left_s(self) -> float:
        """Seconds left; negative when the limit has passed."""
        return self.limit_s - seconds_between(self._started_ns, self._clock.now_ns())

    def request_s(self) -> float:
        """The time-out for one request within the limit.

        Raises:
            RequestUncertain: nothing is left.
        """
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
