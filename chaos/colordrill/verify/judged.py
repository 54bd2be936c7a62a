"""What one judgement hands to the conclusion: its checks, and the figures it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colordrill.outcome import Check, Verdict

NO_FAULT = "no disaster was injected, so there is nothing to measure from"


@dataclass(frozen=True, slots=True)
class Judged:
    """One check with the actuals and counts that it measured, by their names in the record."""

    check: Check
    actuals: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def unknown(name: str, bound: float | str | None, detail: str) -> Check:
    """A check that lacks what it needs; *detail* says what."""
    return Check(name, Verdict.UNKNOWN, None, bound, detail)


def listed(names: list[str], most: int = 5) -> str:
    """The first few of *names*, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
