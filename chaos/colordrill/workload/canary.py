"""Canaries: colorizations whose right answer is known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from colordrill.clock import Clock
from colordrill.errors import RecordProblem, ServiceProblem
from colordrill.history import History
from colordrill.picture import Judgement
from colordrill.stack.comfyui import ComfyClient, RequestUncertain
from colordrill.workload.colorize import Deadline, colour
from colordrill.workload.photos import Photo
from colordrill.workload.scoring import ScoringTask, ScoringWorker
from colordrill.workload.stored import StoredWorkflows
from colordrill.workload.workflows import BUILDING, Workflow


@dataclass(frozen=True, slots=True)
class Canary:
    """A photo, a workflow, and the right answer.

    Attributes:
        name: ``person``, ``building`` or ``crop``.
        workflow: what is submitted, with the content that the service holds under its name.
        photo: what is uploaded, each time under a fresh name.
        golden: the right answer, a file in the run's directory (relative path).
        photo_file: the photo as a file in the run's directory (relative path).
    """

    name: str
    workflow: Workflow
    photo: Photo
    golden: str
    photo_file: str


def rotation(canaries: Sequence[Canary]) -> tuple[Canary, ...]:
    """The order in which canaries are sent, again and again: buildings less often than the others.

    They are coloured at four times the size. Sent as often as the others they would take most of
    the service's time, and canaries would be twice as far apart.
    """
    others = [each for each in canaries if each.workflow.object_type != BUILDING]
    buildings = [each for each in canaries if each.workflow.object_type == BUILDING]
    return (*others, *buildings, *others)


class CanaryRunner:
    """Sends canaries and has their pictures scored.

    Args:
        history: gets one operation per canary.
        clock: limits and paces them.
        scoring: judges the pictures.
        directory: the run's directory; pictures go to its ``images/``.
    """

    def __init__(
        self,
        history: History,
        clock: Clock,
        scoring: ScoringWorker,
        directory: Path,
    ) -> None:
        self._history = history
        self._clock = clock
        self._scoring = scoring
        self._directory = directory
        self._stored = StoredWorkflows()

    def send(
        self,
        canary: Canary,
        client: ComfyClient,
        *,
        limit_s: float,
        kind: str = "canary",
        site: str | None = None,
        given_up: threading.Event | None = None,
        unanswered: Callable[[str], None] = lambda _: None,
    ) -> Future[Judgement] | None:
        """Send one canary and write down what became of it.

        Args:
            canary: what to send.
            client: where to.
            limit_s: without its picture after this long the canary is unanswered.
            kind: the operation's kind in the history.
            site: who answers, where no gateway says it.
            given_up: set when nobody waits for it any more.
            unanswered: told why no picture came.

        Returns:
            The future judgement of the picture, None when none came.

        Raises:
            GivenUp: nobody waits for it any more; the operation stays undecided.
            RecordProblem: the history or the picture that came cannot be written.
            ScoringFailed: a picture came, and nobody is there to judge it.
        """
        operation = self._history.invoke(kind, canary=canary.name, photo=canary.photo.name)
        deadline = Deadline(self._clock, limit_s, given_up)
        try:
            workflow = self._stored.current(canary.workflow, client, deadline.request_s())
            coloured = colour(client, self._clock, workflow, canary.photo, operation.id, deadline)
        except RequestUncertain as error:
            operation.unknown(canary=canary.name, error=str(error))
            unanswered(str(error))
            return None
        except ServiceProblem as error:
            operation.fail(canary=canary.name, error=str(error))
            unanswered(str(error))
            return None
        image = f"images/{operation.id}.png"
        operation.ok(
            canary=canary.name,
            site=coloured.answer.site or site,
            image=image,
            colorize_cached=workflow.colorize_node() in coloured.finished.cached,
        )
        self._keep(image, coloured.answer.body)
        return self._scoring.submit(
            ScoringTask(
                op=operation.id,
                image=image,
                golden=canary.golden,
                photo=canary.photo_file,
                prompt=coloured.prompt,
                difference=f"images/{operation.id}-difference.png",
            )
        )

    def _keep(self, image: str, content: bytes) -> None:
        try:
            (self._directory / image).write_bytes(content)
        except OSError as error:
            raise RecordProblem(
                f"the picture {self._directory / image} cannot be written: {error}",
                "free some disk space",
            ) from error

    def judgement(self, future: Future[Judgement], timeout_s: float) -> Judgement:
        """What `send` promised.

        Raises:
            EnvironmentProblem: it did not come within *timeout_s*, or the scoring worker failed.
        """
        return self._scoring.judgement(future, timeout_s)
