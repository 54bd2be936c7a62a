"""How recovery points are taken and kept, as ``[backup]``, the environment and options say it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.settings import CONFIG_FILE, read_configuration

BACKUP_PREFIX = "COLORDRILL_BACKUP_"
TABLE = "backup"
INTERVAL_S, INTERVAL_MIN_S = 3600.0, 1.0
DURATION_MAX_S = 366 * 86400.0
DURATION_EXAMPLES = "write it like 15s, 90m, 1h, 1h30m or 7d"
_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
# few digits each: what is longer is more than a year anyway
_NUMBER = r"(?:(\d{1,9})%s)?"
_DURATION = re.compile("".join(_NUMBER % unit for unit in _UNITS_S), re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_WANTED = {
    float: "a length of time like 15s, 90m, 1h or 7d",
    bool: "true or false",
    int: "a whole number of at most six digits",
}
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
            f"--interval={self.interval_s:.0f}s",
            "--verify" if self.verify else "--no-verify",
            *(f"--keep-{name}={count}" for name, count in counts.items()),
            f"--keep-within={kept.within_s:.0f}s",
            f"--offsite-every={self.offsite_every}",
        ]


KEYS: Mapping[str, type] = {
    "interval": float,
    "verify": bool,
    "keep_last": int,
    "keep_hourly": int,
    "keep_daily": int,
    "keep_within": float,
    "max_age": float,
    "offsite_every": int,
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
    numbers = zip(found.groups(default="0"), _UNITS_S.values(), strict=True)
    seconds = sum(int(number) * unit_s for number, unit_s in numbers)
    if seconds > DURATION_MAX_S:
        raise UsageProblem(f"{text[:40]!r} is more than a year", DURATION_EXAMPLES)
    return seconds


def _plan(chosen: Mapping[str, Any]) -> BackupPlan:
    interval_s = chosen.get("interval", INTERVAL_S)
    if interval_s < INTERVAL_MIN_S:
        raise UsageProblem("the interval of backups must be at least 1s", DURATION_EXAMPLES)
    names = {"keep_last": "last", "keep_hourly": "hourly", "keep_daily": "daily"}
    kept = {name: chosen[key] for key, name in names.items() if key in chosen}
    return BackupPlan(
        interval_s=interval_s,
        verify=chosen.get("verify", False),
        retention=Retention(**kept, within_s=chosen.get("keep_within", 0.0)),
        max_age_s=chosen.get("max_age"),
        offsite_every=chosen.get("offsite_every", 0),
    )


def _typed(key: str, value: Any, source: str) -> Any:
    kind = KEYS[key]
    where = f"{source}: " if source else ""
    if kind is float and isinstance(value, str):
        return duration_s(value)
    if kind is bool and str(value).lower() in _TRUE | _FALSE:
        return str(value).lower() in _TRUE
    if kind is int and _COUNT.fullmatch(str(value)):
        return int(value)
    raise UsageProblem(f"{where}backup.{key} must be {_WANTED[kind]}, not {value!r}", _settable())


def _settable() -> str:
    return f"in [{TABLE}]: {', '.join(KEYS)}"
