"""What was looked at besides clients: how the restored site is set up, what the replica holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """One look of a readiness probe at a site."""

    site: str
    probe: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Replica:
    """What the storage's replica was found to hold of what was acknowledged, at *noted_ns*."""

    noted_ns: int
    acknowledged: int
    present: int
    missing: tuple[str, ...]
