"""The scoring worker: judges canaries in its own process, so that scoring never delays a clock.

A canary's time is taken when its bytes have arrived; its score is written to the history later.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.history import History
from colordrill.picture import Judgement, judge_files
from colordrill.scenario.model import Objectives
from colordrill.workload.workflows import Prompt


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """One picture to judge; paths are relative to the run's directory.

    Attributes:
        op: id of the canary's operation in the history.
        image: the picture that came back.
        golden: what it is compared with.
        photo: the photo that was uploaded.
        prompt: the prompt that was submitted.
        difference: where to write the difference picture.
    """

    op: str
    image: str
    golden: str
    photo: str
    prompt: Prompt
    difference: str


class ScoringFailed(EnvironmentProblem):
    """The worker is dead: what came back is not judged, and says nothing about who sent it."""


class ScoringWorker:
    """One spawned process that judges canaries in the order in which they came.

    Args:
        history: gets a ``score`` note for each.
        run_directory: what the tasks' paths are relative to.
        objectives: the bounds of a correct picture.
    """

    def __init__(self, history: History, run_directory: Path, objectives: Objectives) -> None:
        self._history = history
        self._directory = run_directory
        self._objectives = objectives
        self._pending: list[threading.Event] = []
        self._pool = ProcessPoolExecutor(
            max_workers=1, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
        )
        # the process starts now, while the stack comes up, and not with the first canary
        self._pool.submit(peak_memory_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: ScoringTask) -> Future[Judgement]:
        """Judge one picture; the note is written before the future's callbacks run.

        Raises:
            ScoringFailed: the worker died before.
        """
        try:
            future = self._pool.submit(
                judge_files,
                output=self._directory / task.image,
                golden=self._directory / task.golden,
                photo=self._directory / task.photo,
                submitted_prompt=dict(task.prompt),
                bounds=self._objectives,
                difference=self._directory / task.difference,
            )
        except BrokenExecutor as error:
            raise ScoringFailed(f"the scoring worker died: {error}") from error
        noted = threading.Event()

        def note(done: Future[Judgement]) -> None:
            try:
                self._note(task, done)
            finally:
                noted.set()

        future.add_done_callback(note)
        self._pending.append(noted)
        return future

    def judgement(self, future: Future[Judgement], timeout_s: float) -> Judgement:
        """The result of *future*.

        Raises:
            WaitExpired: there was none within *timeout_s*.
            ScoringFailed: the worker died.
        """
        try:
            return future.result(timeout=timeout_s)
        except FutureTimeout as error:
            raise WaitExpired(f"waited {timeout_s:g} s for the scoring worker") from error
        except Exception as error:
            raise ScoringFailed(f"the scoring worker failed: {error!r}") from error

    def drain(self, timeout_s: float) -> None:
        """Wait until every submitted picture is judged and its note is in the history.

        Raises:
            WaitExpired: some were not, within *timeout_s*.
        """
        # not on the futures: who waits for one is woken before its callback has written the note
        for noted in self._pending:
            if not noted.wait(timeout_s):
                raise WaitExpired(
                    f"waited {timeout_s:g} s for the scoring worker, and it did not finish",
                    "the machine is overloaded, or the worker died",
                )

    def peak_memory_mb(self, timeout_s: float = 30.0) -> float:
        """Peak resident memory of the worker process in MB (10^6 bytes)."""
        return self._pool.submit(peak_memory_mb).result(timeout=timeout_s)

    def _note(self, task: ScoringTask, done: Future[Judgement]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        data: dict[str, Any] = {"op": task.op, "input": task.photo, "golden": task.golden}
        if error is not None:
            data |= {"correct": None, "reasons": [f"the scoring failed: {error}"], "scores": None}
        else:
            judgement = done.result()
            scores = judgement.scores
            data |= {
                "correct": judgement.correct,
                "reasons": list(judgement.reasons),
                "scores": None if scores is None else asdict(scores),
                "pixels_sha256": judgement.pixels_sha256,
            }
            if (self._directory / task.difference).is_file():
                data["difference"] = task.difference
        self._history.note("score", **data)


def _prepare() -> None:
    """Leave Ctrl-C to the harness, and end when the harness is gone without having said so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes).

    From /proc where there is one: a spawned process inherits its parent's figure in getrusage.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
