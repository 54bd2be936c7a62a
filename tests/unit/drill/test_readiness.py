"""The wiring of `colordrill readiness`: what is asked for, and whom a rehearsal keeps away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from colordrill.drill import readiness as examining
from colordrill.drill.attached import AttachedStack, held
from colordrill.drill.readiness import PURPOSE, RECOVER, Readiness, examine
from colordrill.outcome import Verdict
from colordrill.recover.readiness.rehearsal import MARKER
from colordrill.scenario.readiness_plan import ReadinessPlan
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Part
from fakes.ready_stack import ReadyStack, ready_stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadyStack]:
    with ready_stack(tmp_path / "stack") as stack:

        @contextmanager
        def attached(run_id: str | None, purpose: str) -> Iterator[AttachedStack]:
            assert purpose == PURPOSE
            target: Any = stack.target
            yield AttachedStack(run_id or "the-only-one", target, tmp_path)

        monkeypatch.setattr(examining, "attached_stack", attached)
        monkeypatch.setattr(examining, "SystemClock", lambda: stack.clock)
        yield stack


def examined(stack: ReadyStack, *, rehearse: bool = False) -> Readiness:
    plan = ReadinessPlan(rehearsal=rehearse)
    return examine(Settings(), plan, None, stack.said.append)


def checked(found: Readiness, name: str) -> tuple[Verdict, str]:
    check = next(each.check for each in found.checks if each.check.name == name)
    return check.verdict, check.detail


def test_a_rehearsal_that_nobody_asked_for_is_left_out_and_said(stack: ReadyStack) -> None:
    found = examined(stack)

    assert found.stack == "the-only-one"
    assert found.left_out == ("same_colour",)
    assert "same_colour" not in [each.check.name for each in found.checks]
    assert not [call for call in stack.target.calls if call[0] == "start"]


def test_the_worst_check_is_the_verdict(stack: ReadyStack) -> None:
    # the stack in memory has another checkpoint than the bundled goldens
    assert examined(stack).verdict is Verdict.FAIL


def test_each_check_is_told_once_while_it_is_looked_at(stack: ReadyStack) -> None:
    found = examined(stack)

    said = [each.removeprefix("looking: ") for each in stack.said]
    assert set(said) >= {each.check.name for each in found.checks}


def test_during_a_recovery_there_is_no_rehearsal(stack: ReadyStack, tmp_path: Path) -> None:
    with held(tmp_path, RECOVER, RECOVER):
        verdict, detail = checked(examined(stack, rehearse=True), "same_colour")

    assert verdict is Verdict.UNKNOWN
    assert "another `colordrill recover` is at work" in detail
    assert not stack.target.calls


def test_a_rehearsal_tells_a_recovery_who_is_at_work(tmp_path: Path) -> None:
    with held(tmp_path, RECOVER, PURPOSE):
        told = (tmp_path / f"{RECOVER}.lock").read_text()

    assert told == PURPOSE


def test_a_killed_rehearsal_is_ended_before_anything_is_looked_at(
    stack: ReadyStack, tmp_path: Path
) -> None:
    (tmp_path / MARKER).touch()
    stack.target.parts[Part.DR_COLORIZATION].running = True
    restored = stack.folder / "dr" / "output" / "a.png"
    restored.touch()
    # as a restore leaves it: with the time at which it was written at the primary
    os.utime(restored, (0.0, 0.0))

    verdict, _ = checked(examined(stack), "dr_standby")

    assert verdict is Verdict.PASS
    assert stack.said[0] == "ending a rehearsal that was killed"


def test_a_killed_rehearsal_that_cannot_be_ended_is_said_and_found(
    stack: ReadyStack, tmp_path: Path
) -> None:
    (tmp_path / MARKER).touch()
    stack.target.parts[Part.DR_COLORIZATION].running = True
    stack.gateway = "nonsense"

    verdict, _ = checked(examined(stack), "dr_standby")

    assert verdict is Verdict.FAIL
    assert stack.said[0].startswith("a killed rehearsal could not be ended")
