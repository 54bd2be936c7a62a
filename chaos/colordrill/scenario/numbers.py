"""Refuses numbers that no scenario can mean."""

from __future__ import annotations

import math

from colordrill.errors import UsageProblem


def positive(name: str, value: float) -> None:
    """Raise a UsageProblem unless *value* is finite and above zero."""
    if _is_none(value) or not 0 < value < math.inf:
        raise UsageProblem(f"{name} must be a positive finite number, not {value!r}")


def within(name: str, value: float, least: float, most: float) -> None:
    """Raise a UsageProblem unless *value* lies between *least* and *most*."""
    if _is_none(value) or not least <= value <= most:
        raise UsageProblem(f"{name} must lie between {least:g} and {most:g}, not {value!r}")


def _is_none(value: object) -> bool:
    """Whether *value* is no number: what people write need not be of the type that is asked for."""
    return isinstance(value, bool) or not isinstance(value, int | float)
