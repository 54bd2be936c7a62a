"""Drills of disks and data: damaged, lost, full, read-only, failing, slow; the backup's too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from colordrill.scenario.fault_spec import Detection, FaultSpec, Recovery, StackKind
from colordrill.scenario.model import Objectives, Pace, Scenario
from colordrill.scenario.paces import ALERT, BRISK, DAMAGED, RIDDEN_OUT_LATE


def _damaged(name: str, title: str, description: str, **parameters: Any) -> Scenario:
    """Outputs are damaged; canaries stay right, a scrub finds it, the files are brought back."""
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(FaultSpec(name, "primary:output", parameters),),
        objectives=DAMAGED,
        pace=BRISK,
        recovery=Recovery.IN_PLACE,
        detection=Detection.SCRUB,
        outage_expected=False,
        repair=("output",),
        restarts=False,
    )


def _failing(name: str, title: str, description: str, **parameters: Any) -> Scenario:
    """The primary's disk misbehaves for a while and recovers by itself."""
    return Scenario(
        name=name,
        title=title,
        description=description,
        faults=(FaultSpec(name, "primary", parameters, duration_s=8.0),),
        objectives=RIDDEN_OUT_LATE,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        stack=StackKind.DISK,
    )


DISK_DRILLS: tuple[Scenario, ...] = (
    _damaged(
        "bit_flip",
        "bits of stored pictures flip; they are brought back",
        "Single bits of delivered pictures change on the disk, size and time do not. Nobody "
        "notices until they are read.",
        count=50,
    ),
    _damaged(
        "truncation",
        "stored pictures are cut short; they are brought back",
        "Delivered pictures lose their second half on the disk.",
        count=50,
    ),
    _damaged(
        "zeroed_range",
        "a range of stored pictures becomes zeros; they are brought back",
        "Blocks of delivered pictures read as zeros, as after a lost write.",
        count=50,
    ),
    _damaged(
        "file_deleted",
        "stored pictures are deleted; they are brought back",
        "Delivered pictures are gone from the disk.",
        count=50,
    ),
    _damaged(
        "volume_lost",
        "the volume with all pictures is lost; it is brought back",
        "Everything in the output volume is gone at once.",
    ),
    Scenario(
        name="backup_disk_corrupt",
        title="the newest recovery point is damaged when the primary dies",
        description=(
            "The primary loses power, and the backup server's disk loses directory entries of the "
            "newest point. The damaged point must be noticed and passed over; the one before is "
            "restored. A flipped bit would be in every point that shares the file by hard link."
        ),
        faults=(
            FaultSpec("host_power_loss", "primary"),
            FaultSpec("file_deleted", "backup:points", {"count": 5}),
        ),
        objectives=Objectives(rto_s=60.0, rpo_s=16.0, lost_after_fault_max=3),
        pace=Pace(
            steady_canaries=4,
            backup_interval_s=4.0,
            backup_duration_max_s=8.0,
        ),
    ),
    Scenario(
        name="every_point_damaged",
        title="one bit damages every recovery point; the copy off site is restored",
        description=(
            "The primary loses power, and on the backup server's disk a bit of the checkpoint "
            "flips, which every point shares by hard link. None of them is whole; the newest copy "
            "off site is."
        ),
        faults=(
            FaultSpec("host_power_loss", "primary"),
            FaultSpec("bit_flip", "backup:points", {"pattern": "models/*", "count": 1}),
        ),
        objectives=Objectives(rto_s=60.0, rpo_s=24.0, lost_after_fault_max=3),
        pace=Pace(
            steady_canaries=4,
            backup_interval_s=4.0,
            backup_duration_max_s=16.0,
            points_before_fault=8,
        ),
        offsite_every=2,
    ),
    replace(
        _failing(
            "disk_errors",
            "the primary's disk returns I/O errors for a while",
            "Reads and writes of the virtual disk fail for 8 s. The file system gives up; what the "
            "service acknowledged meanwhile stood in memory alone.",
        ),
        objectives=Objectives(rto_s=30.0, rpo_s=60.0, lost_after_fault_max=20),
        unflushed_max_s=45.0,
    ),
    _failing(
        "disk_full",
        "the primary's disk is full for a while",
        "No byte is left: pictures cannot be saved (ENOSPC), what was begun stays in part.",
    ),
    _failing(
        "disk_read_only",
        "the primary's disk is read-only for a while",
        "The file system is remounted read-only, as after an error: uploads and saves are refused.",
    ),
    Scenario(
        name="disk_slow",
        title="the primary's disk is slow for a while; the service stays",
        description="The virtual disk gives little throughput for 8 s.",
        faults=(FaultSpec("disk_slow", "primary", duration_s=8.0),),
        objectives=RIDDEN_OUT_LATE,
        pace=ALERT,
        recovery=Recovery.UNAIDED,
        detection=Detection.NONE,
        outage_expected=False,
        stack=StackKind.DISK,
    ),
)
