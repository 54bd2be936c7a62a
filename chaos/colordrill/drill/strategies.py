"""Which strategy keeps a drill's recovery points, and which ones its failover restores from."""

from __future__ import annotations

from colordrill.backup.offsite import copying_off_site
from colordrill.backup.restic import ResticStrategy
from colordrill.backup.s3 import S3Strategy
from colordrill.backup.schedule import BackupSchedule
from colordrill.backup.strategy import Strategy
from colordrill.clock import Clock
from colordrill.history import History
from colordrill.scenario.fault_spec import StrategyKind
from colordrill.scenario.model import Scenario
from colordrill.stack.target import Target

COPY_LIMIT_S = 60.0
"""A drill's site is small: what takes longer than this has failed."""


def scheduled(scenario: Scenario, target: Target, history: History, clock: Clock) -> BackupSchedule:
    """The schedule that takes *scenario*'s recovery points, not yet started.

    What its strategy needs is made: buckets and accounts, where it keeps points in a storage.

    Raises:
        EnvironmentProblem: a storage refuses, or does not run.
    """
    schedule = BackupSchedule(target, history, clock, scenario.pace.backup_interval_s)
    offsite = ResticStrategy(target, COPY_LIMIT_S)
    schedule.published = copying_off_site(offsite, history, scenario.offsite_every)
    if scenario.strategy is StrategyKind.S3:
        buckets = S3Strategy(target, COPY_LIMIT_S)
        buckets.prepare()
        schedule.strategy = buckets
    return schedule


def restores_alone(scenario: Scenario, target: Target) -> Strategy | None:
    """What the failover restores from and from nothing else; None: from the backup server first."""
    match scenario.strategy:
        case StrategyKind.S3:
            return S3Strategy(target)
        case StrategyKind.RESTIC:
            return ResticStrategy(target)
        case StrategyKind.RSYNC:
            return None


def restores_off_site(scenario: Scenario, target: Target) -> Strategy | None:
    """What the failover restores from where the backup server is no help; None where nothing is."""
    return ResticStrategy(target) if scenario.offsite_every else None
