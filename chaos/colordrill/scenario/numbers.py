"""Refuses numbers that no scenario can mean."""

from __future__ import annotations

import math

from colordrill.errors import UsageProblem


def positive(name: str, value: float) -> None:
    """Raise a UsageProblem unless *value* is finite and above zero."""
    if not math.isfinite(value) or value <= 0:
        raise UsageProblem(f"{name} must be a positive finite number, not {value!r}")


def within(name: str, value: float, least: float, most: float) -> None:
    """Raise a UsageProblem unless *value* lies between *least* and *most*."""
    if not math.isfinite(value) or not least <= value <= most:
        raise UsageProblem(f"{name} must lie between {least:g} and {most:g}, not {value!r}")
