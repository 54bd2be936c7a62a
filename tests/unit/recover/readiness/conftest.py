"""The ready stack, and what the probes and the judgement make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colordrill.outcome import Check, Verdict
from colordrill.recover.readiness.catalogue import probes
from colordrill.recover.readiness.examined import Examined
from colordrill.recover.readiness.rehearsal import CHECK as SAME_COLOUR
from colordrill.recover.readiness.rehearsal import Rehearsal
from colordrill.verify.readiness import judge_readiness
from fakes.ready_stack import ReadyStack, ready_stack

HOUR_S = 3600.0


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
    looks = [look for probe in probes(rehearsal) for look in probe.carried_out(found)]
    left_out = () if rehearsal else (SAME_COLOUR,)
    judged = judge_readiness(looks, HOUR_S, left_out)
    return {each.check.name: each.check for each in judged}


def named(checks: dict[str, Check], verdict: Verdict) -> set[str]:
    """The checks of that verdict."""
    return {name for name, check in checks.items() if check.verdict is verdict}
