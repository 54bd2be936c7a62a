"""A notifier that keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from colordrill.recover.notices import NoticeEvent

Told = tuple[str, str | None, str | None, str]


@dataclass
class FakeNotifier:
    """Attributes are as in `Notice`: event, step, outcome, detail."""

    told: list[Told] = field(default_factory=list)

    def notify(
        self,
        event: NoticeEvent,
        *,
        step: str | None = None,
        outcome: str | None = None,
        detail: str = "",
    ) -> None:
        self.told.append((event.value, step, outcome, detail))
