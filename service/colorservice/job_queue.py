"""Pending, running and finished jobs.

*Weakness* kept on purpose: all of it is in memory, so a restart forgets every job and every
history entry.
"""

import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, cast

HISTORY_ENTRIES_MAX = 10_000
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
"""What of a job's extra data the history does not keep."""

Job = tuple[float, str, dict[str, Any], Any, list[str]]
"""``(number, prompt_id, prompt, extra_data, outputs)``, as ``GET /queue`` shows it."""


class _Finished:
    """A finished job; nothing changes it any more, so its JSON is made once."""

    __slots__ = ("_member", "content")

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._member: str | None = None

    def member(self, key: str) -> str:
        """Return ``"key": content`` as it stands inside a JSON object."""
        if self._member is None:
            self._member = json.dumps({key: self.content})[1:-1]
        return self._member


class JobQueue:
    """A priority queue of jobs and the history of the finished ones; safe between threads."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """Make an empty queue; ``on_change`` is called at every change, under the lock."""
        self._on_change = on_change
        self._changed = threading.Condition(threading.RLock())
        self._pending: list[Job] = []
        self._running: dict[int, Job] = {}
        self._serial = itertools.count()
        self._history: dict[str, _Finished] = {}
        self._flags: dict[str, bool] = {}

    def put(self, job: Job) -> None:
        """Add a job; a lower number runs first, then a lower id.

        Raises:
            TypeError: number and id are those of another pending job whose prompt differs: Python
                cannot say which is lower. *Weakness* kept on purpose: the job is queued all the
                same.
        """
        with self._changed:
            heapq.heappush(self._pending, job)
            self._on_change()
            self._changed.notify()

    def take(self, timeout_s: float) -> tuple[int, Job] | None:
        """Wait for a job and mark it running.

        Returns:
            The ticket to finish it with and the job; None when the time is up or a flag was set.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._flags, timeout_s)
            if not self._pending:
                return None
            job = heapq.heappop(self._pending)
            ticket = next(self._serial)
            # What is shown is the job as it was submitted: running it adds to its prompt.
            self._running[ticket] = deepcopy(job)
            self._on_change()
        return ticket, job

    def finish(self, ticket: int, result: dict[str, Any], status: dict[str, Any]) -> None:
        """Move a running job to the history; a second job with the same id overwrites it."""
        with self._changed:
            job = self._running.pop(ticket)
            if len(self._history) > HISTORY_ENTRIES_MAX:
                self._history.pop(next(iter(self._history)))
            for name in _SECRETS:
                if name in job[3]:
                    del job[3][name]
            content = {"prompt": job, "outputs": {}, "status": status, **result}
            self._history[job[1]] = _Finished(content)
            self._on_change()

    def current(self) -> tuple[list[Job], list[Job]]:
        """Return the running jobs and the pending ones, the latter in heap order."""
        with self._changed:
            return list(self._running.values()), list(self._pending)

    def remaining(self) -> int:
        """Count the jobs that are not finished."""
        with self._changed:
            return len(self._pending) + len(self._running)

    def clear(self) -> None:
        """Forget every pending job; a running one goes on."""
        with self._changed:
            self._pending.clear()
            self._on_change()

    def delete(self, prompt_id: object) -> bool:
        """Forget the first pending job with this id; False when there is none."""
        with self._changed:
            for index, job in enumerate(self._pending):
                if job[1] == prompt_id:
                    del self._pending[index]
                    heapq.heapify(self._pending)
                    self._on_change()
                    return True
        return False

    def history(self, max_items: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Return finished jobs, oldest first.

        Args:
            max_items: at most so many; without an offset the newest ones.
            offset: skip so many of the oldest; negative means not given.
        """
        with self._changed:
            return {key: entry.content for key, entry in self._choose(max_items, offset)}

    def history_text(self, max_items: int | None = None, offset: int = -1) -> str:
        """Return the same as JSON; of each job that is made once, and not once for each request."""
        with self._changed:
            chosen = list(self._choose(max_items, offset))
        # outside the lock, so that nobody waits for the encoding
        members = [entry.member(key) for key, entry in chosen]
        return "{" + ", ".join(members) + "}"

    def _choose(self, max_items: int | None, offset: int) -> Iterator[tuple[str, "_Finished"]]:
        if offset < 0 and max_items is not None:
            offset = len(self._history) - max_items
        chosen = itertools.islice(self._history.items(), max(offset, 0), None)
        # ComfyUI counts after it has added one, so max_items=0 still yields an entry.
        return itertools.islice(chosen, None if max_items is None else max(max_items, 1))

    def history_entry(self, prompt_id: str) -> dict[str, Any]:
        """Return ``{prompt_id: entry}``, or ``{}`` for an unknown or unfinished job."""
        with self._changed:
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: entry.content}

    def clear_history(self) -> None:
        """Forget every finished job."""
        with self._changed:
            self._history.clear()

    def delete_history(self, prompt_id: object) -> None:
        """Forget one finished job; an unknown id is ignored.

        Raises:
            TypeError: the id is a list or a mapping.
        """
        with self._changed:
            self._history.pop(cast("str", prompt_id), None)

    def set_flag(self, name: str) -> None:
        """Ask the worker for something (``free_memory``, ``unload_models``) and wake it."""
        with self._changed:
            self._flags[name] = True
            self._changed.notify()

    def take_flags(self) -> dict[str, bool]:
        """Return the requests made since the last call."""
        with self._changed:
            flags, self._flags = self._flags, {}
            return flags
