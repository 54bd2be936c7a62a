"""What is broken in a drill, where and when; and who brings the service back. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.numbers import positive, within

SCHEDULE_MAX_S = 3600.0
"""No fault's schedule is longer: a drill has an end."""

TIMES_MAX = 100


class Recovery(StrEnum):
    """Who brings the service back, and where."""

    FAILOVER = "failover"
    """The runbook, at the DR site."""
    IN_PLACE = "in_place"
    """The runbook's repair, at the primary."""
    UNAIDED = "unaided"
    """Nobody: the fault passes, or the engine's restart policy acts."""


class Detection(StrEnum):
    """How the drill learns that something must be done."""

    CANARY = "canary"
    """Failed canaries in a row."""
    SCRUB = "scrub"
    """The site's files are compared with the newest recovery point from before the fault."""
    NONE = "none"
    """Nothing has to be done, so nothing is waited for."""


class StackKind(StrEnum):
    """On what the primary's data lie."""

    PLAIN = "plain"
    """The engine's own volumes."""
    DISK = "disk"
    """A virtual disk that can lose power, fail, fill up and be slow."""


class StrategyKind(StrEnum):
    """How a drill's recovery points are kept, and from where its failover restores them."""

    RSYNC = "rsync"
    """As hard-link snapshots on the backup server."""
    RESTIC = "restic"
    """As encrypted copies off site, of what the backup server holds; from there alone."""
    S3 = "s3"
    """As versions of objects in a bucket that is replicated to the DR site's storage."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault by name, where it is injected, its parameters, and when.

    Attributes:
        name: as in the fault registry.
        target: what it is aimed at.
        parameters: of the fault.
        latent: a defect planted before the steady state is awaited; it starts no clock.
        at_s: seconds after the first disaster.
        duration_s: undone by schedule after so many seconds; None: at the drill's end.
        times: so often injected and undone (flapping); needs a duration.
        pause_s: between undoing and injecting again.
    """

    name: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    latent: bool = False
    at_s: float = 0.0
    duration_s: float | None = None
    times: int = 1
    pause_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse schedules that mean nothing or never end."""
        within("at_s", self.at_s, 0.0, SCHEDULE_MAX_S)
        within("pause_s", self.pause_s, 0.0, SCHEDULE_MAX_S)
        if self.duration_s is not None:
            positive("duration_s", self.duration_s)
            within("duration_s", self.duration_s, 0.0, SCHEDULE_MAX_S)
        if type(self.times) is not int or not 1 <= self.times <= TIMES_MAX:
            raise UsageProblem(
                f"times must be a whole number from 1 to {TIMES_MAX}, not {self.times!r}"
            )
        if self.times > 1 and self.duration_s is None:
            raise UsageProblem(f"{self.name} happens {self.times} times, so it needs a duration_s")
        within("the end of the schedule", self.ends_s or 0.0, 0.0, SCHEDULE_MAX_S)
        if self.latent and (self.at_s or self.duration_s is not None):
            raise UsageProblem(f"{self.name} is latent: it is there before, and has no schedule")

    @property
    def ends_s(self) -> float | None:
        """When the last undoing is due, in seconds after the first disaster; None: at the end."""
        if self.duration_s is None:
            return None
        return self.at_s + self.times * self.duration_s + (self.times - 1) * self.pause_s

    def stretched(self, factor: float) -> FaultSpec:
        """The same fault on a slower host: as many canaries fall into it as on a fast one."""
        duration_s = None if self.duration_s is None else self.duration_s * factor
        return replace(
            self, at_s=self.at_s * factor, duration_s=duration_s, pause_s=self.pause_s * factor
        )
