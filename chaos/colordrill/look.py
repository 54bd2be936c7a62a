"""What a probe saw, as plain data: nothing here says whether that is good."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | float | None
"""None: the thing is not there."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one thing.

    Attributes:
        check: the check that it is for.
        subject: what was looked at, for people.
        wanted: what should be there; None where it should be absent.
        seen: what was there.
        unseen: why nobody could look; empty where somebody did.
        age_s: how long what is wanted has been so; None where that is not the matter.
        note: what else people should read.
    """

    check: str
    subject: str
    wanted: Value = None
    seen: Value = None
    unseen: str = ""
    age_s: float | None = None
    note: str = ""
