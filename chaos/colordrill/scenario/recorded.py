"""The scenario that a drill's history says was in force, built again from its note.

Catalogue entries change and users have their own, so the note holds the whole scenario. Notes of
earlier versions hold its name, pace and objectives only: the rest comes from the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import msgspec

from colordrill.errors import RecordProblem, UsageProblem
from colordrill.scenario.catalogue import find_scenario
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.scenario.model import Objectives, Pace, SabotageSpec, Scenario

Part = TypeVar("Part", Pace, Objectives)

Kind = type[Scenario | Objectives | Pace | FaultSpec | SabotageSpec]

_PARTS: Mapping[str, Kind] = {
    "objectives": Objectives,
    "pace": Pace,
    "faults": FaultSpec,
    "sabotage": SabotageSpec,
}


def scenario_from_note(note: Mapping[str, Any]) -> Scenario:
    """The scenario of a note of kind ``scenario``.

    Fields that an earlier version did not know have their defaults. Fields that this version does
    not know are refused: a verdict that leaves out part of the scenario would be another's.

    Raises:
        RecordProblem: the note is not a scenario, or names one that the catalogue lacks.
    """
    whole = note.get("scenario")
    try:
        if whole is not None:
            _refuse_unknown_fields(whole)
            return msgspec.convert(whole, Scenario)
        known = find_scenario(_text(note.get("name")))
        return replace(
            known,
            pace=_laid_over(known.pace, note.get("pace")),
            objectives=_laid_over(known.objectives, note.get("objectives")),
        )
    except (msgspec.MsgspecError, UsageProblem, ValueError, TypeError, RecursionError) as error:
        cause = error.cause if isinstance(error, UsageProblem) else str(error)
        raise RecordProblem(
            f"the history's note of its scenario cannot be used: {cause}",
            "it was altered or belongs to another version of colordrill; use an intact copy",
        ) from error


def _laid_over(part: Part, changed: Any) -> Part:
    """*part* with the values of a note; strings and the like are refused, not converted."""
    given = {} if changed is None else changed
    if not isinstance(given, Mapping):
        raise TypeError(f"{type(part).__name__.lower()} must be an object")
    _refuse_unknown(type(part), given)
    plain = {field.name: getattr(part, field.name) for field in fields(part)}
    return msgspec.convert(plain | dict(given), type(part))


def _refuse_unknown_fields(whole: Any) -> None:
    if not isinstance(whole, Mapping):
        raise TypeError("scenario must be an object")
    _refuse_unknown(Scenario, whole)
    for name, part in _PARTS.items():
        given = whole.get(name)
        for each in given if isinstance(given, list | tuple) else [given]:
            if isinstance(each, Mapping):
                _refuse_unknown(part, each)


def _refuse_unknown(part: Kind, given: Mapping[str, Any]) -> None:
    known = {field.name for field in fields(part)}
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown:
        raise ValueError(f"{part.__name__.lower()} has no {', '.join(unknown)}")


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError("it names no scenario")
    return name
