"""Checks of what a fault is constructed with; every family uses these.

A scenario's parameters come from people and from a random schedule: a latency of a year, zero bytes
or a NaN must be refused before anything is touched, not discovered by the stack.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from colordrill.errors import UnknownName, UsageProblem

Named = TypeVar("Named", bound=StrEnum)


def number(name: str, value: object, least: float, most: float) -> float:
    """*value* as a finite number from *least* to *most*, both included.

    Args:
        name: the parameter's, unit last: ``latency_ms``.
        value: as it was given; a bool is no number.
        least: the smallest that is allowed.
        most: the largest that is allowed.

    Raises:
        UsageProblem: names the parameter, the bounds and the value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageProblem(f"{name} must be a number from {least:g} to {most:g}, not {value!r}")
    if not least <= value <= most:
        raise UsageProblem(f"{name} must lie between {least:g} and {most:g}, not {value!r}")
    return float(value)


def whole(name: str, value: object, least: int, most: int) -> int:
    """*value* as a whole number from *least* to *most*, both included; 3.0 counts, 3.5 does not.

    Raises:
        UsageProblem: names the parameter, the bounds and the value.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and not value.is_integer())
    ):
        raise UsageProblem(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    if not least <= value <= most:
        raise UsageProblem(f"{name} must lie between {least} and {most}, not {value!r}")
    return int(value)


def text(name: str, value: object, *, length_max: int = 200) -> str:
    """*value* as a text of one line that is not empty.

    Raises:
        UsageProblem: names the parameter, the bound and the value.
    """
    if not isinstance(value, str) or not value.strip():
        raise UsageProblem(f"{name} must be a text that is not empty, not {value!r}")
    if len(value) > length_max or not value.isprintable():
        raise UsageProblem(
            f"{name} must be one printable line of at most {length_max} characters, not {value!r}"
        )
    return value


def flag(name: str, value: object) -> bool:
    """*value* as true or false.

    Raises:
        UsageProblem: names the parameter and the value.
    """
    if not isinstance(value, bool):
        raise UsageProblem(f"{name} must be true or false, not {value!r}")
    return value


def choice(name: str, value: object, known: Iterable[str]) -> str:
    """*value*, which must be one of *known*.

    Raises:
        UnknownName: lists what is known and names the nearest.
    """
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise UnknownName(name, str(value), names)
    return value


def member(name: str, value: object, known: Iterable[Named]) -> Named:
    """The member of *known* that *value* names.

    Raises:
        UnknownName: lists what is known and names the nearest.
    """
    members = {str(each): each for each in known}
    return members[choice(name, value, members)]
