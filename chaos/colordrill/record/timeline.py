"""The geometry of the report's timeline: lays a chronology out; the template draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colordrill.record.chronology import CanaryTrace, Chronology, PointTrace, StepTrace
from colordrill.record.wording import seconds

WIDTH = 1080.0
_LEFT = 116.0
_RIGHT = 20.0
_ROW = 18.0
_LANE = 34.0
_MARK_ROW = 17.0
_CHARACTER = 6.6
_TICKS_MAX = 12
_NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled moment; a line goes down through all lanes."""

    kind: str
    x: float
    y: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A horizontal strip with its name."""

    label: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Dot:
    """A canary: a dot where its end was known, a whisker back to its submission."""

    x_from: float
    x: float
    y: float
    state: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time: a step of the runbook or a backup's copy."""

    x: float
    y: float
    width: float
    kind: str
    label: str
    label_x: float
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A time on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that the template draws, in the units of the view box."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    dots: tuple[Dot, ...]
    steps: tuple[Bar, ...]
    points: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    outage: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Scale:
    first_s: float
    last_s: float

    def x(self, at_s: float) -> float:
        span_s = self.last_s - self.first_s
        share = (min(max(at_s, self.first_s), self.last_s) - self.first_s) / span_s
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def lay_out(chronology: Chronology, *, rta_s: float | None, expected_site: str) -> Timeline:
    """Lay *chronology* out.

    Args:
        chronology: what happened.
        rta_s: when the service was recovered; None where it was not.
        expected_site: where the runbook's own canaries went.
    """
    scale = _scale(chronology)
    marks, top = _marks(chronology, scale, rta_s)
    sites = _sites(chronology, expected_site)
    lanes = list(_lanes(chronology, sites, top))
    height_by_label = {lane.label: lane for lane in lanes}
    bottom = lanes[-1].y + lanes[-1].height
    return Timeline(
        width=WIDTH,
        height=bottom + 30,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=top,
        bottom=bottom,
        lanes=tuple(lanes),
        marks=marks,
        dots=tuple(_dots(chronology, scale, height_by_label, expected_site)),
        steps=tuple(_steps(chronology.steps, scale, height_by_label)),
        points=tuple(_points(chronology.points, scale, height_by_label)),
        ticks=tuple(_ticks(scale)),
        outage=_outage(chronology, scale, rta_s),
    )


def _scale(chronology: Chronology) -> _Scale:
    times = [0.0]
    every = (*chronology.canaries, *chronology.runbook_canaries)
    times += [at for each in every for at in (each.started_s, each.shown_s)]
    times += [point.began_s for point in chronology.points]
    times += [step.started_s for step in chronology.steps]
    ends = [point.ended_s for point in chronology.points]
    ends += [step.ended_s for step in chronology.steps]
    times += [ended_s for ended_s in ends if ended_s is not None]
    pad_s = max(0.5, (max(times) - min(times)) * 0.015)
    return _Scale(min(times) - pad_s, max(times) + pad_s)


def _sites(chronology: Chronology, expected_site: str) -> list[str]:
    """The sites in the order they answered; the expected one last, also if it never did."""
    seen = [each.site for each in chronology.canaries if each.site is not None]
    others = dict.fromkeys(site for site in seen if site != expected_site)
    return [*others, expected_site]


def _lanes(chronology: Chronology, sites: list[str], top: float) -> Iterator[Lane]:
    y = top
    if chronology.steps:
        height = _ROW * len(chronology.steps) + 8
        yield Lane("runbook", y, height)
        y += height
    names = [*sites]
    if any(each.site is None for each in chronology.canaries):
        names.insert(len(names) - 1, _NO_ANSWER)
    if chronology.points:
        names.append("backups")
    for name in names:
        yield Lane(name, y, _LANE)
        y += _LANE


def _marks(
    chronology: Chronology, scale: _Scale, rta_s: float | None
) -> tuple[tuple[Mark, ...], float]:
    """The labelled moments on as many rows as keep their labels apart, and the rows' height."""
    wanted: list[tuple[str, float, str]] = []
    if chronology.fault_s is not None:
        names = ", ".join(fault.name for fault in chronology.faults) or "fault"
        wanted.append(("fault", chronology.fault_s, names))
    if chronology.detected_s is not None:
        at_s = chronology.detected_s
        wanted.append(("detected", at_s, f"detected {seconds(at_s, signed=True)}"))
    if rta_s is not None:
        wanted.append(("recovered", rta_s, f"recovered {seconds(rta_s, signed=True)}"))
    marks: list[Mark] = []
    row_ends: list[float] = []
    for kind, at_s, label in wanted:
        x = scale.x(at_s)
        length = len(label) * _CHARACTER + 14
        anchor = "end" if x + length > WIDTH else "start"
        start = x - length if anchor == "end" else x
        row = next((n for n, end in enumerate(row_ends) if end <= start), len(row_ends))
        row_ends[row : row + 1] = [start + length]
        marks.append(Mark(kind, x, 14 + row * _MARK_ROW, label, anchor))
    return tuple(marks), max(1, len(row_ends)) * _MARK_ROW + 8


def _dots(
    chronology: Chronology, scale: _Scale, lanes: dict[str, Lane], expected_site: str
) -> Iterator[Dot]:
    for canary in chronology.canaries:
        yield _dot(canary, scale, lanes[canary.site or _NO_ANSWER], "canary")
    for canary in chronology.runbook_canaries:
        yield _dot(canary, scale, lanes.get(canary.site or "") or lanes[expected_site], "runbook")


def _dot(canary: CanaryTrace, scale: _Scale, lane: Lane, kind: str) -> Dot:
    reasons = canary.score.get("reasons") or ()
    why = canary.error or "; ".join(map(str, reasons))
    parts = [f"{seconds(canary.shown_s, signed=True)} {canary.name}", canary.state.value, why]
    # the runbook's own canaries sit a little lower: no client ever saw them
    offset = _LANE * (0.5 if kind == "canary" else 0.78)
    return Dot(
        x_from=scale.x(canary.started_s),
        x=scale.x(canary.shown_s),
        y=lane.y + offset,
        state=canary.state.value,
        kind=kind,
        title=": ".join(part for part in parts if part),
    )


def _steps(steps: Iterable[StepTrace], scale: _Scale, lanes: dict[str, Lane]) -> Iterator[Bar]:
    for row, step in enumerate(steps):
        ended_s = scale.last_s if step.ended_s is None else step.ended_s
        x, x_end = scale.x(step.started_s), scale.x(ended_s)
        took = "no end" if step.ended_s is None else seconds(step.ended_s - step.started_s)
        label = f"{step.name} {took}"
        fits = x_end + 6 + len(label) * _CHARACTER < WIDTH - _RIGHT
        yield Bar(
            x=x,
            y=lanes["runbook"].y + 4 + row * _ROW,
            width=max(2.0, round(x_end - x, 1)),
            kind=step.outcome,
            label=label,
            label_x=x_end + 6 if fits else x - 6,
            anchor="start" if fits else "end",
            title=step.detail,
        )


def _points(points: Iterable[PointTrace], scale: _Scale, lanes: dict[str, Lane]) -> Iterator[Bar]:
    for point in points:
        began = f"{point.name} at {seconds(point.began_s, signed=True)}"
        x = scale.x(point.began_s)
        ended_s = scale.last_s if point.ended_s is None else point.ended_s
        restored = ", restored by the runbook" if point.restored else ""
        yield Bar(
            x=x,
            y=lanes["backups"].y + _LANE / 2,
            width=max(1.0, round(scale.x(ended_s) - x, 1)),
            kind="restored" if point.restored else point.outcome,
            label="restored" if point.restored else "",
            label_x=x,
            anchor="middle",
            title=f"{began}: {point.outcome}{restored}",
        )


def _ticks(scale: _Scale) -> Iterator[Tick]:
    span_s = scale.last_s - scale.first_s
    raw = span_s / _TICKS_MAX
    magnitude = 10.0 ** math.floor(math.log10(raw))
    every_s = next(magnitude * each for each in (1, 2, 5, 10) if magnitude * each >= raw)
    for number in range(math.ceil(scale.first_s / every_s), math.floor(scale.last_s / every_s) + 1):
        at_s = round(number * every_s, 3)
        yield Tick(scale.x(at_s), "0" if at_s == 0 else seconds(at_s, signed=True))


def _outage(
    chronology: Chronology, scale: _Scale, rta_s: float | None
) -> tuple[float, float] | None:
    if chronology.fault_s is None:
        return None
    x = scale.x(chronology.fault_s)
    return x, scale.x(scale.last_s if rta_s is None else rta_s) - x
