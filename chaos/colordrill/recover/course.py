"""What a start of the recovery has to do: begin, go on, or nothing. Decided from what was seen.

A journal says what was begun, not what has happened since: somebody may have brought the primary
back by hand, and days may have passed. An old incident is gone on with only where the world is
still as that incident left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from colordrill.backup.point_ids import begun_at
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.recover.failback_past import WayBack
from colordrill.recover.incidents import Incident, Past
from colordrill.stack.parts import Site


class Way(Enum):
    """What is to be done."""

    BEGIN = "begin"
    RESUME = "resume"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class World:
    """What the stack itself says.

    Attributes:
        active: the sites that the gateway was not told to leave alone.
        answering: the site that the public address was answered by; None where nobody answers.
        points: the recovery points, oldest first; empty where they cannot be listed.
        unlisted: why they cannot be listed.
        primary_runs: whether the primary's service runs; None where the engine does not say.
        primary_started_at: when it began to run the last time; None also where nobody knows.
        dr_holds: the DR site holds a file, or nobody can tell.
        gateway_started_at: when the gateway began to run the last time; None: nobody knows. Only
            one that was started again forgets a switch.
    """

    active: frozenset[Site]
    answering: str | None
    points: Sequence[str]
    unlisted: EnvironmentProblem | None = None
    primary_runs: bool | None = None
    primary_started_at: datetime | None = None
    dr_holds: bool = True
    gateway_started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be done, and why.

    Attributes:
        way: begin, resume or nothing.
        incident: the one that is gone on with, or that is over; None for a new one.
        why: for people.
        keep_data: the DR site is used as it is: users may have written to it.
        on_dr: the DR site is the active one: whether the primary is healthy counts no more.
        forced: what is gone on with was begun although the primary was healthy.
    """

    way: Way
    incident: Incident | None
    why: str
    keep_data: bool = False
    on_dr: bool = False
    forced: bool = False


def course_of(past: Past, world: World, *, chosen: bool = False) -> Course:
    """Decide from the journal and from what the stack says.

    Args:
        past: the journal.
        world: what the stack says.
        chosen: a recovery point was asked for: where nobody can tell which site holds users' last
            state, that is it.

    Raises:
        UsageProblem: nobody can tell, and nothing was asked for; names the choices.
        EnvironmentProblem: it depends on the recovery points, and they cannot be listed.
    """
    last = past.last
    if world.active == {Site.DR}:
        return _on_dr(last, world)
    if last is None:
        return Course(Way.BEGIN, None, "no recovery was begun on this stack before")
    if last.failback is not None:
        return _after_failback(last, last.failback, world, chosen)
    return _away_from_dr(last, world, chosen)


def _away_from_dr(last: Incident, world: World, chosen: bool) -> Course:
    """The gateway does not send users to the DR site alone."""
    if not last.closed and Site.PRIMARY not in world.active:
        stopped = f" in its step {last.broken_off}" if last.broken_off else ""
        why = f"the recovery begun at {last.begun_at} was broken off{stopped}"
        return Course(Way.RESUME, last, why, keep_data=last.switching, forced=last.forced)
    if last.switching and world.dr_holds and not _backed_up_since(last, world, chosen):
        # a gateway that was restarted has forgotten the switch; no later state exists anywhere
        why = (
            f"the DR site took over after {last.begun_at}, the gateway does not send to it any "
            "more, and nothing was backed up since"
        )
        return Course(Way.RESUME, last, why, keep_data=True)
    if last.closed:
        return Course(Way.BEGIN, None, f"the recovery begun at {last.begun_at} is over")
    why = (
        f"the recovery begun at {last.begun_at} was broken off, but the gateway sends users to the "
        "primary: it is not gone on with"
    )
    return Course(Way.BEGIN, None, why)


def _after_failback(last: Incident, back: WayBack, world: World, chosen: bool) -> Course:
    """The gateway does not send users to the DR site alone, and a failback was begun."""
    begun = f"the failback begun at {back.begun_at}"
    if back.done:
        return Course(Way.BEGIN, None, f"{begun} is over: the primary was the active site")
    # where the gateway sends nobody to the primary, users wait for one of the sites
    waiting = Site.PRIMARY not in world.active
    if back.switched_at is None:
        why = f"{begun} was broken off before its switch"
        if not waiting and _holds_newer((*last.restored, *back.merged), world):
            if chosen:
                return Course(Way.BEGIN, None, f"{why}; a point that was copied since is asked for")
            raise _nobody_can_tell(f"{why}, and the gateway sends users to the primary")
        why = f"{why}: users' last state is the DR site's"
        return Course(Way.RESUME, last, why, keep_data=True, on_dr=waiting)
    why = f"{begun} had switched to the primary at {back.switched_at}"
    if back.emptying:
        return Course(Way.BEGIN, None, f"{why} and was emptying the DR site")
    if _holds_newer((back.synced or "", *back.merged), world):
        return Course(Way.BEGIN, None, f"{why}, which was backed up since")
    why = f"{why}, and nothing was backed up since: the DR site holds what both had then"
    return Course(Way.RESUME, last, why, keep_data=True, on_dr=waiting)


def _on_dr(last: Incident | None, world: World) -> Course:
    """Users may be at the DR site already: nothing is ever restored over what they wrote."""
    if last is not None and last.failback is not None and last.failback.done:
        # somebody has switched by hand: what the incident left there is gone
        last = None
    if last is None or last.closed:
        return _on_dr_for_good(last, world)
    if last.broken_off == "mount" and last.restored and not last.switching:
        raise UsageProblem(
            f"the recovery begun at {last.begun_at} was broken off while it restored "
            f"{last.restored[-1]}, and the gateway sends users to the DR site, which holds a part "
            "of that",
            f"keep users from it ({_told_to_gateway(Site.DR, 'maint')}) and start again: the rest "
            "is brought, over nothing that users have written since",
        )
    if last.switching or world.dr_holds:
        why = f"the recovery begun at {last.begun_at} was broken off after its switch"
        return Course(Way.RESUME, last, why, keep_data=True, on_dr=True)
    why = (
        f"the recovery begun at {last.begun_at} was broken off, and the gateway sends users to the "
        "DR site, which holds nothing"
    )
    return Course(Way.RESUME, last, why, forced=last.forced)


def _on_dr_for_good(last: Incident | None, world: World) -> Course:
    """No recovery is open: it ended here, or somebody has switched by hand."""
    if last is None and not world.dr_holds:
        why = "the gateway sends users to the DR site, which holds nothing"
        return Course(Way.BEGIN, None, why)
    why = "the DR site is the active one already, and it answers"
    if world.answering == Site.DR and world.primary_runs is False:
        return Course(Way.NOTHING, last, why, keep_data=True, on_dr=True)
    if world.answering == Site.DR:
        runs = "runs" if world.primary_runs else "was not seen to be stopped"
        why = f"{why}, but the primary's service {runs}: it is fenced again"
    else:
        why = "the DR site is the active one already, and does not answer"
    way = Way.BEGIN if last is None else Way.RESUME
    return Course(way, last, why, keep_data=True, on_dr=True)


def _backed_up_since(incident: Incident, world: World, chosen: bool) -> bool:
    """Whether a point holds what the primary has acknowledged since it was given up.

    A schedule goes on to copy the volumes of a primary that is down: such points are late, and hold
    nothing that the DR site was not restored from. A primary that was started again may have served
    users, or not, until it was started the last time: points of that time are either.

    Raises:
        UsageProblem: there are such points alone.
        EnvironmentProblem: the points cannot be listed.
    """
    started, given_up = world.primary_started_at, datetime.fromisoformat(incident.begun_at)
    if started is None or started <= given_up:
        return False
    if world.unlisted is not None:
        raise world.unlisted
    times = [begun_at(each) for each in world.points]
    if any(each > started for each in times):
        return True
    if not any(each > given_up for each in times):
        return False
    gateway = world.gateway_started_at
    if chosen or (gateway is not None and gateway <= given_up):
        # a gateway that has forgotten nothing was told by somebody to send users to the primary
        return True
    raise _nobody_can_tell(
        f"the DR site took over after {incident.begun_at}, the gateway does not send to it any "
        f"more, and the primary was started again, the last time at {started:%Y-%m-%dT%H:%M:%SZ}"
    )


def _holds_newer(known: Sequence[str], world: World) -> bool:
    """Whether there is a point that is newer than all that are *known*."""
    if world.unlisted is not None:
        raise world.unlisted
    return any(each > max(known, default="") for each in world.points)


def _nobody_can_tell(seen: str) -> UsageProblem:
    """Two sites may hold users' last state."""
    at_dr = (_told_to_gateway(Site.PRIMARY, "maint"), _told_to_gateway(Site.DR, "ready"))
    return UsageProblem(
        f"{seen}: recovery points were copied meanwhile, and nobody can tell whether users' last "
        "state is the newest point's or the DR site's",
        f"if the DR site has it, send users there ({', '.join(at_dr)}) and start again; if users "
        "were at the primary since, name the point: --point ID or --before TIME",
    )


def _told_to_gateway(site: Site, state: str) -> str:
    return (
        f"`docker exec PROJECT-gateway-1 haproxy-command 'set server sites/{site} state {state}'`"
    )
