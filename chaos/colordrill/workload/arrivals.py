"""Open-loop arrivals: things happen when they are due, however slow the service is."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.history import History


class GivenUp(Exception):
    """Raised by an arrival that was told to end before its answer came; it stays undecided."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of arrival: what happens, and how many seconds lie between two."""

    name: str
    interval_s: float
    act: Callable[[], object]


class Arrivals:
    """Lets streams arrive at their rate, each arrival in a thread of its own.

    At most *in_flight_max* run at once; an arrival beyond that is written down as turned away,
    so that the bound never slows the others and never goes unseen.

    Args:
        streams: what arrives.
        clock: says when.
        history: gets a note ``turned_away`` per arrival beyond the bound, and ``client_error`` for
            anything that a client raised and did not write down itself.
        in_flight_max: the bound.
    """

    def __init__(
        self, streams: tuple[Stream, ...], clock: Clock, history: History, in_flight_max: int
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._history = history
        self._stop = threading.Event()
        self._slots = threading.Semaphore(in_flight_max)
        self._pool = ThreadPoolExecutor(in_flight_max, thread_name_prefix="client")
        self._pacer = threading.Thread(target=self._pace, name="arrivals", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Let the streams arrive from now on; once only."""
        self._pacer.start()

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Let nothing more arrive and wait until what is under way has ended, at its own limit."""
        self._stop.set()
        if self._pacer.is_alive():
            self._pacer.join()
        self._pool.shutdown(wait=True)

    def _pace(self) -> None:
        started_ns = self._clock.now_ns()
        due = [(started_ns, number) for number in range(len(self._streams))]
        heapq.heapify(due)
        while not self._stop.is_set():
            due_ns, number = due[0]
            if self._clock.wait(self._stop, seconds_between(self._clock.now_ns(), due_ns)):
                return
            stream = self._streams[number]
            heapq.heapreplace(due, (due_ns + int(stream.interval_s * NS_PER_S), number))
            if self._slots.acquire(blocking=False):
                self._pool.submit(self._run, stream)
            else:
                self._history.note("turned_away", stream=stream.name)

    def _run(self, stream: Stream) -> None:
        try:
            stream.act()
        except GivenUp:
            pass
        except Exception as error:  # noqa: BLE001 (written down; it is missing evidence)
            self._history.note("client_error", stream=stream.name, error=repr(error))
        finally:
            self._slots.release()
