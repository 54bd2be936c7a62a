"""A small adapter over toxiproxy-python: one server, every call bounded, everything read back.

The package keeps its address in a process-global and sets no time-outs; both are mended here, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import toxiproxy.api
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from colordrill.errors import EnvironmentProblem

CALL_LIMIT_S = 5.0
_WRONG_SHAPE = (TypeError, AttributeError)
"""What the package raises where the answer is JSON, but not Toxiproxy's."""


def _bounded(method: str, url: str, **arguments: Any) -> requests.Response:
    response = requests.request(method, url, timeout=CALL_LIMIT_S, **arguments)
    # the package takes a server error for an empty answer, and that for a stack without toxics
    if response.status_code >= requests.codes.server_error:
        response.raise_for_status()
    return response


class _BoundedRequests:
    """Stands in for ``requests`` inside the package: the same three calls, with a time-out."""

    get = staticmethod(partial(_bounded, "GET"))
    post = staticmethod(partial(_bounded, "POST"))
    delete = staticmethod(partial(_bounded, "DELETE"))


toxiproxy.api.requests = _BoundedRequests()


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

    @contextmanager
    def _server(self) -> Iterator[Any]:
        """The package's server object, aimed at this address, with time-outs on every call."""
        address = urlsplit(self.base_url)
        server = Toxiproxy()
        server.update_api_consumer(address.hostname, address.port)
        try:
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
