"""Tables of keys with values of a kind each, wherever they are said: file, environment, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario.durations import DURATION_EXAMPLES, duration_s

ENVIRONMENT = "the environment"
ENVIRONMENT_PREFIX = "COLORDRILL_"
SHOWN_MAX = 60
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a key are.

    Attributes:
        read: a value as the program has it; None where it is none of this kind.
        wanted: the kind in words, for messages.
    """

    read: Callable[[Any], Any]
    wanted: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the configuration file; its keys are variables too.

    Attributes:
        name: as the file has it; empty: the keys at its top.
        kinds: of each key.
        beside: what else there is to set, for messages.
    """

    name: str
    kinds: Mapping[str, Kind]
    beside: str = ""

    def read(self, said: object, source: str) -> dict[str, Any]:
        """The values of *said*, each of its kind; None counts as not given.

        Raises:
            UsageProblem: it is no table, a key is unknown, or a value is of another kind.
        """
        if not isinstance(said, Mapping):
            raise UsageProblem(f"{source}: {self.name} is not a table", self.settable())
        dot = f"{self.name}." if self.name else ""
        found = {}
        for key, value in said.items():
            if key not in self.kinds:
                raise UsageProblem(f"{source}: there is no setting {dot}{key}", self.settable())
            if value is None:
                continue
            kind = self.kinds[key]
            found[key] = kind.read(value)
            if found[key] is None:
                shown = f"{value!r:.{SHOWN_MAX}}"
                told = f"{source}: {dot}{key} must be {kind.wanted}, not {shown}"
                raise UsageProblem(told, "mend it or leave it out")
        return found

    def from_variables(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """The values of ``COLORDRILL_<TABLE>_<KEY>``; an empty variable counts as not given.

        Raises:
            UsageProblem: a value is of another kind.
        """
        prefix = f"{ENVIRONMENT_PREFIX}{self.name.upper()}{'_' if self.name else ''}"
        said = {key: environment.get(prefix + key.upper()) or None for key in self.kinds}
        return self.read(said, ENVIRONMENT)

    def settable(self) -> str:
        """The keys that there are, for messages."""
        where = f"in [{self.name}]" if self.name else "settings"
        return f"{where}: {', '.join(self.kinds)}{self.beside}"


def truth(value: object) -> bool | None:
    """Whether ``true``, ``yes``, ``on`` or ``1`` is said, in either case."""
    text = str(value).lower()
    return text in _TRUE if text in _TRUE | _FALSE else None


def whole(value: object) -> int | None:
    """A whole number, or the text of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        # a number of thousands of digits is none
        with suppress(ValueError):
            return int(value)
    return None


def _count(value: object) -> int | None:
    return int(str(value)) if _COUNT.fullmatch(str(value)) else None


def _age_s(value: object) -> float | None:
    # no point is as old as nothing
    return duration_s(value) or None


def _text(value: object) -> str | None:
    is_said = isinstance(value, str) and value.strip() and "\x00" not in value
    return str(value) if is_said else None


def _path(value: object) -> Path | None:
    text = _text(str(value) if isinstance(value, Path) else value)
    return None if text is None else Path(text)


def one_of(names: Collection[str]) -> Kind:
    """One of *names*."""
    return Kind(
        lambda value: value if isinstance(value, str) and value in names else None,
        f"one of {', '.join(names)}",
    )


TRUTH = Kind(truth, "true or false")
WHOLE = Kind(whole, "a whole number")
COUNT = Kind(_count, "a whole number of at most six digits")
TIME = Kind(duration_s, f"a length of time up to a year, like {DURATION_EXAMPLES}")
AGE = Kind(_age_s, f"an age up to a year, like {DURATION_EXAMPLES}")
TEXT = Kind(_text, "a text that is not empty")
PATH = Kind(_path, "a path that is not empty")
