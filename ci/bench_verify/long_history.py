"""Writes the history of a long drill that passes, line by line, in the order of time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from colordrill.history import Event, EventType
from colordrill.scenario.catalogue import HOST_POWER_LOSS

NS_PER_S = 1_000_000_000
CYCLE_S = 2.0
OUTAGE_CYCLES = 8
PER_CYCLE = 9.25
"""Six operations of clients and three readings; a backup in every other cycle before the fault."""

OF_THE_FAULT = OUTAGE_CYCLES + 8
"""A canary in each cycle of the outage; the fault and its cure, five steps and their canary."""

FIGURES = {"chroma_ssim": 0.9999, "chroma_tile": 0.999, "luma_ssim": 0.9999, "delta_e": 0.01}
PIXELS = hashlib.sha256(b"pixels").hexdigest()


@dataclass(slots=True)
class _Teller:
    """Makes the events; times are seconds since the first line."""

    items: list[tuple[str, str]] = field(default_factory=list)
    operations: int = 0
    _number: int = 0

    def note(self, at_s: float, kind: str, **data: Any) -> Event:
        return self._event(at_s, EventType.NOTE, kind, self._next(kind), data)

    def operation(
        self, at_s: float, took_s: float, kind: str, type_: EventType, **data: Any
    ) -> tuple[Event, Event]:
        op = self._next(kind)
        self.operations += 1
        return (
            self._event(at_s, EventType.INVOKE, kind, op, data),
            self._event(at_s + took_s, type_, kind, op, data),
        )

    def acknowledged(self, item: str) -> dict[str, str]:
        sha256 = hashlib.sha256(item.encode()).hexdigest()
        self.items.append((item, sha256))
        return {"item": item, "sha256": sha256}

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number:06d}"

    @staticmethod
    def _event(at_s: float, type_: EventType, kind: str, op: str, data: dict[str, Any]) -> Event:
        wall = "2026-03-14T09:26:53.000+00:00"
        return Event(round(at_s * NS_PER_S), wall, type_, kind, op, data)


def write_history(path: Path, operations: int) -> int:
    """Write a history of about *operations* operations (two lines each); returns how many."""
    teller = _Teller()
    cycles = max(20, round((operations - OF_THE_FAULT) / PER_CYCLE))
    with path.open("w", encoding="utf-8") as file:
        for event in _in_order(_drill(teller, cycles)):
            file.write(event.to_line())
    return teller.operations


def _in_order(events: Iterator[list[Event]]) -> Iterator[Event]:
    """Each batch in the order of time; no event of a later batch is older."""
    for batch in events:
        yield from sorted(batch, key=lambda event: event.t_ns)


def _drill(teller: _Teller, cycles: int) -> Iterator[list[Event]]:
    scenario = asdict(HOST_POWER_LOSS)
    yield [teller.note(0.0, "scenario", name=HOST_POWER_LOSS.name, scenario=scenario)]
    struck = cycles // 2
    for number in range(struck):
        yield _cycle(teller, number, "primary")
    fault_s = struck * CYCLE_S + 0.5
    yield _fault(teller, fault_s)
    for number in range(OUTAGE_CYCLES):
        at_s = fault_s + 1.0 + number
        yield list(
            teller.operation(at_s, 0.1, "canary", EventType.FAIL, canary="person", error="refused")
        )
    yield _runbook(teller, fault_s + 10.0)
    first = struck + 10
    for number in range(first, first + cycles - struck):
        yield _cycle(teller, number, "dr")
    end_s = (first + cycles - struck) * CYCLE_S
    yield [teller.note(end_s, "phase", phase="readback")]
    for number, (item, _) in enumerate(teller.items):
        yield list(
            teller.operation(
                end_s + 0.01 * number, 0.005, "readback", EventType.OK, item=item,
                outcome="present", detail="",
            )
        )  # fmt: skip
    healed_s = end_s + 0.01 * len(teller.items)
    named = {"name": "host_power_loss", "target": "primary", "scheduled": False}
    yield list(teller.operation(healed_s, 0.1, "heal", EventType.OK, **named, detail="runs again"))


def _cycle(teller: _Teller, number: int, site: str) -> list[Event]:
    at_s, job = number * CYCLE_S, f"job-{number:06d}"
    happen: Callable[..., tuple[Event, Event]] = teller.operation
    output = teller.acknowledged(f"output/{job}_00001_.png")
    events = [
        *happen(at_s, 0.01, "upload", EventType.OK, **teller.acknowledged(f"input/{job}.png")),
        *happen(at_s + 0.02, 0.01, "submit", EventType.OK, job=job, workflow="person"),
        *happen(at_s + 0.03, 0.3, "complete", EventType.OK, job=job, item=output["item"],
                cached=[]),
        *happen(at_s + 0.34, 0.01, "fetch", EventType.OK, job=job, **output, bytes=18231),
        *happen(at_s + 0.05, 0.01, "edit", EventType.OK,
                **teller.acknowledged(f"workflows/{job}.json")),
    ]  # fmt: skip
    canary = happen(at_s + 0.1, 0.2, "canary", EventType.OK, canary="person", site=site,
                    image="images/canary.png", colorize_cached=False)  # fmt: skip
    score = teller.note(at_s + 0.36, "score", op=canary[0].id, correct=True, reasons=[],
                        scores=FIGURES, pixels_sha256=PIXELS)  # fmt: skip
    events += [*canary, score]
    if number % 2 == 0 and site == "primary":
        events += happen(at_s + 0.01, 0.3, "snapshot", EventType.OK, point=f"p{number:06d}")
    return events


def _fault(teller: _Teller, at_s: float) -> list[Event]:
    named = {"name": "host_power_loss", "target": "primary"}
    return [
        *teller.operation(at_s, 0.2, "fault", EventType.OK, **named, starts_clock=True),
        teller.note(at_s + 0.3, "evidence", **named, seen=True, detail="exit 137"),
        teller.note(at_s + 0.4, "phase", phase="fault"),
    ]


def _runbook(teller: _Teller, at_s: float) -> list[Event]:
    events = [teller.note(at_s - 0.5, "detect", canaries=[])]
    for number, step in enumerate(("start", "mount", "verify", "switch", "record")):
        data: dict[str, Any] = {"step": step, "detail": "done"}
        if number:
            data["point"] = "p000000"
        events += teller.operation(at_s + number, 0.9, "step", EventType.OK, **data)
    events += [teller.note(at_s + 0.5, "readiness", site="dr", probe="image", outcome="as_primary",
                           detail="as configured")]  # fmt: skip
    canary = teller.operation(at_s + 2.1, 0.2, "verifycan", EventType.OK, canary="person",
                              site="dr", colorize_cached=False)  # fmt: skip
    score = teller.note(at_s + 2.5, "score", op=canary[0].id, correct=True, reasons=[],
                        scores=FIGURES, pixels_sha256=PIXELS)  # fmt: skip
    return [*events, *canary, score]
