"""A probe, and how it is carried out: whatever happens to it, it leaves a look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from colordrill.errors import ColordrillError
from colordrill.look import Look
from colordrill.recover.readiness.examined import Examined

Probing = Callable[[Examined], Iterable[Look]]


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is looked at.

    Attributes:
        check: the check that it is for; several probes may be for one.
        subject: what it looks at, for people who are told that it could not.
        look: looks.
    """

    check: str
    subject: str
    look: Probing

    def carried_out(self, examined: Examined) -> tuple[Look, ...]:
        """What was seen; where the probe could not look on, its last look says why."""
        seen: list[Look] = []
        try:
            for each in self.look(examined):
                seen.append(each)  # noqa: PERF402 (what was seen before an error stays)
        except ColordrillError as error:
            seen.append(Look(self.check, self.subject, unseen=error.cause))
        except Exception as error:  # noqa: BLE001 (a probe that crashed has seen nothing more)
            crashed = f"the probe crashed: {type(error).__name__}: {error}"
            seen.append(Look(self.check, self.subject, unseen=crashed))
        return tuple(seen)
