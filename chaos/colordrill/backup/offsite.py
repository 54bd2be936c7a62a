"""Off-site copies beside a schedule: every so-many-th point is copied, and what is there read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from colordrill.backup.restic import ResticStrategy
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.history import History

KINDS = frozenset({"offsite", "offsite_read"})
"""Kinds of the history's lines that are written here."""


def copying_off_site(
    strategy: ResticStrategy, history: History, every: int
) -> Callable[[str], None] | None:
    """What is called with each published point; None where no copies are wanted.

    Raises:
        EnvironmentProblem: the store refuses, or does not run.
    """
    if not every:
        return None
    strategy.prepare()
    return OffsiteCopies(strategy, history, every).published


@dataclass(slots=True)
class OffsiteCopies:
    """Copies published points off site, the first one and then every so-many-th.

    Each copy is written down (``offsite``). After each, the store is looked at, and what was read
    is written down too (``offsite_read``). A failure is written down, and the next point that is
    published is copied instead.

    Attributes:
        strategy: keeps the copies.
        history: gets the operations.
        every: so many points from one copy to the next.
    """

    strategy: Strategy
    history: History
    every: int
    _until_next: int = field(init=False, default=0)

    def published(self, point: str) -> None:
        """Take note of a published point, and copy it if one is due."""
        if self._until_next > 0:
            self._until_next -= 1
            return
        if self._copy(point):
            self._until_next = self.every - 1
            self._check(point)

    def _copy(self, point: str) -> bool:
        operation = self.history.invoke("offsite", point=point, strategy=self.strategy.name)
        try:
            taken = self.strategy.take(point)
        except EnvironmentProblem as error:
            operation.fail(point=point, error=str(error))
            return False
        operation.ok(point=point, files=taken.files, bytes=taken.size_bytes)
        return True

    def _check(self, point: str) -> None:
        operation = self.history.invoke("offsite_read", point=point)
        try:
            read = self.strategy.verify(point)
        except EnvironmentProblem as error:
            operation.fail(point=point, error=str(error))
            return
        operation.ok(point=point, read=read)
