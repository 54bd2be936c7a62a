"""What `colordrill readiness` asks for, as ``[readiness]``, the environment and options say it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.settings import CONFIG_FILE, read_configuration

TABLE = "readiness"
PREFIX = "COLORDRILL_READINESS_"
AGE_MAX_S = 366 * 86_400.0
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd])")
_AN_AGE = "an age up to a year with its unit, like 90s, 15m, 1h or 7d"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class ReadinessPlan:
    """What is asked for.

    Attributes:
        max_age_s: how old the newest point may be, and a change that is in no copy yet.
        rehearsal: whether the DR site is started, restored and compared.
        offsite: whether copies off site are wanted: without one the stack is not ready.
        offsite_max_age_s: how old the newest of them may be.
    """

    max_age_s: float = 3600.0
    rehearsal: bool = True
    offsite: bool = True
    offsite_max_age_s: float = 25 * 3600.0


def load_readiness_plan(options: Mapping[str, Any], directory: Path) -> ReadinessPlan:
    """The plan of *directory*/colordrill.toml, the environment and *options*; later wins.

    Args:
        options: by the keys of the table; None means not given.
        directory: where the configuration file is looked for.

    Raises:
        UsageProblem: the file is malformed, a key is unknown, or a value cannot be.
    """
    path = directory / CONFIG_FILE
    table = read_configuration(path).get(TABLE, {})
    if not isinstance(table, dict):
        raise UsageProblem(f"{path}: {TABLE} = {table!r} is not a table", _settable())
    variables = {key: os.environ.get(PREFIX + key.upper()) or None for key in _READERS}
    chosen: dict[str, Any] = {}
    sources = ((str(path), table), ("the environment", variables), ("the options", options))
    for source, values in sources:
        for key, value in values.items():
            if key not in _READERS:
                raise UsageProblem(f"{source}: there is no setting {TABLE}.{key}", _settable())
            if value is not None:
                name, read, wanted = _READERS[key]
                chosen[name] = read(value)
                if chosen[name] is None:
                    told = f"{source}: {TABLE}.{key} must be {wanted}, not {value!r}"
                    raise UsageProblem(told)
    return ReadinessPlan(**chosen)


def _age_s(value: Any) -> float | None:
    """Seconds of ``90s``, ``15m``, ``1.5h``, ``1d``; None where it is no such text."""
    found = _AGE.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    return seconds if 0 < seconds <= AGE_MAX_S else None


def _truth(value: Any) -> bool | None:
    text = str(value).lower()
    return text in _TRUE if text in _TRUE | _FALSE else None


_READERS: Mapping[str, tuple[str, Callable[[Any], Any], str]] = {
    "max_age": ("max_age_s", _age_s, _AN_AGE),
    "rehearsal": ("rehearsal", _truth, "true or false"),
    "offsite": ("offsite", _truth, "true or false"),
    "offsite_max_age": ("offsite_max_age_s", _age_s, _AN_AGE),
}
"""Keys of the table, and of the variables in capitals: the field, how it is read, what it is."""


def _settable() -> str:
    return f"in [{TABLE}]: {', '.join(_READERS)}"
