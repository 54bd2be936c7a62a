"""Switches the public address from one site to another, by HAProxy's runtime API."""

from __future__ import annotations

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, ServiceProblem
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Target

BACKEND = "sites"
COMMAND = "haproxy-command"
FORCED_OFF = 0x01
"""The bit of ``srv_admin_state`` that ``state maint`` sets and ``state ready`` clears. Another one
stays for ever at a server that was switched off in the configuration, as the DR site's is."""

READ_BACK_LIMIT_S = 10.0


def fence(target: Target, site: Site) -> None:
    """Let the gateway send nothing to *site*: clients are refused at once instead.

    Raises:
        EnvironmentProblem: the gateway refused the command.
    """
    _command(target, f"set server {BACKEND}/{site} state maint")


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
    _command(target, f"set server {BACKEND}/{site} state ready")
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


def serves(target: Target, site: Site) -> bool:
    """Whether the gateway sends requests to *site*, as far as its operators have said.

    Raises:
        EnvironmentProblem: the gateway does not say.
    """
    executed = target.execute(
        Part.GATEWAY, [COMMAND, f"show servers state {BACKEND}"], timeout_s=5.0
    )
    rows = [line.split() for line in executed.stdout.splitlines()]
    columns = next((row[1:] for row in rows if row[:1] == ["#"]), [])
    for row in rows:
        said = dict(zip(columns, row, strict=False))
        state = said.get("srv_admin_state", "")
        if said.get("srv_name") == site and state.isdigit():
            return not int(state) & FORCED_OFF
    raise EnvironmentProblem(
        f"the gateway does not say whether {site} is active: {executed.stdout.strip()[:200]!r}"
    )


def _command(target: Target, command: str) -> None:
    executed = target.execute(Part.GATEWAY, [COMMAND, command], timeout_s=5.0)
    # HAProxy answers a successful "set server" with an empty line, a refusal with its reason
    if executed.exit_code != 0 or executed.stdout.strip():
        raise EnvironmentProblem(
            f"the gateway refused {command!r}: {(executed.stdout + executed.stderr).strip()}"
        )
