"""What a scenario is: a named, frozen description, data only.

Fault and sabotage names are resolved by ``colordrill.drill``, never here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from colordrill.data import golden_images
from colordrill.errors import UsageProblem
from colordrill.picture import ColourBounds, load_bounds
from colordrill.scenario.fault_spec import (
    Detection,
    FaultSpec,
    Recovery,
    StackKind,
    StrategyKind,
)
from colordrill.scenario.numbers import positive

RTO_OF_RECORD_S = 1800.0
"""The service's declared recovery time objective: 30 minutes; reported beside the drill's own."""

RPO_OF_RECORD_S = 3600.0
"""The service's declared recovery point objective: 1 hour; reported beside the drill's own."""


@cache
def measured_bounds() -> ColourBounds:
    """The colour bounds, computed from what was measured for the bundled goldens.

    Raises:
        GoldenProblem: the measurements are absent, or jitter and defects are not apart in them.
    """
    return load_bounds(golden_images() / "ddcolor_nano")


@dataclass(frozen=True, slots=True)
class Objectives:
    """The bounds that a verdict is measured against; those of colour are measured by default.

    Attributes:
        rto_s: recovery time objective of this drill.
        rpo_s: recovery point objective of this drill.
        chroma_ssim_min: SSIM of Lab a and b apart, the worse of both, over the whole picture.
        chroma_tile_min: the same, worst tile of an 8x8 grid.
        luma_ssim_min: SSIM of L.
        delta_e_max: mean CIEDE2000.
        jobs_lost_max_slack: jobs lost beyond what was in flight at the fault plus accepted until
            detection.
        lost_after_fault_max: items acknowledged after the fault that may be gone.
    """

    rto_s: float
    rpo_s: float
    chroma_ssim_min: float = field(default_factory=lambda: measured_bounds().chroma_ssim_min)
    chroma_tile_min: float = field(default_factory=lambda: measured_bounds().chroma_tile_min)
    luma_ssim_min: float = field(default_factory=lambda: measured_bounds().luma_ssim_min)
    delta_e_max: float = field(default_factory=lambda: measured_bounds().delta_e_max)
    jobs_lost_max_slack: int = 0
    lost_after_fault_max: int = 0

    def __post_init__(self) -> None:
        """Refuse bounds that nothing could miss or meet."""
        for name in ("rto_s", "rpo_s", "delta_e_max"):
            positive(name, getattr(self, name))
        for name in ("chroma_ssim_min", "chroma_tile_min", "luma_ssim_min"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise UsageProblem(f"{name} must lie in (0, 1], not {value!r}")
        for name in ("jobs_lost_max_slack", "lost_after_fault_max"):
            if getattr(self, name) < 0:
                raise UsageProblem(f"{name} must not be negative")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen in a drill, and how long the drill waits for them.

    Attributes:
        canary_interval_s: a canary is sent this often, whatever became of the earlier ones.
        canary_limit_s: a canary without its picture after this long is unanswered.
        job_interval_s: a user's job arrives this often (open loop).
        edit_interval_s: a user saves a workflow this often.
        backup_interval_s: a snapshot begins this often; stands for the hour of production.
        backup_duration_max_s: declared: a snapshot that takes longer is a failure of its own.
        steady_canaries: correct canaries in a row that make the state before the fault steady.
        points_before_fault: recovery points that must be published before the fault.
        confirm_count: failed canaries in a row that the detector wants.
        stability_count: canaries without failure that must follow the first correct one.
        stability_s: seconds without failure that must follow it.
        in_flight_max: operations under way at once; beyond it arrivals are turned away, in writing.
        utilisation_max: the share of the service's capacity that the workload may ask for; on a
            slower host arrivals are stretched until it holds, and the record says so.
    """

    canary_interval_s: float = 1.5
    canary_limit_s: float = 12.0
    job_interval_s: float = 2.0
    edit_interval_s: float = 3.0
    backup_interval_s: float = 4.0
    backup_duration_max_s: float = 4.0
    steady_canaries: int = 6
    points_before_fault: int = 4
    confirm_count: int = 2
    stability_count: int = 3
    stability_s: float = 10.0
    in_flight_max: int = 64
    utilisation_max: float = 0.6

    def __post_init__(self) -> None:
        """Refuse what would stop the workload or make a wait unbounded."""
        for name in self.__slots__:
            positive(name, getattr(self, name))
        if self.utilisation_max > 1.0:
            raise UsageProblem(
                f"utilisation_max is a share and at most 1, not {self.utilisation_max!r}"
            )

    def fitted(self, canary_s: float, job_s: float) -> Pace:
        """This pace, stretched so that the workload asks for no more than `utilisation_max`.

        An open loop that asks for more than the service can do grows its queue without end: no
        state is steady, and a recovery is never seen.

        Args:
            canary_s: mean time of a canary on the healthy service, alone.
            job_s: time of a user's job on the healthy service, alone.
        """
        asked = canary_s / self.canary_interval_s + job_s / self.job_interval_s
        stretch = max(1.0, asked / self.utilisation_max)
        return replace(
            self,
            canary_interval_s=self.canary_interval_s * stretch,
            job_interval_s=self.job_interval_s * stretch,
            canary_limit_s=self.canary_limit_s * stretch,
        )


@dataclass(frozen=True, slots=True)
class SabotageSpec:
    """What a red twin breaks, and the one check that must go red because of it.

    Attributes:
        name: resolved by the drill; also the twin's suffix.
        expected_check: the only check that may fail.
        description: one sentence for lists and reports.
        bundled_only: it starts the bundled service's own programs, or replaces its own checkpoint.
        looks_back: what it leaves must be older than the backups promise: the twin waits for more
            recovery points before the fault.
    """

    name: str
    expected_check: str
    description: str
    bundled_only: bool = False
    looks_back: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named, frozen description of a drill.

    Attributes:
        name: as typed on the command line; a red twin is ``scenario@sabotage``.
        title: one line for lists.
        description: what happens, for reports.
        faults: in this order; the first disaster (not latent) starts the clock.
        objectives: the bounds.
        pace: intervals and limits.
        recovery: who brings the service back, and where.
        detection: how the drill learns of it.
        outage_expected: whether canaries must fail; if none does, RTO is unknown.
        repair: of an in-place recovery: the folders or files of the site that are brought back
            from the newest recovery point before the fault; empty: nothing is.
        unflushed_max_s: where the site's own disk is what it recovers from: writes older than this
            are on the disk, which is what may be lost instead of what no backup holds; None: the
            backups' promise counts.
        restarts: of an in-place recovery: the service does not do its work, so it is fenced and
            started anew; False where it answers well and only its data need mending.
        replica: at the end the storage must hold every acknowledged output; unknown where nobody
            looked.
        stack: on what the primary's data lie.
        bundled_only: it needs the bundled service's own image, nodes or checkpoint.
        offsite_every: the first recovery point and then every so-many-th is copied off site as
            well, and the runbook may restore a copy; 0: none is, which spares a drill the time.
        strategy: how recovery points are kept, and from where the failover restores them.
        sabotage: set for a red twin.
    """

    name: str
    title: str
    description: str
    faults: tuple[FaultSpec, ...]
    objectives: Objectives
    pace: Pace = field(default_factory=Pace)
    recovery: Recovery = Recovery.FAILOVER
    detection: Detection = Detection.CANARY
    outage_expected: bool = True
    repair: tuple[str, ...] = ()
    unflushed_max_s: float | None = None
    restarts: bool = True
    replica: bool = False
    stack: StackKind = StackKind.PLAIN
    bundled_only: bool = False
    offsite_every: int = 0
    strategy: StrategyKind = StrategyKind.RSYNC
    sabotage: SabotageSpec | None = None

    def __post_init__(self) -> None:
        """Refuse compositions that cannot be injected or judged."""
        if not any(not fault.latent for fault in self.faults):
            raise UsageProblem(f"{self.name} has no disaster, so there is nothing to recover from")
        if not any(not fault.latent and not fault.at_s for fault in self.faults):
            raise UsageProblem(f"{self.name}: its first disaster must begin at 0 s")
        seen = [(fault.name, fault.target) for fault in self.faults]
        for each in seen:
            if seen.count(each) > 1:
                raise UsageProblem(f"{self.name} injects {each[0]} on {each[1]} twice")
        if self.offsite_every < 0:
            raise UsageProblem(f"{self.name}: offsite_every must not be negative")
        if self.unflushed_max_s is not None:
            positive("unflushed_max_s", self.unflushed_max_s)
        if self.recovery is Recovery.UNAIDED and self.detection is Detection.SCRUB:
            raise UsageProblem(f"{self.name}: what a scrub finds somebody must repair")
        self._refuse_strategy()

    def _refuse_strategy(self) -> None:
        if self.strategy is not StrategyKind.RSYNC and self.recovery is not Recovery.FAILOVER:
            raise UsageProblem(
                f"{self.name}: a repair in place needs the backup server's points, and not those "
                f"of {self.strategy}"
            )
        if self.strategy is StrategyKind.RESTIC and not self.offsite_every:
            raise UsageProblem(f"{self.name}: without offsite_every restic keeps no point")
        if self.strategy is StrategyKind.S3 and self.offsite_every:
            raise UsageProblem(f"{self.name}: offsite_every copies the backup server's points")

    @property
    def expected_site(self) -> str:
        """The site that must answer after recovery."""
        return "dr" if self.recovery is Recovery.FAILOVER else "primary"

    def kept_by(self, strategy: StrategyKind) -> Scenario:
        """The same drill whose points are kept so; one that does not fail over stays as it is.

        Raises:
            UsageProblem: it is a red twin, which sabotages points as its own strategy keeps them.
        """
        if self.recovery is not Recovery.FAILOVER or strategy is self.strategy:
            return self
        if self.sabotage is not None:
            raise UsageProblem(
                f"{self.name} is a red twin of a drill by {self.strategy}, not by {strategy}",
                "run it without a strategy; the drill itself runs by any",
            )
        every = self.offsite_every
        if strategy is not StrategyKind.RSYNC:
            every = max(1, every) if strategy is StrategyKind.RESTIC else 0
        return replace(self, strategy=strategy, offsite_every=every)

    def stretched(self, factor: float) -> Scenario:
        """The same drill on a host that is slower by *factor*: its faults last longer.

        The recovery time objective grows by as much as the last scheduled cure comes later, and by
        no more: what is measured beyond the outage itself stays the same.
        """
        faults = tuple(each.stretched(factor) for each in self.faults)
        later_s = _last_cure_s(faults) - _last_cure_s(self.faults)
        objectives = replace(self.objectives, rto_s=self.objectives.rto_s + later_s)
        return replace(self, faults=faults, objectives=objectives)


def _last_cure_s(faults: tuple[FaultSpec, ...]) -> float:
    return max((each.ends_s for each in faults if each.ends_s is not None), default=0.0)
