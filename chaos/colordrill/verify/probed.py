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
    """What the storage's replica was found to hold of what was acknowledged, at *noted_ns*.

    Attributes:
        noted_ns: when that was written down.
        acknowledged: how many outputs were looked for.
        present: how many are there, and not with other bytes.
        missing: which are not there.
        differs: which are there with other bytes than the client was given.
        compared: how many were held against those bytes.
    """

    noted_ns: int
    acknowledged: int
    present: int
    missing: tuple[str, ...]
    differs: tuple[str, ...]
    compared: int
