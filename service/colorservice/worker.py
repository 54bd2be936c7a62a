"""The worker thread: takes one job after the other and records what became of it."""

import gc
import logging
import threading
import time

from colorservice.execution import Executor, Messenger
from colorservice.job_queue import Job, JobQueue

_LOG = logging.getLogger(__name__)
_WAIT_S = 1000.0


class Worker:
    """Drives an executor from a queue, in a thread of its own.

    *Weakness* kept on purpose: an exception outside a node ends the thread for good. The job then
    stays "running" for ever, later ones wait for ever, and HTTP answers as if all were well.
    """

    def __init__(self, queue: JobQueue, executor: Executor, messenger: Messenger) -> None:
        """Prepare; ``start`` begins."""
        self._queue = queue
        self._executor = executor
        self._messenger = messenger

    def start(self) -> None:
        """Start the thread; it dies with the process."""
        threading.Thread(target=self._run, name="worker", daemon=True).start()

    def _run(self) -> None:
        while True:
            taken = self._queue.take(_WAIT_S)
            if taken is not None:
                self._work(*taken)
            flags = self._queue.take_flags()
            if flags.get("free_memory"):
                self._executor.reset()
                gc.collect()

    def _work(self, ticket: int, job: Job) -> None:
        started = time.perf_counter()
        executor = self._executor
        _number, prompt_id, prompt, extra_data, outputs = job
        executor.execute(prompt, prompt_id, extra_data, outputs)
        status = {
            "status_str": "success" if executor.success else "error",
            "completed": executor.success,
            "messages": executor.messages,
        }
        # History first, then the last message: who waits for the message finds the entry.
        self._queue.finish(ticket, {"outputs": executor.outputs, "meta": executor.meta}, status)
        client_id = self._messenger.client_id
        if client_id is not None:
            last = {"node": None, "prompt_id": prompt_id}
            self._messenger.send("executing", last, client_id)
        seconds = time.perf_counter() - started
        _LOG.info("prompt %s executed in %.2f s: %s", prompt_id, seconds, executor.summary)
