"""A real receiver, a real sender and a history; limits are short, so that failing takes no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from colordrill.clock import SystemClock
from colordrill.history import Event, EventType, History
from colordrill.recover.webhook import Limits, Webhook
from colordrill.scenario.notify import NotifySpec
from contract.webhook.receiver import SECRET, Receiver, receiver

SHORT = Limits(
    connect_s=1.0, silence_s=0.3, attempt_s=0.4, pauses_s=(0.02, 0.04), waiting_max=20, close_s=5.0
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver is on the loopback, whatever proxy this machine uses."""
    monkeypatch.setenv("NO_PROXY", "*")


@dataclass
class Recovery:
    """What a recovery sends, and what the history says of it."""

    history: History
    events: list[Event] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def sender(self, url: str, limits: Limits = SHORT, secret: bytes = SECRET) -> Webhook:
        webhook = Webhook(NotifySpec(url, secret), "run-1", self.history, SystemClock(), limits)
        webhook.start()
        self.stack.callback(webhook.close)
        return webhook

    def ends(self) -> list[tuple[str, dict[str, Any]]]:
        """How each notice ended, in order of its end."""
        return [
            (event.type.value, dict(event.data))
            for event in self.events
            if event.kind == "notice" and event.type is not EventType.INVOKE
        ]


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def recovery(tmp_path: Path, listening: Receiver) -> Iterator[Recovery]:
    """Senders are closed before the receiver is: it lets go of what it holds only then."""
    with History(tmp_path / "history.jsonl", SystemClock()) as history:
        recovery = Recovery(history)
        history.listen(recovery.events.append)
        with recovery.stack:
            yield recovery


@pytest.fixture
def first(listening: Receiver) -> Callable[..., None]:
    """Let the first requests go as named, and all later ones well."""

    def behave(*behaviours: int | str) -> None:
        listening.behave = lambda number: (
            behaviours[number - 1] if number <= len(behaviours) else 200
        )

    return behave
