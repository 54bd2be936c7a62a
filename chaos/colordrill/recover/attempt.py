"""One attempt to deliver a notice, and what it proves: it arrived, it did not, nobody can tell."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from colordrill.history import EventType

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_NEVER_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BREAKING_OFF = "the receiver broke the connection off, or does not speak HTTP"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended.

    Attributes:
        type: ok, fail or unknown, as in the history: after a time-out nobody knows what arrived.
        error: the cause where it is not ok; never holds a part of the address or of an answer.
        again: whether another attempt may end better.
    """

    type: EventType
    error: str = ""
    again: bool = False


async def post(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, limit_s: float
) -> Attempt:
    """Post *body* once.

    The status is all that is read of the answer. *limit_s* bounds everything together (name,
    connection, each byte of the answer's head), so that a receiver that drips cannot hold it.
    """
    try:
        async with (
            asyncio.timeout(limit_s),
            client.stream("POST", url, content=body, headers=dict(headers)) as response,
        ):
            return judged(response.status_code)
    except TimeoutError:
        error = f"no whole answer within {limit_s:.3g} s"
        return Attempt(EventType.UNKNOWN, error, again=True)
    except _NEVER_REACHED as problem:
        return Attempt(EventType.FAIL, f"no connection: {_reason(problem)}", again=True)
    except httpx.TimeoutException:
        return Attempt(EventType.UNKNOWN, "no answer within the limit of silence", again=True)
    except httpx.TransportError:
        return Attempt(EventType.UNKNOWN, _BREAKING_OFF, again=True)


def judged(status: int) -> Attempt:
    """What the answer *status* means."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Attempt(EventType.OK)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Attempt(EventType.FAIL, f"answered {status}, and redirects are not followed")
    again = status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Attempt(EventType.FAIL, f"answered {status}", again=again)


@contextmanager
def without_httpx_log() -> Iterator[None]:
    """Keep httpx from logging each whole address, where the log level would let it."""
    own, logger = threading.get_ident(), logging.getLogger("httpx")

    def allowed(record: logging.LogRecord) -> bool:
        return record.thread != own

    logger.addFilter(allowed)
    try:
        yield
    finally:
        logger.removeFilter(allowed)


def _reason(problem: BaseException) -> str:
    """The system's own words for the innermost cause: httpx's say only that it did not work."""
    if isinstance(problem, httpx.TimeoutException):
        return "the limit passed"
    words, cause = type(problem).__name__, _cause(problem)
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            words = _words(cause)
        cause = _cause(cause)
    return words


def _cause(problem: BaseException) -> BaseException | None:
    if isinstance(problem, BaseExceptionGroup):
        # one for each address of a name
        return problem.exceptions[-1]
    return problem.__cause__ or problem.__context__


def _words(error: OSError) -> str:
    # TLS and the resolver number their errors themselves; asyncio puts words of its own in others
    own = isinstance(error, ssl.SSLError | socket.gaierror)
    return str(error.strerror) if own else os.strerror(error.errno or 0)
