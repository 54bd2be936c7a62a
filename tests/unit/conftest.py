"""What unit tests share: a bare environment, a clock to move, a history to look into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from colordrill.history import Event, History
from fakes.clock import ManualClock


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What whoever runs the tests has configured is none of theirs."""
    for name in [name for name in os.environ if name.startswith("COLORDRILL_")]:
        monkeypatch.delenv(name)


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
