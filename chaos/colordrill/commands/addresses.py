"""Addresses of services, as options take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

PORTS = range(1, 65536)


def url_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--url``, with *text* as its help."""
    return click.option("--url", metavar="URL", callback=address, help=text)


def address(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The address that an option names, if a service can be asked there."""
    if value is None:
        return None
    import httpx

    try:
        url = httpx.URL(value)
        # as connecting does: a name with an empty or endless part cannot be looked up
        url.host.encode("idna")
        reachable = url.host and (url.port is None or url.port in PORTS)
        sound = reachable and value.startswith(("http://", "https://"))
    except (httpx.InvalidURL, ValueError):
        sound = False
    if not sound or url.query or url.fragment:
        raise click.BadParameter(f"{value!r} is no address like http://127.0.0.1:8188")
    return value
