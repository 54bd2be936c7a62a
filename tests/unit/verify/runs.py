"""Runs to verify: their history and their record on disk, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from colordrill.commands.verify import verify
from colordrill.history import Event
from colordrill.record.model import build_record
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.verify.conclude import conclude

if TYPE_CHECKING:
    from unit.verify.conftest import Story

NOTE = {"name": HOST_POWER_LOSS.name, "scenario": asdict(HOST_POWER_LOSS)}


def write(run: Path, events: Iterable[Event], tail: str = "") -> None:
    text = "".join(event.to_line() for event in events)
    (run / "history.jsonl").write_text(text + tail, encoding="utf-8")


def noted(story: Story, **changed: Any) -> list[Event]:
    story.say(-60.0, "note", "scenario", **{**NOTE, **changed})
    return story.events()


def record(run: Path, build: dict[str, Any]) -> None:
    (run / "record.json").write_text(json.dumps(build), encoding="utf-8")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(verify, arguments)


def is_same(result: Result) -> bool:
    """Whether nothing in the record is other than the history says."""
    return "the same as in the record" in result.output.splitlines()


def built(plain: dict[str, Any], events: list[Event], **more: Any) -> dict[str, Any]:
    """The record of *events*, a drill of the scenario host_power_loss."""
    outcome = conclude(events, HOST_POWER_LOSS)
    return build_record(**plain, outcome=outcome, events=events, **more)
