"""How recovery points are taken and kept, as ``[backup]``, the environment and options say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.scenario.durations import DURATION_EXAMPLES, duration_s
from colordrill.scenario.tables import COUNT, TIME, TRUTH, Kind, Table

INTERVAL_S, INTERVAL_MIN_S = 3600.0, 1.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How many points stay; one stays when one of these rules wants it.

    Attributes:
        last: the newest so many.
        hourly: the newest of each of the last so many hours that have one.
        daily: the newest of each of the last so many days that have one.
        within_s: all that are at most so many seconds older than the newest.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    within_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """What `colordrill backup` does.

    Attributes:
        interval_s: from the beginning of one point to that of the next.
        verify: whether each point is verified when it was taken.
        retention: which points stay; without a rule all do.
        max_age_s: how old the newest point may be; None: twice the interval of the schedule.
        offsite_every: the first point and then every so-many-th is copied off site; 0: none is.
    """

    interval_s: float = INTERVAL_S
    verify: bool = False
    retention: Retention = field(default_factory=Retention)
    max_age_s: float | None = None
    offsite_every: int = 0

    def words(self) -> list[str]:
        """The options of `colordrill backup start` that mean this plan again."""
        kept = self.retention
        counts = {"last": kept.last, "hourly": kept.hourly, "daily": kept.daily}
        return [
            f"--interval={self.interval_s:.6f}s",
            "--verify" if self.verify else "--no-verify",
            *(f"--keep-{name}={count}" for name, count in counts.items()),
            f"--keep-within={kept.within_s:.6f}s",
            f"--offsite-every={self.offsite_every}",
        ]


def _interval_s(value: object) -> float | None:
    interval_s = duration_s(value)
    return None if interval_s is None or interval_s < INTERVAL_MIN_S else interval_s


TABLE = Table(
    "backup",
    {
        "interval": Kind(_interval_s, f"from 1s to 366d, like {DURATION_EXAMPLES}"),
        "verify": TRUTH,
        "keep_last": COUNT,
        "keep_hourly": COUNT,
        "keep_daily": COUNT,
        "keep_within": TIME,
        "max_age": TIME,
        "offsite_every": COUNT,
    },
)
"""Keys of ``[backup]``."""


def build_backup_plan(chosen: Mapping[str, Any]) -> BackupPlan:
    """The plan of values that `TABLE` has read."""
    names = {"keep_last": "last", "keep_hourly": "hourly", "keep_daily": "daily"}
    kept = {name: chosen[key] for key, name in names.items() if key in chosen}
    return BackupPlan(
        interval_s=chosen.get("interval", INTERVAL_S),
        verify=chosen.get("verify", False),
        retention=Retention(**kept, within_s=chosen.get("keep_within", 0.0)),
        max_age_s=chosen.get("max_age"),
        offsite_every=chosen.get("offsite_every", 0),
    )
