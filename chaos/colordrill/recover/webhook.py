"""Sends notices to administrators' receiver: in order, signed, retried, in one thread beside."""

from __future__ import annotations

import asyncio
import math
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import httpx

from colordrill.clock import NS_PER_S, Clock, seconds_between
from colordrill.errors import ColordrillError
from colordrill.history import EventType, History, Operation
from colordrill.recover.attempt import Attempt, post, without_httpx_log
from colordrill.recover.notices import SILENT, Notice, NoticeEvent, Notifier, signature
from colordrill.scenario.notify import NotifySpec

_CLOSING_PAUSE_S = 0.5
"""No pause is longer once the end has come, or one notice would take the time of all others."""

_END_GRACE_S = 2.0
"""What the thread may need to close a connection when its time is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a delivery.

    Attributes:
        connect_s: for a connection.
        silence_s: between two signs of life of the receiver.
        attempt_s: for a whole attempt, whatever the receiver does.
        pauses_s: between two attempts; there is one attempt more than pauses.
        waiting_max: notices that may wait; one more is given up at once.
        close_s: for what is left when the recovery is over.
    """

    connect_s: float = 3.0
    silence_s: float = 5.0
    attempt_s: float = 8.0
    pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    waiting_max: int = 100
    close_s: float = 10.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notice on its way; *operation* is None where the history could not be written."""

    notice: Notice
    operation: Operation | None


class Webhook:
    """A `Notifier` that posts each notice to one address.

    `notify` only puts the notice in a queue. What becomes of it is in the history as an operation
    ``notice``. Nothing here keeps a recovery from going on, not even a proxy or a certificate file
    that cannot be used.

    Args:
        spec: the address and the secret.
        recovery: which recovery the notices are about.
        history: gets the operations.
        clock: stamps notices and bounds pauses.
        limits: what bounds each delivery.
    """

    def __init__(
        self,
        spec: NotifySpec,
        recovery: str,
        history: History,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._spec, self._recovery = spec, recovery
        self._history, self._clock = history, clock
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closing, self._done = threading.Event(), threading.Event()
        self._deadline_ns = 0
        self._made = self._delivered = 0
        self._thread = threading.Thread(target=self._work, name="notices", daemon=True)

    @property
    def made(self) -> int:
        """How many notices there were."""
        return self._made

    def start(self) -> None:
        """Deliver from now on; once only."""
        self._thread.start()

    def notify(
        self,
        event: NoticeEvent,
        *,
        step: str | None = None,
        outcome: str | None = None,
        detail: str = "",
    ) -> None:
        """Put a notice in the queue; see `Notifier`."""
        with self._lock:
            self._made += 1
            notice = Notice(
                delivery=str(uuid.uuid4()),
                recovery=self._recovery,
                sequence=self._made,
                event=event,
                step=step,
                outcome=outcome,
                detail=detail,
                at=self._clock.wall(),
            )
            waiting = _Waiting(notice, self._begun(notice))
            if self._closing.is_set():
                _end(waiting, Attempt(EventType.FAIL, "it came after the end"), 0)
            elif self._queue.qsize() >= self._limits.waiting_max:
                error = f"{self._limits.waiting_max} notices were waiting already"
                _end(waiting, Attempt(EventType.FAIL, error), 0)
            else:
                self._queue.put(waiting)

    def close(self) -> int:
        """Wait for what is left, within the limit.

        Returns:
            How many notices are not known to have been delivered.
        """
        with self._lock:
            if not self._closing.is_set():
                limit_ns = int(self._limits.close_s * NS_PER_S)
                self._deadline_ns = self._clock.now_ns() + limit_ns
                self._closing.set()
                self._queue.put(None)
        self._clock.wait(self._done, self._limits.close_s + _END_GRACE_S)
        return self._made - self._delivered

    def _begun(self, notice: Notice) -> Operation | None:
        # a full disk must neither stop a runbook here nor keep the notice from being sent
        with suppress(ColordrillError):
            return self._history.invoke(
                "notice",
                receiver=self._spec.receiver,
                delivery=notice.delivery,
                sequence=notice.sequence,
                event=notice.event.value,
                step=notice.step,
            )
        return None

    def _work(self) -> None:
        with without_httpx_log(), asyncio.Runner() as runner:
            try:
                client = self._client()
                while (waiting := self._queue.get()) is not None:
                    self._deliver(partial(self._attempt, runner, client), waiting)
            finally:
                # not after the loop has closed: that waits for a name that is still looked up
                self._done.set()

    def _client(self) -> httpx.AsyncClient | Attempt:
        """A client, or what every attempt without one comes to."""
        try:
            return httpx.AsyncClient(
                timeout=httpx.Timeout(self._limits.silence_s, connect=self._limits.connect_s),
                # a connection that is kept open would be stale by the next step
                limits=httpx.Limits(max_keepalive_connections=0),
                # unlike the stack a receiver may be behind a proxy or have a company's certificate
                trust_env=True,
            )
        except Exception as error:  # noqa: BLE001 (ValueError, ImportError, OSError, SSLError …)
            # its message may hold the proxy's password
            cause = f"the proxy or SSL_CERT_FILE cannot be used: {type(error).__name__}"
            return Attempt(EventType.FAIL, cause)

    def _deliver(self, send: Callable[[Notice, float], Attempt], waiting: _Waiting) -> None:
        last = Attempt(EventType.FAIL, "there was no time left to send it")
        attempts, doubtful = 0, False
        for pause_s in (*self._limits.pauses_s, 0.0):
            left_s = self._left_s()
            if left_s <= 0:
                break
            last = send(waiting.notice, min(self._limits.attempt_s, left_s))
            attempts += 1
            doubtful = doubtful or last.type is EventType.UNKNOWN
            if not last.again:
                break
            self._pause(pause_s)
        if last.type is EventType.OK:
            self._delivered += 1
        elif doubtful:
            # an earlier attempt may have arrived, although nobody answered
            last = Attempt(EventType.UNKNOWN, last.error)
        _end(waiting, last, attempts)

    def _attempt(
        self,
        runner: asyncio.Runner,
        client: httpx.AsyncClient | Attempt,
        notice: Notice,
        limit_s: float,
    ) -> Attempt:
        if isinstance(client, Attempt):
            return client
        body, timestamp = notice.body(), str(int(self._clock.wall().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "colordrill",
            "X-Colordrill-Delivery": notice.delivery,
            "X-Colordrill-Timestamp": timestamp,
            "X-Colordrill-Signature": signature(self._spec.secret, timestamp, body),
        }
        try:
            return runner.run(post(client, self._spec.url, headers, body, limit_s))
        except Exception as error:  # noqa: BLE001 (later notices must not be lost with this one)
            # its message may hold the address
            return Attempt(EventType.UNKNOWN, f"sending it crashed: {type(error).__name__}")

    def _left_s(self) -> float:
        if not self._closing.is_set():
            return math.inf
        return seconds_between(self._clock.now_ns(), self._deadline_ns)

    def _pause(self, pause_s: float) -> None:
        if self._closing.is_set():
            self._clock.pause(min(pause_s, _CLOSING_PAUSE_S))
        else:
            self._clock.wait(self._closing, pause_s)


@contextmanager
def notifying(
    spec: NotifySpec | None,
    recovery: str,
    history: History,
    clock: Clock,
    say: Callable[[str], None],
) -> Iterator[Notifier]:
    """A notifier for one recovery; silent without *spec*. What was not delivered is said."""
    if spec is None:
        yield SILENT
        return
    webhook = Webhook(spec, recovery, history, clock)
    webhook.start()
    try:
        yield webhook
    finally:
        missing = webhook.close()
        if missing:
            say(f"{missing} of {webhook.made} notices to {spec.receiver} were not delivered")


def _end(waiting: _Waiting, attempt: Attempt, attempts: int) -> None:
    operation = waiting.operation
    if operation is None:
        return
    with suppress(ColordrillError):
        if attempt.type is EventType.OK:
            operation.ok(attempts=attempts)
        elif attempt.type is EventType.UNKNOWN:
            operation.unknown(attempts=attempts, error=attempt.error)
        else:
            operation.fail(attempts=attempts, error=attempt.error)
