"""What a standing stack itself says in an incident; everything here only looks."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from colordrill.backup.points import list_points
from colordrill.drill.attached import AttachedStack
from colordrill.errors import EnvironmentProblem, ServiceProblem
from colordrill.recover.course import World
from colordrill.recover.gateway import active_sites
from colordrill.recover.primary import PRIMARY
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import GATEWAY_PORT, Part, Site
from colordrill.stack.target import Target

ANSWER_LIMIT_S = 2.0
LOOK_LIMIT_S = 30.0


def public_client(stack: AttachedStack) -> ComfyClient:
    """The public address.

    Raises:
        EnvironmentProblem: the gateway is down.
    """
    return ComfyClient(stack.target.endpoint(Part.GATEWAY, GATEWAY_PORT))


def look(stack: AttachedStack, public: ComfyClient) -> World:
    """What the stack itself says; what only some recoveries need may be missing in it.

    Raises:
        EnvironmentProblem: the gateway does not answer.
    """
    target = stack.target
    answering: str | None = None
    points: tuple[str, ...] = ()
    unlisted: EnvironmentProblem | None = None
    runs: bool | None = None
    started_at: datetime | None = None
    gateway_started_at: datetime | None = None
    holds = True
    with suppress(ServiceProblem):
        _, answering = public.system_stats(timeout_s=ANSWER_LIMIT_S)
    try:
        points = tuple(each.id for each in list_points(target))
    except EnvironmentProblem as error:
        unlisted = error
    with suppress(EnvironmentProblem):
        state = target.state(PRIMARY)
        runs, started_at = state.running, state.started_at
    with suppress(EnvironmentProblem):
        gateway_started_at = target.state(Part.GATEWAY).started_at
    with suppress(EnvironmentProblem):
        holds = bool(file_at_dr(target))
    return World(
        active=active_sites(target),
        answering=answering,
        points=points,
        unlisted=unlisted,
        primary_runs=runs,
        primary_started_at=started_at,
        dr_holds=holds,
        gateway_started_at=gateway_started_at,
    )


def file_at_dr(target: Target) -> str:
    """A file that the DR site's folders hold; empty where they hold none.

    Raises:
        EnvironmentProblem: they cannot be looked at.
    """
    looked = target.execute(
        Part.DR_AGENT,
        ["find", "/site", "-mindepth", "2", "-not", "-type", "d", "-print", "-quit"],
        timeout_s=LOOK_LIMIT_S,
    )
    if looked.exit_code != 0:
        raise EnvironmentProblem(
            f"the {Site.DR} site's folders cannot be looked at: {looked.stderr.strip()}",
            "see whether its agent runs and its volumes are there",
        )
    return looked.stdout.strip()
