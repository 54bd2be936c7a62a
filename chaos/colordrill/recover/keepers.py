"""Who keeps recovery points, and which of theirs a recovery may restore."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from colordrill.backup.points import RecoveryPoint
from colordrill.backup.restic import ResticStrategy
from colordrill.backup.rsync import NAME as NEAR
from colordrill.backup.rsync import RsyncStrategy
from colordrill.backup.strategy import ResumableStrategy, Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.stack.target import Target

POINTS_TRIED_MAX = 5
"""Of each keeper, and its newest verified one; who has as many damaged points in a row is not asked
for more."""

NO_POINT = "the backup server holds no recovery point"
NO_COPY = "there is no recovery point off site"
ASK_FOR_COPIES = (
    "restore the off-site copy; where none is made, see docs/how-to/keep-copies-off-site.md"
)

Kind = TypeVar("Kind", bound=Strategy)

Choice = Callable[[Sequence[RecoveryPoint]], Sequence[RecoveryPoint]]
"""What of all points may be restored, in the same order."""


def every(points: Sequence[RecoveryPoint]) -> Sequence[RecoveryPoint]:
    """All of *points*."""
    return points


@dataclass(slots=True)
class Keeper(Generic[Kind]):
    """Keeps recovery points; is asked for their list once, whatever it says.

    Attributes:
        source: how they are kept.
        unlisted: why they cannot be listed.
    """

    source: Kind
    unlisted: EnvironmentProblem | None = None
    _points: tuple[RecoveryPoint, ...] | None = field(init=False, default=None)

    @property
    def name(self) -> str:
        """How records call it."""
        return self.source.name

    def points(self) -> tuple[RecoveryPoint, ...]:
        """All of its points, newest first; never none.

        Raises:
            EnvironmentProblem: there is none, or they cannot be listed.
        """
        if self.unlisted is not None:
            raise self.unlisted
        if self._points is None:
            try:
                self._points = tuple(reversed(self.source.listed()))
            except EnvironmentProblem as problem:
                self.unlisted = problem
                raise
        if not self._points:
            raise EnvironmentProblem(NO_POINT if self.name == NEAR else NO_COPY, ASK_FOR_COPIES)
        return self._points


@dataclass(frozen=True, slots=True)
class Candidates(Generic[Kind]):
    """Those of a keeper's points that may be restored.

    Attributes:
        keeper: keeps them.
        choice: which of its points may be.
    """

    keeper: Keeper[Kind]
    choice: Choice = every

    def points(self) -> Sequence[RecoveryPoint]:
        """Newest first; never none.

        Raises:
            EnvironmentProblem: there is none, or they cannot be listed.
        """
        chosen = self.choice(self.keeper.points())
        if not chosen:
            raise EnvironmentProblem(f"{self.keeper.name} keeps no recovery point of those wanted")
        return chosen

    def newest(self) -> str | None:
        """The id of the newest; None where there is none, or they cannot be listed."""
        try:
            return self.points()[0].id
        except EnvironmentProblem:
            return None

    def worth_trying(self) -> Iterator[tuple[str, str]]:
        """Ids of points, newest first, and what is known to be wrong with each.

        The newest that nothing is known to be wrong with, and the newest that was verified, however
        far back it is: damage that is nowhere known yet may be in all points since. Of those that
        are known to be damaged some are named.
        """
        tried, damaged, verified = 0, 0, False
        for each in self.points():
            whole = each.condition == "whole"
            if tried >= POINTS_TRIED_MAX and not (whole and not verified):
                continue
            if each.condition == "damaged":
                damaged += 1
                if damaged <= POINTS_TRIED_MAX:
                    files = each.verified.damaged_files if each.verified else 0
                    yield each.id, f"its last verification found {files} files damaged"
                continue
            tried, verified = tried + 1, verified or whole
            yield each.id, ""


Resumable = Candidates[ResumableStrategy]


@dataclass(frozen=True, slots=True)
class Keepers:
    """Everybody who keeps a stack's recovery points: the backup server, and who is off site."""

    near: Keeper[ResumableStrategy]
    offsite: Keeper[ResumableStrategy]

    def candidates(self, choice: Choice = every) -> tuple[Resumable, Resumable]:
        """What both keep of that choice; the backup server comes first."""
        return Candidates(self.near, choice), Candidates(self.offsite, choice)


def keepers_of(target: Target, unlisted: EnvironmentProblem | None = None) -> Keepers:
    """Those of the stack *target*; *unlisted* says why the backup server lists no points."""
    near: ResumableStrategy = RsyncStrategy(target)
    offsite: ResumableStrategy = ResticStrategy(target)
    return Keepers(Keeper(near, unlisted), Keeper(offsite))
