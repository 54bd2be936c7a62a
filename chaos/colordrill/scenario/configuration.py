"""What colordrill.toml, the environment or options say, each source checked as a whole."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario import backup_plan, notify, readiness_plan, service_values
from colordrill.scenario.fault_spec import StrategyKind
from colordrill.scenario.model import Objectives, Pace
from colordrill.scenario.tables import (
    ENVIRONMENT_PREFIX,
    PATH,
    TEXT,
    TRUTH,
    WHOLE,
    Kind,
    Table,
    one_of,
)

SERVICE_PREFIX = f"{ENVIRONMENT_PREFIX}SERVICE_"
PROFILES: Mapping[str, Mapping[str, float | int]] = {
    "gate": {},
    "nightly": {"steady_canaries": 12, "points_before_fault": 6, "stability_s": 30.0},
}
SETTINGS = Table(
    "",
    {
        "profile": one_of(PROFILES),
        "image": TEXT,
        "device": one_of(("cpu", "cuda")),
        "strategy": one_of(tuple(StrategyKind)),
        "out": PATH,
        "seed": WHOLE,
        "keep": TRUTH,
    },
    "; tables: [pace], [objectives], [service], [notify], [backup], [readiness]",
)
_FIGURES: Mapping[str, type] = {"pace": Pace, "objectives": Objectives}
_PATH_KEYS = frozenset({"goldens", "workflows", "checkpoint_file"})
_NO_PATHS = frozenset({"bundled", "image"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MEND = "mend it or remove it"


@dataclass(frozen=True, slots=True)
class Said:
    """What one source says.

    Attributes:
        settings: fields of `Settings`.
        overrides: ``pace.NAME`` or ``objectives.NAME`` to value.
        service: as the table ``[service]``, key to text.
        notify: as the table ``[notify]``, key to text.
        backup: as the table ``[backup]``; only a file says it here.
        readiness: as the table ``[readiness]``; only a file says it here.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, float] = field(default_factory=dict)
    service: Mapping[str, str] = field(default_factory=dict)
    notify: Mapping[str, str] = field(default_factory=dict)
    backup: Mapping[str, Any] = field(default_factory=dict)
    readiness: Mapping[str, Any] = field(default_factory=dict)


def from_file(path: Path) -> Said:
    """What the configuration file *path* says; nothing where there is none.

    Every table is checked, whichever of them is wanted: a misspelt one would count for nothing.

    Raises:
        UsageProblem: it cannot be read, is no TOML, a key is unknown, or a value has the wrong
            type.
    """
    content, source = _content(path), str(path)
    service = service_values.from_table(content.pop("service", {}), source)
    said: dict[str, Any] = {}
    for name in _FIGURES:
        table = content.pop(name, {})
        if not isinstance(table, dict):
            raise UsageProblem(f"{source}: {name} is not a table", OVERRIDES.settable())
        said.update({f"{name}.{key}": value for key, value in table.items()})
    return Said(
        overrides=OVERRIDES.read(said, source),
        service={key: _anchored(key, value, path.parent) for key, value in service.items()},
        notify=notify.from_table(content.pop("notify", {}), path),
        backup=backup_plan.TABLE.read(content.pop("backup", {}), source),
        readiness=readiness_plan.TABLE.read(content.pop("readiness", {}), source),
        settings=SETTINGS.read(content, source),
    )


def from_environment(environment: Mapping[str, str]) -> Said:
    """What variables say of a run; an empty one counts as not given.

    Raises:
        UsageProblem: a value has the wrong type.
    """
    return Said(
        settings=SETTINGS.from_variables(environment),
        service=service_values.from_variables(environment, SERVICE_PREFIX),
        notify=notify.from_variables(environment),
    )


def from_options(options: Mapping[str, Any], source: str) -> Said:
    """What *options* say, by the fields of `Settings`; None counts as not given.

    Raises:
        UsageProblem: a key is unknown, or a value has the wrong type.
    """
    settings = dict(options)
    overrides = settings.pop("overrides", {})
    return Said(
        service=settings.pop("service_values", {}),
        overrides=OVERRIDES.read({key: _number(text) for key, text in overrides.items()}, source),
        settings=SETTINGS.read(settings, source),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        if not os.path.lexists(path):
            return {}
        if not path.is_file():
            # a pipe could be read for ever, and a link to nothing was meant to say something
            raise UsageProblem(f"{path} is no plain file", _MEND)
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        # refuses what no message could show: numbers of thousands of digits, endless nesting
        repr(content)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageProblem(f"{path} cannot be read: {error}", _MEND) from error
    return content


def _anchored(key: str, value: str, directory: Path) -> str:
    """A path of a file is meant from where the file lies."""
    is_path = key in _PATH_KEYS and value not in _NO_PATHS
    return str(directory / value) if is_path and directory != Path.cwd() else value


def _number(text: object) -> object:
    """The number that an option's text is; a text that is none stays one, to be refused."""
    return float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else text


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _whole(value: object) -> int | None:
    number = _finite(value)
    return int(number) if number is not None and number.is_integer() else None


OVERRIDES = Table(
    "",
    {
        f"{name}.{each.name}": Kind(_whole, "a whole number")
        if each.type == "int"
        else Kind(_finite, "a number")
        for name, owner in _FIGURES.items()
        for each in fields(owner)
    },
)
"""What ``--set`` and the tables ``[pace]`` and ``[objectives]`` override."""
