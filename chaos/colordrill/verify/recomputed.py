"""The verdict of an earlier drill, computed again from its history alone, and how it compares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from colordrill.history import Event
from colordrill.outcome import Outcome
from colordrill.scenario.model import Scenario
from colordrill.scenario.recorded import scenario_from_note
from colordrill.verify.conclude import conclude

_ROUNDED_TO = 1e-6
"""Records keep six decimals."""

_BEGINNINGS = frozenset({"problems", "improvements"})
"""What ended a drill early stands in its record alone, after what the history says."""


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


def differences(now: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """Where *record* is not what the history says; a sentence each, none where they agree.

    Args:
        now: the fields of a record that follow from the history, as a record has them. Only these
            are compared; of problems and improvements the record may have more after them.
        record: a valid record.
    """
    found = list(_of_checks(now["checks"], record["checks"]))
    for name, value in now.items():
        then = record[name]
        if name in _BEGINNINGS:
            found += _compared(name, value, then[: len(value)])
        elif name != "checks":
            found += _compared(name, value, then)
    return found


def _of_checks(
    now: Iterable[Mapping[str, Any]], then: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """By their names: the next version of a check, or a new one, leaves the others as they are."""
    recorded: dict[str, Mapping[str, Any]] = {}
    for check in then:
        if check["name"] in recorded:
            yield f"the record has the check {check['name']} twice"
        recorded[check["name"]] = check
    for check in now:
        told = recorded.pop(check["name"], None)
        if told is None:
            yield f"the record has no check {check['name']} ({check['verdict']} now)"
        else:
            yield from _compared(check["name"], check, told)
    yield from (f"the check {name} of the record is not judged now" for name in recorded)


def _compared(place: str, now: Any, then: Any) -> Iterator[str]:
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        for name, value in now.items():
            if name in then:
                yield from _compared(f"{place}.{name}", value, then[name])
            else:
                yield f"the record has no {place}.{name} ({value!r} now)"
    elif isinstance(now, list) and isinstance(then, list):
        if len(now) != len(then):
            yield f"{place}: {len(now)} now, the record has {len(then)}"
        for number, (value, told) in enumerate(zip(now, then, strict=False)):
            yield from _compared(f"{place}[{number}]", value, told)
    elif not _same(now, then):
        yield f"{place} is {now!r}, the record says {then!r}"


def _same(now: object, then: object) -> bool:
    if isinstance(now, (int, float)) and isinstance(then, (int, float)):
        return math.isclose(now, then, rel_tol=0.0, abs_tol=_ROUNDED_TO)
    return now == then
