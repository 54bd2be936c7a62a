"""The links of the stack that run through Toxiproxy, and the replacement of a stuck Toxiproxy.

Toxics live in Toxiproxy's memory alone; its links come from a file. So a Toxiproxy that was started
anew is as the stack began, whatever became of the old one.
"""

from __future__ import annotations

from enum import StrEnum

from colordrill.clock import Clock, SystemClock, poll
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import TOXIPROXY_PORT, Part
from colordrill.stack.target import Target
from colordrill.stack.toxiproxy import ToxiproxyServer

REPLACEMENT_LIMIT_S = 15.0


class LinkName(StrEnum):
    """Every link, as the stack's file of links calls it: who asks, then who answers."""

    GATEWAY_PRIMARY = "gateway-primary"
    PRIMARY_STORAGE = "primary-storage"
    PRIMARY_BACKUP = "primary-backup"
    PRIMARY_GIT = "primary-git"
    PRIMARY_DR_STORAGE = "primary-dr-storage"


def toxiproxy_of(target: Target) -> ToxiproxyServer:
    """The control API at its present address, which changes with every start.

    Raises:
        EnvironmentProblem: the part is absent or publishes no port.
    """
    return ToxiproxyServer(target.endpoint(Part.TOXIPROXY, TOXIPROXY_PORT))


def replace_toxiproxy(target: Target, clock: Clock | None = None) -> None:
    """Put a Toxiproxy with untouched links in the place of a stuck, dead or absent one.

    Args:
        target: the stack.
        clock: bounds the wait for the new one's answer.

    Raises:
        EnvironmentProblem: it could not be started.
        WaitExpired: its control API did not answer within `REPLACEMENT_LIMIT_S`.
    """
    if target.state(Part.TOXIPROXY).exists:
        # not only restarted: a frozen process takes no SIGTERM, and a thawed one keeps its toxics
        target.thaw(Part.TOXIPROXY)
        target.kill([Part.TOXIPROXY])
        target.start(Part.TOXIPROXY)
    else:
        target.recreate(Part.TOXIPROXY)
    poll(
        clock or SystemClock(),
        lambda: _links(target),
        awaited="the links of a new Toxiproxy",
        timeout_s=REPLACEMENT_LIMIT_S,
        explain=lambda: target.logs(Part.TOXIPROXY, tail=5),
    )


def _links(target: Target) -> bool | None:
    try:
        return bool(toxiproxy_of(target).links()) or None
    except EnvironmentProblem:
        return None
