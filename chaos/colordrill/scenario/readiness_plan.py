"""What `colordrill readiness` asks for, as ``[readiness]``, the environment and options say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colordrill.scenario.tables import AGE, TRUTH, Table


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


TABLE = Table(
    "readiness", {"max_age": AGE, "rehearsal": TRUTH, "offsite": TRUTH, "offsite_max_age": AGE}
)
"""Keys of ``[readiness]``."""

_FIELDS = {"max_age": "max_age_s", "offsite_max_age": "offsite_max_age_s"}


def build_readiness_plan(chosen: Mapping[str, Any]) -> ReadinessPlan:
    """The plan of values that `TABLE` has read."""
    return ReadinessPlan(**{_FIELDS.get(key, key): value for key, value in chosen.items()})
