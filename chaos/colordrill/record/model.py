"""Puts a drill's facts, its conclusion and its history together into a record. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from colordrill.history import Event
from colordrill.outcome import Actuals, Check, Outcome
from colordrill.record.advice import find_problems
from colordrill.record.chronology import FaultTrace, StepTrace, read_chronology
from colordrill.record.schema import SCHEMA_VERSION
from colordrill.record.undelivered import find_undelivered
from colordrill.record.wording import BREAKDOWN_LABELS
from colordrill.scenario.model import RPO_OF_RECORD_S, RTO_OF_RECORD_S, Objectives, Scenario

_DECIMALS = 6
_TOLD = frozenset({"fault", "evidence", "heal", "step", "notice"})


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """Which drill it was.

    Attributes:
        id: the name of the run directory.
        scenario: as typed on the command line.
        seed: of every random choice.
        profile: gate or nightly.
        started_at: wall time, with its zone.
        finished_at: wall time, with its zone.
        command: what repeats the drill.
    """

    id: str
    scenario: str
    seed: int
    profile: str
    started_at: datetime
    finished_at: datetime
    command: str


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """Where it ran; never anything secret.

    Attributes:
        host: the machine, by name of the fact.
        engine: the container engine, by name of the fact.
        images: digest by image name.
        config_sha256: of the configuration in force; None where it was not read.
        software: version by name.
    """

    host: Mapping[str, str | float | bool | None]
    engine: Mapping[str, str | float | bool | None]
    images: Mapping[str, str] = field(default_factory=dict)
    config_sha256: str | None = None
    software: Mapping[str, str] = field(default_factory=dict)


def build_record(
    *,
    drill: DrillFacts,
    environment: EnvironmentFacts,
    scenario: Scenario,
    outcome: Outcome,
    events: Iterable[Event],
    participants: Iterable[str] = (),
    problems: Iterable[str] = (),
    improvements: Iterable[str] = (),
    measurements: Mapping[str, float | None] | None = None,
) -> dict[str, Any]:
    """The record of one drill.

    Args:
        drill: which drill it was.
        environment: where it ran.
        scenario: what was asked for; its objectives are the record's.
        outcome: what was concluded.
        events: the history; faults and steps are read from it.
        participants: who and what took part.
        problems: put after those that follow from checks, steps and notices.
        improvements: put after those that follow from the problems.
        measurements: the drill's own figures, such as ``harness_rss_mb``.

    Returns:
        A record as ``schema.json`` describes it; not validated here.
    """
    told = fields_of_history(scenario, outcome, events)
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "drill": _drill(drill),
        "environment": {
            "host": dict(environment.host),
            "engine": dict(environment.engine),
            "images": dict(environment.images),
            "config_sha256": environment.config_sha256,
            "software": dict(environment.software),
        },
        "participants": list(participants),
        **told,
        "problems": _once([*told["problems"], *problems]),
        "improvements": _once([*told["improvements"], *improvements]),
    }
    if measurements is not None:
        record["measurements"] = {name: _rounded(value) for name, value in measurements.items()}
    return record


def is_told(number: int, event: Event) -> bool:
    """Whether a record tells of a history's *event*, beside its outcome: of few, and the first."""
    return number == 0 or event.kind in _TOLD


def fields_of_history(
    scenario: Scenario, outcome: Outcome, events: Iterable[Event]
) -> dict[str, Any]:
    """What of a record follows from the history and the scenario that is noted in it.

    Of the problems and improvements it is how the record's begin: a drill may add others. Of the
    events only those count that `is_told` lets through.
    """
    history = [event for number, event in enumerate(events) if is_told(number, event)]
    chronology = read_chronology(history)
    findings = [*find_problems(outcome.checks, chronology.steps), *find_undelivered(history)]
    return {
        "objectives": _objectives(scenario.objectives),
        "actuals": actual_fields(outcome.actuals),
        "counts": asdict(outcome.counts),
        "faults": [_fault(each) for each in chronology.faults],
        "steps": [_step(each) for each in chronology.steps],
        "checks": [check_fields(each) for each in outcome.checks],
        "verdict": outcome.verdict.value,
        "problems": _once(each.problem for each in findings),
        "improvements": _once(each.improvement for each in findings),
    }


def _drill(facts: DrillFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "scenario": facts.scenario,
        "seed": facts.seed,
        "profile": facts.profile,
        "started_at": _utc(facts.started_at),
        "finished_at": _utc(facts.finished_at),
        "command": facts.command,
    }


def _objectives(objectives: Objectives) -> dict[str, float]:
    return {
        "rto_s": objectives.rto_s,
        "rpo_s": objectives.rpo_s,
        "rto_of_record_s": RTO_OF_RECORD_S,
        "rpo_of_record_s": RPO_OF_RECORD_S,
        "chroma_ssim_min": objectives.chroma_ssim_min,
        "chroma_tile_min": objectives.chroma_tile_min,
        "luma_ssim_min": objectives.luma_ssim_min,
        "delta_e_max": objectives.delta_e_max,
    }


def actual_fields(actuals: Actuals) -> dict[str, Any]:
    """The record's ``actuals``."""
    fields = asdict(actuals)
    # parts that nobody measured are null; a part that has no label is left for the schema to refuse
    parts = dict.fromkeys(BREAKDOWN_LABELS) | fields.pop("rta_breakdown")
    rounded: dict[str, Any] = {name: _rounded(value) for name, value in fields.items()}
    rounded["rta_breakdown"] = {name: _rounded(value) for name, value in parts.items()}
    return rounded


def _fault(fault: FaultTrace) -> dict[str, Any]:
    return {
        "name": fault.name,
        "target": fault.target,
        "injected_s": fault.injected_s,
        "healed_s": fault.healed_s,
        "evidence": [asdict(sighting) for sighting in fault.evidence],
    }


def _step(step: StepTrace) -> dict[str, Any]:
    return asdict(step)


def check_fields(check: Check) -> dict[str, Any]:
    """One of the record's ``checks``."""
    return {
        "name": check.name,
        "verdict": check.verdict.value,
        "value": _plain(check.value),
        "bound": _plain(check.bound),
        "detail": check.detail,
    }


def _plain(value: float | str | None) -> float | str | None:
    """JSON has no infinity: a check that measured one keeps the word."""
    if isinstance(value, float):
        return round(value, _DECIMALS) if math.isfinite(value) else str(value)
    return value


def _rounded(value: float | None) -> float | None:
    """Rounded so that people can read it; what is not finite was not measured."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, _DECIMALS)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _once(sentences: Iterable[str]) -> list[str]:
    """Without repetitions, in order: two failing checks may want the same thing done."""
    return list(dict.fromkeys(sentences))
