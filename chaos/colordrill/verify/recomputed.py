"""The verdict of an earlier drill, computed again from its history alone, and how it compares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from colordrill.history import Event
from colordrill.outcome import Outcome
from colordrill.scenario.model import Scenario
from colordrill.scenario.recorded import scenario_from_note
from colordrill.verify.conclude import conclude

_ROUNDED_TO = 1e-6
"""Records keep six decimals."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the history says today."""

    scenario: Scenario
    outcome: Outcome


def noted_scenario(events: Iterable[Event]) -> Scenario | None:
    """The scenario that was in force; None where the history has no note of it.

    Raises:
        RecordProblem: the history is malformed, or its note cannot be used.
    """
    note = next((event for event in events if event.kind == "scenario"), None)
    return None if note is None else scenario_from_note(note.data)


def recompute(read: Callable[[], Iterable[Event]], otherwise: Callable[[], Scenario]) -> Recomputed:
    """Judge a history again, line by line, without holding it in memory.

    Args:
        read: reads the history from its beginning, as often as it is called.
        otherwise: the scenario where the history does not say it.

    Raises:
        RecordProblem: the history or its note of the scenario cannot be used.
    """
    scenario = noted_scenario(read()) or otherwise()
    return Recomputed(scenario, conclude(read(), scenario))


def differences(outcome: Outcome, record: Mapping[str, Any]) -> list[str]:
    """Where *outcome* is not what *record* says; a sentence each, none where they agree."""
    found = []
    if outcome.verdict.value != record["verdict"]:
        found.append(f"the verdict is {outcome.verdict.value}, the record says {record['verdict']}")
    recorded = {check["name"]: check for check in record["checks"]}
    for check in outcome.checks:
        then = recorded.pop(check.name, None)
        if then is None:
            found.append(f"the record has no check {check.name} ({check.verdict.value} now)")
        elif then["verdict"] != check.verdict.value:
            found.append(
                f"{check.name} is {check.verdict.value}, the record says {then['verdict']}"
            )
        elif not _same(check.value, then["value"]):
            found.append(f"{check.name} measures {check.value}, the record says {then['value']}")
    found += [f"the check {name} of the record is not judged now" for name in recorded]
    return found


def _same(now: float | str | None, then: float | str | None) -> bool:
    if isinstance(now, float) and not math.isfinite(now):
        return str(now) == then
    if isinstance(now, (int, float)) and isinstance(then, (int, float)):
        return math.isclose(now, then, rel_tol=0.0, abs_tol=_ROUNDED_TO)
    return now == then
