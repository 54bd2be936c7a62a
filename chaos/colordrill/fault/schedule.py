"""Runs what is due at its time, in a thread of its own, one thing after another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import EnvironmentProblem, WaitExpired


@dataclass(frozen=True, slots=True)
class _Due:
    at_ns: int
    act: Callable[[], None]


class Schedule:
    """A list of things to do, each at its time; what fails ends the schedule and is kept.

    Args:
        clock: what is due is due on it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[_Due] = []
        self._last: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: Exception | None = None

    @property
    def pending(self) -> bool:
        """Whether anything is still due."""
        return self._thread is not None and not self._ended.is_set()

    def at(self, started_ns: int, due_s: float, act: Callable[[], None]) -> None:
        """Do *act* when *due_s* seconds have passed since *started_ns*; only before `start`."""
        self._due.append(_Due(started_ns + int(due_s * NS_PER_S), act))

    def at_the_end(self, act: Callable[[], None]) -> None:
        """Do *act* when everything else was done; only before `start`."""
        self._last = act

    def start(self) -> None:
        """Begin, if there is anything to do; what is begun once is not begun again."""
        if not self._due or self._thread is not None:
            return
        # the sort is stable: of two things at one moment the one that was asked for first
        self._due.sort(key=lambda due: due.at_ns)
        self._thread = threading.Thread(target=self._run, name="fault schedule", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait for what is under way (bounded by itself)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def join(self, limit_s: float) -> None:
        """Wait until everything was done.

        Raises:
            WaitExpired: it was not within *limit_s*.
            EnvironmentProblem: something failed, and what came after it was not done.
        """
        if self._thread is None:
            return
        if not self._clock.wait(self._ended, limit_s):
            raise WaitExpired(f"waited {limit_s:g} s for the faults' schedule, and it did not end")
        if self._problem is not None:
            raise EnvironmentProblem(
                f"the faults' schedule broke off: {self._problem}", "see the run's logs/"
            ) from self._problem

    def _run(self) -> None:
        try:
            for due in self._due:
                left_s = seconds_between(self._clock.now_ns(), due.at_ns)
                if self._clock.wait(self._stop, left_s):
                    return
                due.act()
            self._last()
        except Exception as error:  # noqa: BLE001 (told by `join`; the thread has no other reader)
            self._problem = error
        finally:
            self._ended.set()
