"""How recovery points are taken and kept, as ``[backup]``, the environment and options say it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.settings import CONFIG_FILE, read_configuration

BACKUP_PREFIX = "COLORDRILL_BACKUP_"
TABLE = "backup"
INTERVAL_MIN_S = 1.0
DURATION_MAX_S = 366 * 86400.0
COUNT_MAX = 100_000
DURATION_EXAMPLES = "write it like 15s, 90m, 1h, 1h30m or 7d"
_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


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
    """

    interval_s: float = 3600.0
    verify: bool = False
    retention: Retention = field(default_factory=Retention)
    max_age_s: float | None = None

    def words(self) -> list[str]:
        """The options of `colordrill backup start` that mean this plan again."""
        kept = self.retention
        counts = {"last": kept.last, "hourly": kept.hourly, "daily": kept.daily}
        return [
            f"--interval={self.interval_s:.0f}s",
            "--verify" if self.verify else "--no-verify",
            *(f"--keep-{name}={count}" for name, count in counts.items()),
            f"--keep-within={kept.within_s:.0f}s",
        ]


KEYS: Mapping[str, type] = {
    "interval": float,
    "verify": bool,
    "keep_last": int,
    "keep_hourly": int,
    "keep_daily": int,
    "keep_within": float,
    "max_age": float,
}
"""Keys of the table, and of the variables in capitals; a ``float`` is a length of time."""


def load_backup_plan(options: Mapping[str, Any], directory: Path) -> BackupPlan:
    """The plan of *directory*/colordrill.toml, the environment and *options*; later wins.

    Args:
        options: key to text or value; None means not given.
        directory: where the configuration file is looked for.

    Raises:
        UsageProblem: the file is malformed, a key is unknown, or a value cannot be.
    """
    path = directory / CONFIG_FILE
    table = read_configuration(path).get(TABLE, {})
    if not isinstance(table, dict):
        raise UsageProblem(f"{path}: {TABLE} = {table!r} is not a table", _settable())
    variables = {key: os.environ.get(BACKUP_PREFIX + key.upper()) or None for key in KEYS}
    chosen: dict[str, Any] = {}
    for source, values in ((str(path), table), ("the environment", variables), ("", options)):
        for key, value in values.items():
            if key not in KEYS:
                raise UsageProblem(f"{source}: there is no setting backup.{key}", _settable())
            if value is not None:
                chosen[key] = _typed(key, value, source)
    return _plan(chosen)


def duration_s(text: str) -> float:
    """Seconds of ``15s``, ``90m``, ``1h30m`` or ``7d``.

    Raises:
        UsageProblem: it is none, or longer than a year.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise UsageProblem(f"{text[:40]!r} is no length of time", DURATION_EXAMPLES)
    # a number of very many digits would be refused by int() with a message of its own
    digits = [number if number and len(number) < len(str(DURATION_MAX_S)) else number and "9" * 9]
    digits = [(number and number[:9]) for number in found.groups()]
    seconds = sum(
        int(number) * unit_s
        for number, unit_s in zip(digits, _UNITS_S.values(), strict=True)
        if number
    )
    if seconds > DURATION_MAX_S:
        raise UsageProblem(f"{text[:40]!r} is more than a year", DURATION_EXAMPLES)
    return seconds
