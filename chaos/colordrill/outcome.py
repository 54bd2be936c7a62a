"""What a drill concludes: verdicts, checks, actuals and counts. Pure data, shared by all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from colordrill.errors import ExitCode


class Verdict(StrEnum):
    """Three values, the worst wins: fail over unknown over pass."""

    PASS = "pass"  # noqa: S105 (a verdict)
    UNKNOWN = "unknown"
    FAIL = "fail"

    @property
    def exit_code(self) -> ExitCode:
        """The command line's exit code for this verdict."""
        return _EXIT_CODES[self]


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}
_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.UNKNOWN: ExitCode.UNKNOWN,
    Verdict.FAIL: ExitCode.FAIL,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One named judgement.

    Attributes:
        name: what reports and red twins call it.
        verdict: pass, unknown or fail.
        value: what was measured; None when it could not be.
        bound: what it was measured against; None when there is none.
        detail: one or two sentences with the figures behind it.
    """

    name: str
    verdict: Verdict
    value: float | str | None
    bound: float | str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Actuals:
    """What a drill measured; None where it could not be measured. Names as in ``record.json``."""

    rta_s: float | None = None
    rta_from_detection_s: float | None = None
    rta_breakdown: dict[str, float | None] = field(default_factory=dict)
    rpa_s: float | None = None
    bad_output_s: float | None = None
    chroma_ssim_min: float | None = None
    chroma_tile_min: float | None = None
    luma_ssim_min: float | None = None
    delta_e_max: float | None = None
    available_s: float | None = None
    outage_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many operations reached each grade, and what became of them after recovery."""

    accepted: int = 0
    completed: int = 0
    delivered: int = 0
    lost: int = 0
    corrupt: int = 0
    unknown: int = 0
    lost_after_fault: int = 0
    jobs_lost: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole conclusion of a drill."""

    checks: tuple[Check, ...]
    actuals: Actuals
    counts: Counts

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks; unknown when there is none."""
        return worst(check.verdict for check in self.checks)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of *verdicts*; of none at all, unknown: nothing checked is not a pass."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)
