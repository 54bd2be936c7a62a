"""The whole conclusion of a drill: every check, in a fixed order, from its history alone."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from colordrill.errors import RecordProblem
from colordrill.history import Event
from colordrill.outcome import Actuals, Check, Counts, Outcome, Verdict
from colordrill.scenario.model import Scenario
from colordrill.verify.availability import availability
from colordrill.verify.backups import judge_backups
from colordrill.verify.backups_resume import judge_backups_resume
from colordrill.verify.colour import judge_colour
from colordrill.verify.configuration import judge_configuration
from colordrill.verify.determinism import judge_determinism
from colordrill.verify.duplicates import judge_duplicates
from colordrill.verify.fault import judge_evidence, judge_healed
from colordrill.verify.integrity import judge_integrity, judge_jobs_lost, judge_lost_after_fault
from colordrill.verify.judged import Judged, unknown
from colordrill.verify.observations import Observations
from colordrill.verify.observe import observe
from colordrill.verify.replica import judge_replica
from colordrill.verify.rpo import judge_rpo
from colordrill.verify.rto import judge_rto
from colordrill.verify.steady import judge_steady_state
from colordrill.verify.steady_after import judge_steady_after
from colordrill.verify.user_work import judge_user_work

Judge = Callable[[Observations, Scenario], Judged | None]
"""None: the check does not apply to this scenario."""

JUDGES: dict[str, Judge] = {
    "steady_state": judge_steady_state,
    "fault_evidence": judge_evidence,
    "rto": judge_rto,
    "steady_after": judge_steady_after,
    "rpo": judge_rpo,
    "backup_promise": judge_backups,
    "backups_resume": judge_backups_resume,
    "integrity": judge_integrity,
    "lost_after_fault": judge_lost_after_fault,
    "jobs_lost": judge_jobs_lost,
    "duplicates": judge_duplicates,
    "user_work": judge_user_work,
    "colour": judge_colour,
    "determinism": judge_determinism,
    "configuration": judge_configuration,
    "replica": judge_replica,
    "fault_healed": judge_healed,
}
"""Every check, by name, in the order of records and reports.

Records leave out those that do not apply to their scenario.
"""


def conclude(events: Iterable[Event], scenario: Scenario) -> Outcome:
    """Judge a drill by its history.

    A judgement that crashes leaves its check ``unknown`` with the error; so do events that lack
    what they must hold, for every check. A history that contradicts itself lets nothing pass.

    Raises:
        RecordProblem: the history cannot be read at all.
    """
    with _collector_paused():
        try:
            observations = observe(events)
        except RecordProblem:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the verdict must say unknown)
            checks = tuple(_crashed(name, "the history", error) for name in JUDGES)
            return Outcome(checks, Actuals(), Counts())
        return conclude_from(observations, scenario)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking again and again at millions of living objects.

    Nothing in the block makes cycles; reference counts free what is dropped.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def conclude_from(observations: Observations, scenario: Scenario) -> Outcome:
    """Judge a drill by what was observed in it."""
    checks: list[Check] = []
    actuals: dict[str, Any] = _figures(observations)
    counts: dict[str, int] = {}
    for name, judge in JUDGES.items():
        judged = _judged(name, judge, observations, scenario)
        if judged is None:
            continue
        checks.append(_distrusted(judged.check, observations.contradiction))
        actuals.update(judged.actuals)
        counts.update(judged.counts)
    return Outcome(tuple(checks), Actuals(**actuals), Counts(**counts))


def _figures(observations: Observations) -> dict[str, Any]:
    """What is measured without being judged; a crash leaves it unmeasured."""
    try:
        return dict(availability(observations))
    except Exception:  # noqa: BLE001 (no verdict rests on it; None says that it was not measured)
        return {}


def _judged(
    name: str, judge: Judge, observations: Observations, scenario: Scenario
) -> Judged | None:
    try:
        return judge(observations, scenario)
    except Exception as error:  # noqa: BLE001 (a checker that crashed is unknown, never pass)
        return Judged(_crashed(name, "the check", error))


def _crashed(name: str, what: str, error: Exception) -> Check:
    return unknown(name, None, f"{what} could not be judged: {type(error).__name__}: {error}")


def _distrusted(check: Check, contradiction: str | None) -> Check:
    if contradiction is None or check.verdict is not Verdict.PASS:
        return check
    detail = f"the history contradicts itself ({contradiction}); otherwise: {check.detail}"
    return replace(check, verdict=Verdict.UNKNOWN, detail=detail)
