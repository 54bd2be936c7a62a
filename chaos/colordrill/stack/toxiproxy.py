"""A small adapter over toxiproxy-python: one server, every call bounded, everything read back.

The package keeps its address in a process-global and sets no time-outs; both are mended here, once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import toxiproxy.api
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from colordrill.errors import EnvironmentProblem

CALL_LIMIT_S = 5.0
REMOVAL_LIMIT_S = 0.15
"""A removal that takes longer is waiting for clients that have gone: see `remove_toxics`."""

_WRONG_SHAPE = (TypeError, AttributeError)
"""What the package raises where the answer is JSON, but not Toxiproxy's."""

_ONE_SERVER = threading.RLock()
"""Held while the package's process-global address and time-out are ours."""


class _BoundedRequests:
    """Stands in for ``requests`` inside the package: the same three calls, with a time-out."""

    def __init__(self) -> None:
        self.limit_s = CALL_LIMIT_S
        self.get = partial(self._bounded, "GET")
        self.post = partial(self._bounded, "POST")
        self.delete = partial(self._bounded, "DELETE")

    @contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """Bound the calls of the block by *limit_s* instead."""
        self.limit_s = limit_s
        try:
            yield
        finally:
            self.limit_s = CALL_LIMIT_S

    def _bounded(self, method: str, url: str, **arguments: Any) -> requests.Response:
        response = requests.request(method, url, timeout=self.limit_s, **arguments)
        # the package takes a server error for an empty answer, and that for a stack without toxics
        if response.status_code >= requests.codes.server_error:
            response.raise_for_status()
        return response


_CALLS = _BoundedRequests()
toxiproxy.api.requests = _CALLS


class Stream(StrEnum):
    """Which way data flow through a link, as Toxiproxy names it."""

    UPSTREAM = "upstream"
    """From who opened the connection to the server."""
    DOWNSTREAM = "downstream"
    """From the server back."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """What is to spoil a stream of a link; all of its connections, never a share of them."""

    name: str
    kind: str
    stream: Stream
    attributes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Link:
    """One proxy as the server reports it."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToxiproxyServer:
    """The control API of one Toxiproxy.

    Args:
        base_url: ``http://127.0.0.1:PORT`` of the control API.
    """

    base_url: str

    def links(self) -> dict[str, Link]:
        """Every link by name, with the names of its toxics, read from the server."""
        with self._server() as server:
            return {
                name: Link(
                    name=name,
                    listen=proxy.listen,
                    upstream=proxy.upstream,
                    enabled=proxy.enabled,
                    toxics=tuple(sorted(proxy.toxics())),
                )
                for name, proxy in server.proxies().items()
            }

    def unhealthy_links(self) -> tuple[str, ...]:
        """Links that are off or carry a toxic; empty when every link is as it should be."""
        return tuple(
            name for name, link in sorted(self.links().items()) if link.toxics or not link.enabled
        )

    def add_toxic(self, link: str, toxic: Toxic) -> None:
        """Put *toxic* on *link* and read it back.

        Raises:
            EnvironmentProblem: there is one of that name, or what was read back is another.
        """
        with self._server() as server:
            proxy = self._proxy(server, link)
            if toxic.name in proxy.toxics():
                raise EnvironmentProblem(
                    f"link {link} carries a toxic {toxic.name} already",
                    "heal the fault that added it; a toxic is never replaced silently",
                )
            proxy.add_toxic(
                name=toxic.name,
                type=toxic.kind,
                stream=str(toxic.stream),
                toxicity=1.0,
                attributes=dict(toxic.attributes),
            )
            found = proxy.get_toxic(toxic.name)
            if found is None or not _same(found, toxic):
                said = "nothing" if found is None else vars(found)
                raise EnvironmentProblem(
                    f"Toxiproxy accepted {toxic} on {link}, but reads back {said}",
                    "see logs/toxiproxy.log of the run",
                )

    def remove_toxics(self, link: str, names: Collection[str]) -> None:
        """Take the toxics called *names* off *link*, those that are there, and read that back.

        Toxiproxy waits 5 s for each piece of data that a toxic held back and whose client is gone,
        and lets nothing through the link meanwhile. Then the link is made anew, with the other
        toxics that it carried; that cuts the connections of this link.
        """
        with self._server() as server:
            proxy = self._proxy(server, link)
            found = proxy.toxics()
            try:
                with _CALLS.within(REMOVAL_LIMIT_S):
                    for name in found.keys() & set(names):
                        # gone meanwhile is what was asked for
                        with suppress(NotFound):
                            proxy.destroy_toxic(name)
            except requests.Timeout:
                kept = [toxic for name, toxic in found.items() if name not in names]
                proxy = _made_anew(server, proxy, kept)
            left = sorted(proxy.toxics().keys() & set(names))
            if left:
                raise EnvironmentProblem(
                    f"link {link} still carries {', '.join(left)} after their removal",
                    "see logs/toxiproxy.log of the run",
                )

    def set_enabled(self, link: str, *, enabled: bool) -> None:
        """Open or close *link* for all connections and read that back."""
        with self._server() as server:
            proxy = self._proxy(server, link)
            if proxy.enabled is enabled:
                return
            (proxy.enable if enabled else proxy.disable)()
            if self._proxy(server, link).enabled is not enabled:
                raise EnvironmentProblem(
                    f"Toxiproxy accepted enabled={enabled} for {link}, but reads back the opposite",
                    "see logs/toxiproxy.log of the run",
                )

    def _proxy(self, server: Any, link: str) -> Any:
        proxies = server.proxies()
        if link not in proxies:
            raise EnvironmentProblem(
                f"Toxiproxy at {self.base_url} has no link {link}, only {', '.join(proxies)}",
                "see the links file of the stack, fixtures/stack/toxiproxy.json",
            )
        return proxies[link]

    @contextmanager
    def _server(self) -> Iterator[Any]:
        """The package's server object, aimed at this address, with time-outs on every call."""
        address = urlsplit(self.base_url)
        server = Toxiproxy()
        try:
            with _ONE_SERVER:
                server.update_api_consumer(address.hostname, address.port)
                yield server
        except (requests.RequestException, ValueError, LookupError, *_WRONG_SHAPE) as error:
            raise EnvironmentProblem(
                f"Toxiproxy at {self.base_url} does not answer: {error}",
                "see logs/toxiproxy.log of the run",
            ) from error
        except (NotFound, InvalidToxic, ProxyExists) as error:
            raise EnvironmentProblem(
                f"Toxiproxy at {self.base_url} refused: {error}",
                "see logs/toxiproxy.log of the run",
            ) from error


def _same(found: Any, toxic: Toxic) -> bool:
    """Whether *found* is *toxic*; the server adds attributes that were left out."""
    return (
        (found.type, found.stream) == (toxic.kind, str(toxic.stream))
        and found.toxicity == 1.0
        and dict(toxic.attributes).items() <= dict(found.attributes).items()
    )


def _made_anew(server: Any, proxy: Any, toxics: Iterable[Any]) -> Any:
    proxy.destroy()
    anew = server.create(
        name=proxy.name, listen=proxy.listen, upstream=proxy.upstream, enabled=proxy.enabled
    )
    for each in toxics:
        anew.add_toxic(
            name=each.name,
            type=each.type,
            stream=each.stream,
            toxicity=each.toxicity,
            attributes=each.attributes,
        )
    return anew
