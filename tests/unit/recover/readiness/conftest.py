"""The ready stack, and what the probes and the judgement make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colordrill.outcome import Check, Verdict
from colordrill.picture import Bounds, Judgement
from colordrill.recover.readiness import rehearsal as rehearsing
from colordrill.recover.readiness.catalogue import probes
from colordrill.recover.readiness.examined import Examined
from colordrill.recover.readiness.rehearsal import CHECK as SAME_COLOUR
from colordrill.recover.readiness.rehearsal import KnownPicture, Rehearsal
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.stack.parts import Part
from colordrill.verify.readiness import judge_readiness
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import BUILDING, PERSON
from fakes.ready_stack import ReadyStack, ready_stack

HOUR_S = 3600.0
DAY_S = 86_400.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ReadyStack]:
    with ready_stack(tmp_path) as stack:
        yield stack


def checks_of(
    stack: ReadyStack,
    examined: Examined | None = None,
    rehearsal: Rehearsal | None = None,
) -> dict[str, Check]:
    """Every check that is asked for, by name."""
    found = examined or stack.examined()
    looks = [look for probe in probes(rehearsal, DAY_S) for look in probe.carried_out(found)]
    left_out = () if rehearsal else (SAME_COLOUR,)
    judged = judge_readiness(looks, HOUR_S, left_out)
    return {each.check.name: each.check for each in judged}


def named(checks: dict[str, Check], verdict: Verdict) -> set[str]:
    """The checks of that verdict."""
    return {name for name, check in checks.items() if check.verdict is verdict}


def judged(output: bytes, golden: bytes, _photo: bytes, _prompt: Any, _b: Bounds) -> Judgement:
    """Pictures are words here; how real ones are judged has its own tests."""
    if golden == b"unusable":
        return Judgement(None, ("the golden is unusable",), None, "pixels")
    correct = output.startswith(b"right")
    reasons = () if correct else ("chroma SSIM 0.2 is below 0.9",)
    return Judgement(correct, reasons, None, output.decode())


@pytest.fixture
def rehearsal(stack: ReadyStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    monkeypatch.setattr(rehearsing, "judge", judged)
    workflows = stack.examined().workflows
    pictures = tuple(
        KnownPicture(kind, workflows[kind], Photo(f"{kind}.png", b"a photo"), b"golden")
        for kind in (PERSON, BUILDING)
    )
    bounds = HOST_POWER_LOSS.objectives
    return Rehearsal(pictures, bounds, tmp_path / "rehearsal", stack.said.append)


def assert_taken_back(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    assert not stack.target.state(Part.DR_COLORIZATION).running
    assert not [path for path in (stack.folder / "dr").rglob("*") if path.is_file()]
    assert not rehearsal.marker.exists()
