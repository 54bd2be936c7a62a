"""What unit tests share: a clock that they move themselves, and a history whose events they see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colordrill.history import Event, History
from fakes.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def events() -> list[Event]:
    """What the history was told, in order."""
    return []


@pytest.fixture
def history(tmp_path: Path, clock: ManualClock, events: list[Event]) -> Iterator[History]:
    with History(tmp_path / "history.jsonl", clock) as history:
        history.listen(events.append)
        yield history
