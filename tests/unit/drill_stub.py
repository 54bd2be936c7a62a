"""A drill that runs nothing, for tests of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colordrill.drill import run as drill_run
from colordrill.drill.run import DrillResult
from colordrill.record import console, trend
from colordrill.scenario.model import Scenario
from colordrill.scenario.settings import Settings


@dataclass
class Stub:
    """Stands in for the drill: gives each scenario the verdict or the error it is told."""

    verdicts: dict[str, str]
    errors: dict[str, BaseException]
    ran: list[tuple[Scenario, Settings]]
    stacks: list[object]

    def __call__(
        self, scenario: Scenario, settings: Settings, _say: object, stacks: object
    ) -> Stub:
        self.ran.append((scenario, settings))
        self.stacks.append(stacks)
        return self

    def run(self) -> DrillResult:
        name = self.ran[-1][0].name
        error = self.errors.get(name)
        record = {"drill": {"scenario": name}, "verdict": self.verdicts.get(name, "pass")}
        if error is not None:
            record["verdict"] = "unknown"
        return DrillResult(Path("runs"), record, error)


def stubbed(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Stands in for all drills of the test."""
    stub = Stub({}, {}, [], [])
    monkeypatch.setattr(drill_run, "Drill", stub)

    def no_summary(*_: Any, **__: Any) -> None:
        """The summary has its own tests."""

    monkeypatch.setattr(console, "print_summary", no_summary)
    monkeypatch.setattr(trend, "print_records", no_summary)
    return stub
