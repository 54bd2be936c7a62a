"""Switches the public address from one site to another, by HAProxy's runtime API."""

from __future__ import annotations

import csv

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, ServiceProblem, WaitExpired
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Target

BACKEND = "sites"
SHOW = f"show servers state {BACKEND}"
FORCED_OFF = 0x01
"""The bit of ``srv_admin_state`` that ``state maint`` sets and ``state ready`` clears."""
SHOW_STATISTICS = "show stat"
COMMAND = "haproxy-command"
READ_BACK_LIMIT_S = 10.0
REQUESTS_LIMIT_S = 5.0


def fence(target: Target, site: Site) -> None:
    """Let the gateway send nothing to *site*: clients are refused at once instead.

    Raises:
        EnvironmentProblem: the gateway refused the command.
    """
    _command(target, f"set server {BACKEND}/{site} state maint")


def unfence(target: Target, site: Site) -> None:
    """Let the gateway send to *site* again.

    Raises:
        EnvironmentProblem: the gateway refused the command.
    """
    _command(target, f"set server {BACKEND}/{site} state ready")


def end_requests(target: Target, site: Site, clock: Clock) -> str:
    """Wait until no request to the fenced *site* is under way, and cut what does not end.

    What is cut was not answered: connections that are open for long, as browsers' are, and uploads
    that stand still.

    Returns:
        What was done, for the record; empty where nothing was cut.

    Raises:
        EnvironmentProblem: the gateway refused the command, or does not say what is under way.
    """
    try:
        poll(
            clock,
            lambda: _requests(target, site) == 0 or None,
            awaited=f"the requests to {site} to end",
            timeout_s=REQUESTS_LIMIT_S,
        )
    except WaitExpired:
        left = _requests(target, site)
        _command(target, f"shutdown sessions server {BACKEND}/{site}")
        return f"{left} connections to {site} were cut"
    return ""


def _requests(target: Target, site: Site) -> int:
    """How many connections of clients are at *site* now."""
    executed = target.execute(Part.GATEWAY, [COMMAND, SHOW_STATISTICS], timeout_s=5.0)
    lines = executed.stdout.lstrip("# ").splitlines()
    try:
        rows = csv.DictReader(lines)
        return next(
            int(row["scur"])
            for row in rows
            if (row["pxname"], row["svname"]) == (BACKEND, site.value)
        )
    except (KeyError, ValueError, StopIteration) as error:
        raise EnvironmentProblem(
            f"the gateway does not say how many requests are at {site}: {executed.stdout[:200]!r}",
            "see its log",
        ) from error


def switch_gateway(target: Target, client: ComfyClient, site: Site, clock: Clock) -> str:
    """Make *site* the only active one, and see the public address answer from it.

    The other site is switched off first: two active sites would both be written to.

    Args:
        target: runs the gateway's runtime commands.
        client: the public address, for the read-back.
        site: the site to activate.
        clock: bounds the read-back.

    Returns:
        What the read-back saw, for the record.

    Raises:
        EnvironmentProblem: the gateway refused a command, or another site still answers.
    """
    for other in Site:
        if other is not site:
            fence(target, other)
    unfence(target, site)
    seen = "nobody"

    def answered_by_site() -> str | None:
        nonlocal seen
        try:
            _, answering = client.system_stats(timeout_s=2.0)
        except ServiceProblem as error:
            seen = str(error)
            return None
        seen = answering or "a gateway that names no site"
        return seen if answering == site else None

    answering = poll(
        clock,
        answered_by_site,
        awaited=f"the public address to answer from {site}",
        timeout_s=READ_BACK_LIMIT_S,
        every_s=0.05,
        explain=lambda: f"it was answered by: {seen}",
    )
    return f"the public address answers from {answering}"


def active_sites(target: Target) -> frozenset[Site]:
    """The sites that the gateway was not told to leave alone, read from the gateway itself.

    Raises:
        EnvironmentProblem: it does not answer, or does not name both sites.
    """
    executed = target.execute(Part.GATEWAY, [COMMAND, SHOW], timeout_s=5.0)
    # after the version comes "# be_id be_name srv_id srv_name ...", then a line for each server
    lines = executed.stdout.splitlines()
    names = next((line[1:].split() for line in lines if line.startswith("#")), [])
    servers = [
        dict(zip(names, line.split(), strict=False)) for line in lines if f" {BACKEND} " in line
    ]
    try:
        states = {each["srv_name"]: int(each["srv_admin_state"]) for each in servers}
        return frozenset(site for site in Site if not states[site] & FORCED_OFF)
    except (KeyError, ValueError) as error:
        said = (executed.stdout + executed.stderr).strip()[:200]
        raise EnvironmentProblem(
            f"the gateway does not say which sites are active: {said!r}", "see its log"
        ) from error


def _command(target: Target, command: str) -> None:
    executed = target.execute(Part.GATEWAY, [COMMAND, command], timeout_s=5.0)
    # HAProxy answers a successful "set server" with an empty line, a refusal with its reason
    if executed.exit_code != 0 or executed.stdout.strip():
        raise EnvironmentProblem(
            f"the gateway refused {command!r}: {(executed.stdout + executed.stderr).strip()}"
        )
