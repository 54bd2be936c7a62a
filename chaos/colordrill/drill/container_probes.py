"""Looks at a colorization container from outside: its volumes, its user, its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from colordrill.clock import Clock, poll, seconds_between
from colordrill.drill.contract import (
    Clause,
    holds,
    judge_first_picture,
    judge_owner,
    judge_termination,
    missing,
    unknown,
)
from colordrill.drill.service_probes import Seen
from colordrill.drill.solitary import Solitary
from colordrill.errors import WaitExpired
from colordrill.stack.ownership import Owner

TERMINATION_LIMIT_S = 5.0


def probe_container(
    alone: Solitary, seen: Seen, agents: Owner, rto_s: float, clock: Clock
) -> Iterator[Clause]:
    """Every clause that shows in the container; the last one ends it.

    Args:
        alone: the container.
        seen: what the probes of its API left in it.
        agents: whom the agents that back up and restore would run as.
        rto_s: the objective that a drill would have.
        clock: measures.
    """
    owners: dict[str, Owner] = {}
    yield _volume(alone, "input", seen.photos, owners)
    yield _volume(alone, "output", ["/".join(filter(None, each)) for each in seen.outputs], owners)
    yield _volume(alone, "workflows", [seen.workflow] if seen.workflow else [], owners)
    yield _checkpoint(alone)
    yield judge_owner(owners, agents)
    if seen.first_picture_ns is None:
        yield unknown("first picture", "there was none")
    else:
        yield judge_first_picture(seconds_between(alone.started_ns, seen.first_picture_ns), rto_s)
    yield _termination(alone, clock)


def _volume(alone: Solitary, folder: str, files: list[str], owners: dict[str, Owner]) -> Clause:
    """Whether what the service wrote lies in the volume that a backup would copy."""
    name = f"volume {folder}"
    mount: str = getattr(alone.service.mounts, folder)
    if not files:
        return unknown(name, "the service wrote nothing that could be looked for")
    owner = alone.owner_of(f"{mount}/{files[0]}")
    if owner is not None:
        owners[folder] = owner
        return holds(name, f"what the service wrote is in {mount}")
    strays = alone.stray(PurePosixPath(files[0]).name)
    remedy = f"mount the folder that the service uses: set service.mounts.{folder}"
    if strays:
        remedy += f' = "{PurePosixPath(strays[0]).parent}"'
    return missing(
        name,
        f"{mount} is mounted, but the service does not write there; no backup would have its files",
        remedy,
    )


def _checkpoint(alone: Solitary) -> Clause:
    """Whether a backup of the models volume would have the weights."""
    name = "checkpoint in a volume"
    service = alone.service
    path = f"{service.mounts.models}/{service.checkpoint_path}"
    if alone.owner_of(path) is not None:
        return holds(name, path)
    elsewhere = alone.places(PurePosixPath(service.checkpoint_path).name)
    remedy = "set service.mounts.models and service.checkpoint_path"
    if elsewhere:
        remedy += f'; the image has it in "{PurePosixPath(elsewhere[0]).parent}"'
    return missing(
        name, f"{path} is not there: a backup misses the weights, a restore needs them", remedy
    )


def _termination(alone: Solitary, clock: Clock) -> Clause:
    if alone.exit_code() is not None:
        return unknown("SIGTERM", "the container has ended already")
    sent_ns = clock.now_ns()
    alone.terminate()
    try:
        code = poll(
            clock, alone.exit_code, awaited="the container to end", timeout_s=TERMINATION_LIMIT_S
        )
    except WaitExpired:
        return judge_termination(None, None, TERMINATION_LIMIT_S)
    return judge_termination(seconds_between(sent_ns, clock.now_ns()), code, TERMINATION_LIMIT_S)
