"""What every way of keeping recovery points can do, however and wherever it keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from colordrill.backup.points import RecoveryPoint, Restored
from colordrill.stack.parts import Part


@dataclass(frozen=True, slots=True)
class Taken:
    """A point that is kept now.

    Attributes:
        point: its id.
        files: how many it holds.
        size_bytes: their size.
    """

    point: str
    files: int
    size_bytes: int


class Strategy(Protocol):
    """Keeps recovery points.

    Points are named by the UTC time at which the copy of the site began, whoever keeps them: the
    same id off site is the same state. Symbolic links and empty folders are no part of a point.
    """

    @property
    def name(self) -> str:
        """How records and lists call it."""

    def take(self, point: str) -> Taken:
        """Keep the state *point*; it is listed once all of it is there, or never.

        Raises:
            PointDamaged: the state that it is taken from is not what its manifest says.
            EnvironmentProblem: it could not be taken.
        """

    def listed(self) -> Sequence[RecoveryPoint]:
        """The points that can be restored, oldest first; none where none was ever taken.

        Raises:
            EnvironmentProblem: they cannot be listed.
        """

    def verify(self, point: str) -> str:
        """Read *point* where it is kept, or as much of everything kept as one look reads.

        Returns:
            What was read, for the record.

        Raises:
            PointDamaged: something is not what it was.
            EnvironmentProblem: it could not be looked at, or there is no such point.
        """

    def configuration(self, point: str) -> str:
        """The text of ``config/stack.env`` in *point*.

        Raises:
            EnvironmentProblem: it cannot be had.
        """

    def restore(self, agent: Part, point: str) -> int:
        """Restore *point* into the empty site of *agent*; every file is verified.

        Returns:
            The number of files. Where it fails the site is empty as before.

        Raises:
            PointDamaged: the point is not what its manifest says.
            SiteFault: the site cannot be written or read.
            EnvironmentProblem: the site holds data, or the point cannot be had.
        """


class ResumableStrategy(Strategy, Protocol):
    """Whose restores another one may go on from, as a real incident needs it."""

    def restore_after(
        self, agent: Part, point: str, earlier: Sequence[str], canaries: str
    ) -> Restored:
        """Restore *point* into a site that is empty or holds what a restore of *earlier* left.

        A restore that is still under way is waited for. What is whole stays, the rest of what it
        and its canaries left goes, and every file is verified.

        Args:
            agent: of the site.
            point: what the site shall stand on.
            earlier: points whose restore into this site was begun before, whoever keeps them.
            canaries: what the names of photos and pictures of the check after a restore begin with.

        Raises:
            PointDamaged: the point is not what its manifest says; the site is empty.
            SiteHoldsData: the site holds what no restore is known to have left.
            SiteFault: the site cannot be written or read; what an earlier restore left is still
                there.
            EnvironmentProblem: the point cannot be had; the same.
        """
