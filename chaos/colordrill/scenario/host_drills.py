"""Drills of processes and hosts: killed, stopped, frozen, out of memory, removed, without power."""

from __future__ import annotations

from dataclasses import replace

from colordrill.scenario.fault_spec import (
    Detection,
    FaultSpec,
    Recovery,
    StackKind,
    StrategyKind,
)
from colordrill.scenario.model import Objectives, Scenario
from colordrill.scenario.paces import (
    ALERT,
    BRISK,
    FAILED_OVER,
    KILLED_AGAIN,
    REPAIRED,
    RIDDEN_OUT_LATE,
)

SERVICE = "primary-colorization"


def _restarted(
    name: str,
    title: str,
    description: str,
    fault: FaultSpec,
    objectives: Objectives = RIDDEN_OUT_LATE,
    *,
    long: bool = True,
) -> Scenario:
    """The engine's restart policy brings the service back.

    An outage that is not *long* may be over between two canaries: a peer has to see it, and no
    canary needs to.
    """
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(fault,),
        objectives=objectives,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.CANARY if long else Detection.NONE,
        outage_expected=long,
    )


def _repaired(name: str, title: str, description: str, fault: FaultSpec) -> Scenario:
    """An operator brings the service back at the primary."""
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(fault,),
        objectives=REPAIRED,
        pace=BRISK,
        recovery=Recovery.IN_PLACE,
    )


HOST_POWER_LOSS = Scenario(
    name="host_power_loss",
    title="the primary host loses power; the DR site takes over",
    description=(
        "Every container of the primary site dies at once by SIGKILL and stays down, and its "
        "networks are cut. The runbook starts the cold DR container, restores the newest recovery "
        "point, verifies it by canaries and switches the gateway."
    ),
    faults=(FaultSpec("host_power_loss", "primary"),),
    objectives=FAILED_OVER,
)

HOST_DRILLS: tuple[Scenario, ...] = (
    HOST_POWER_LOSS,
    replace(
        HOST_POWER_LOSS,
        name="host_power_loss_s3",
        title="the primary host loses power; recovery points are versions in a replicated bucket",
        description=(
            "As host_power_loss, but the primary's agent keeps its points in the primary's object "
            "storage, which replicates them to the DR site's. The failover restores the newest one "
            "that is published there; the backup server has no part in it."
        ),
        objectives=replace(FAILED_OVER, rpo_s=12.0),
        pace=replace(BRISK, backup_duration_max_s=8.0),
        strategy=StrategyKind.S3,
    ),
    replace(
        HOST_POWER_LOSS,
        name="host_power_loss_restic",
        title="the primary host loses power; the DR site takes over from a copy off site alone",
        description=(
            "As host_power_loss, but each recovery point is copied off site by restic, and the "
            "failover restores the newest copy; what the backup server holds is not used."
        ),
        objectives=replace(FAILED_OVER, rpo_s=20.0),
        pace=replace(BRISK, backup_duration_max_s=16.0),
        offsite_every=1,
        strategy=StrategyKind.RESTIC,
    ),
    Scenario(
        name="power_loss_in_place",
        title="the primary loses power and what was not flushed; it is repaired in place",
        description=(
            "The disk dies with its containers: writes that were acknowledged and never flushed "
            "are gone, or there with length 0. The journal is replayed, the site is started again, "
            "and the recovery point actual says what is missing."
        ),
        faults=(FaultSpec("power_loss", "primary"),),
        objectives=Objectives(rto_s=60.0, rpo_s=60.0, lost_after_fault_max=3),
        pace=BRISK,
        recovery=Recovery.IN_PLACE,
        unflushed_max_s=45.0,
        stack=StackKind.DISK,
    ),
    Scenario(
        name="power_loss_failover",
        title="the primary loses power and what was not flushed; the DR site takes over",
        description=(
            "The same loss, recovered at the DR site: what counts is what the backups hold, and "
            "not what the dead disk does."
        ),
        faults=(FaultSpec("power_loss", "primary"),),
        objectives=FAILED_OVER,
        pace=BRISK,
        stack=StackKind.DISK,
    ),
    Scenario(
        name="site_down",
        title="the whole primary site is shut down; the DR site takes over",
        description="Every container of the primary is stopped in order, and its networks are cut.",
        faults=(FaultSpec("site_down", "primary"),),
        objectives=FAILED_OVER,
        pace=BRISK,
    ),
    Scenario(
        name="site_unreachable",
        title="the primary site is cut off and lives on; the DR site takes over",
        description=(
            "All networks of the primary are detached while everything there keeps running. The DR "
            "site takes over from the newest recovery point."
        ),
        faults=(FaultSpec("site_unreachable", "primary"),),
        objectives=FAILED_OVER,
        pace=BRISK,
    ),
    _restarted(
        "process_killed",
        "the service is killed; the engine restarts it",
        "SIGKILL from outside the engine: the restart policy must bring the service back, and what "
        "was in its queue is lost.",
        FaultSpec("process_killed", SERVICE),
        long=False,
    ),
    _restarted(
        "process_terminated",
        "the service is terminated; the engine restarts it",
        "SIGTERM, which ComfyUI does not handle: it ends at once and drains nothing.",
        FaultSpec("process_terminated", SERVICE),
        long=False,
    ),
    _restarted(
        "crash_loop",
        "the service crashes again and again for a while",
        "It is killed each time that it comes up, for 8 s; the engine waits longer each time.",
        FaultSpec("crash_loop", SERVICE, duration_s=8.0),
        KILLED_AGAIN,
    ),
    _restarted(
        "killed_while_saving",
        "the service is killed in the middle of saving a picture",
        "A truncated PNG stays behind and /view serves it with 200. It was never acknowledged, and "
        "nobody may take it for a picture.",
        FaultSpec("killed_while_saving", SERVICE),
        long=False,
    ),
    _restarted(
        "out_of_memory",
        "the service runs out of memory and is killed by the kernel",
        "The memory limit is lowered for 8 s to just above what is used; the next job ends the "
        "service (137), and the engine restarts it.",
        FaultSpec("out_of_memory", SERVICE, duration_s=8.0),
        KILLED_AGAIN,
    ),
    _restarted(
        "container_frozen",
        "the service is frozen for a while",
        "No process of the container is scheduled for 10 s: connections are taken and not served. "
        "Who waits for less than that gets no answer.",
        FaultSpec("container_frozen", SERVICE, duration_s=10.0),
    ),
    _repaired(
        "container_stopped",
        "somebody stops the service; it is started again",
        "`docker stop` switches the restart policy off: nobody but an operator brings it back.",
        FaultSpec("container_stopped", SERVICE),
    ),
    _repaired(
        "container_removed",
        "somebody removes the service's container; it is created anew",
        "The container is gone, its volumes are not. It is created again by its description.",
        FaultSpec("container_removed", SERVICE),
    ),
    _repaired(
        "worker_dead",
        "the worker thread dies behind a healthy interface; the service is restarted",
        "One malformed job ends the worker for ever. /system_stats stays green, jobs are accepted "
        "and never run.",
        FaultSpec("worker_dead", SERVICE),
    ),
    Scenario(
        name="backup_clock_skewed",
        title="the backup server's clock is wrong; the DR site takes over all the same",
        description=(
            "The backup server's clock is an hour behind. The newest recovery point must still be "
            "the one that is restored when the primary loses power."
        ),
        faults=(
            FaultSpec("backup_clock_skewed", "backup", {"offset_s": -3600}, latent=True),
            FaultSpec("host_power_loss", "primary"),
        ),
        objectives=FAILED_OVER,
        pace=BRISK,
    ),
)
