"""``report.html``: one file, no scripts, no outside parts; opens from disk, prints, goes dark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from colordrill.errors import UnknownName
from colordrill.history import Event
from colordrill.outcome import Verdict, worst
from colordrill.record.chronology import CanaryState, read_chronology
from colordrill.record.pictures import choose_pictures
from colordrill.record.timeline import lay_out
from colordrill.record.wording import (
    BREAKDOWN_LABELS,
    breakdown,
    figure,
    headline,
    printable,
    score,
    seconds,
)
from colordrill.scenario.catalogue import find_scenario

_BETWEEN = "in between"
_BETWEEN_SHOWN_FROM_S = 0.05
_DEFAULT_SITE = "dr"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure against its bound; ``used`` is the share of the bound in percent."""

    label: str
    value: str
    bound: str
    beside: str
    verdict: str
    used: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the recovery time; ``colour`` numbers it in the style sheet."""

    label: str
    took: str
    share: float
    colour: int


def render_html(record: Mapping[str, Any], events: Iterable[Event], directory: Path) -> str:
    """The page.

    Args:
        record: a valid record.
        events: the drill's history, for the timeline and the pictures.
        directory: the run directory that picture paths are relative to.
    """
    chronology = read_chronology(events)
    title, about, site = _described(record["drill"]["scenario"])
    # the runbook's own pictures are shown where they explain a refusal
    refused = (each for each in chronology.runbook_canaries if each.state is CanaryState.WRONG)
    return _template().render(
        record=record,
        title=title,
        about=about,
        headline=headline(record),
        cards=list(_cards(record)),
        segments=list(_segments(record)),
        timeline=lay_out(chronology, rta_s=record["actuals"]["rta_s"], expected_site=site),
        canary_counts={
            state.value: sum(each.state is state for each in chronology.canaries)
            for state in CanaryState
        },
        runbook_canaries=len(chronology.runbook_canaries),
        pictures=choose_pictures((*chronology.canaries, *refused), directory),
        measurements=record.get("measurements", {}),
    )


@cache
def _template() -> Template:
    text = resources.files("colordrill.record").joinpath("report.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # whatever is printed passes here first; autoescape then makes it harmless as markup
    environment.finalize = _printed
    environment.filters.update(seconds=seconds, score=score, figure=figure)
    return environment.from_string(text)


def _printed(value: object) -> object:
    return printable(value) if type(value) is str else value


def _described(name: str) -> tuple[str, str, str]:
    """Title, description and expected site; a scenario of one's own has none in the catalogue."""
    try:
        scenario = find_scenario(name)
    except UnknownName:
        return "", "", _DEFAULT_SITE
    return scenario.title, scenario.description, scenario.expected_site


def _cards(record: Mapping[str, Any]) -> Iterator[Card]:
    actuals, wanted = record["actuals"], record["objectives"]
    for name, key, label in (
        ("rto", "rta_s", "RTA · recovery time"),
        ("rpo", "rpa_s", "RPA · data at risk"),
    ):
        value, bound = actuals[key], wanted[f"{name}_s"]
        yield Card(
            label=label,
            value=seconds(value),
            bound=f"objective {seconds(bound)}",
            beside=f"of record {seconds(wanted[f'{name}_of_record_s'])}",
            verdict=_judged(record, name, None if value is None else value <= bound),
            used=None if value is None else round(min(100.0, 100.0 * value / bound), 1),
        )
    for key, label in (
        ("chroma_ssim_min", "Chroma SSIM"),
        ("chroma_tile_min", "Worst tile"),
        ("luma_ssim_min", "Luma SSIM"),
        ("delta_e_max", "Mean ΔE2000"),
    ):
        value, bound = actuals[key], wanted[key]
        least = key.endswith("_min")
        met = None if value is None else (value >= bound if least else value <= bound)
        yield Card(
            label=label,
            value=score(value),
            bound=f"{'at least' if least else 'at most'} {figure(bound)}",
            beside="",
            verdict=_of(met).value,
            used=None,
        )


def _judged(record: Mapping[str, Any], name: str, met: bool | None) -> str:
    """What the check of that name said counts too: it knows more than the figure."""
    checks = (Verdict(each["verdict"]) for each in record["checks"] if each["name"] == name)
    return worst((_of(met), *checks)).value


def _of(met: bool | None) -> Verdict:
    if met is None:
        return Verdict.UNKNOWN
    return Verdict.PASS if met else Verdict.FAIL


def _segments(record: Mapping[str, Any]) -> Iterator[Segment]:
    parts = breakdown(record)
    numbers = {label: number for number, label in enumerate(BREAKDOWN_LABELS.values())}
    between_s = (record["actuals"]["rta_s"] or 0.0) - sum(took_s for _, took_s in parts)
    if parts and between_s >= _BETWEEN_SHOWN_FROM_S:
        parts = [*parts, (_BETWEEN, between_s)]
    total_s = sum(took_s for _, took_s in parts) or 1.0
    for label, took_s in parts:
        colour = numbers.get(label, len(numbers))
        yield Segment(label, seconds(took_s), round(100 * took_s / total_s, 2), colour)
