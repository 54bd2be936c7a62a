"""Encrypted copies of recovery points by restic, off site: in the storage of the DR site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colordrill.backup.answers import Program, administer, points_told
from colordrill.backup.points import (
    COPY_LIMIT_S,
    NOT_EMPTY,
    SITE_FAULT,
    RecoveryPoint,
    Restored,
    SiteFault,
    SiteHoldsData,
    after_words,
)
from colordrill.backup.strategy import Taken
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

NAME = "restic"
STORE_PROGRAM = "colordrill-offsite-storage"
PARTS_OF_DATA = 4
"""A check reads one of so many parts of the repository's data; so many checks read all."""

LIST_LIMIT_S = 60.0

FAILED, LOCKED = 1, 4
"""Exit codes of the program: it cannot be done, somebody works in the repository alone."""


class OffsiteRefused(EnvironmentProblem):
    """The store answers, and does not give or take what was asked for.

    The account or the key is not let in, the repository is locked or gone, or there is no such
    point. Whoever cannot be reached refuses nothing.
    """


_PROGRAM = Program(
    "colordrill-offsite",
    "see that dr-storage runs, and who holds a lock with `restic list locks`",
    {
        NOT_EMPTY: SiteHoldsData,
        SITE_FAULT: SiteFault,
        FAILED: OffsiteRefused,
        LOCKED: OffsiteRefused,
    },
)


@dataclass(frozen=True, slots=True)
class ResticStrategy:
    """Off-site copies of what the backup server has published.

    Each copy is one of the backup server's points and has its id. It shares nothing with that
    server's disk: it is encrypted, and lies in the DR site's storage. Copies are made by the backup
    server, whose account may add and not delete; the DR site's agent, which may only read,
    restores them, also without the backup server.

    Attributes:
        target: the stack.
        copy_limit_s: limit for one copy, for one check, and for one restore.
    """

    target: Target
    copy_limit_s: float = COPY_LIMIT_S

    @property
    def name(self) -> str:
        """``restic``."""
        return NAME

    def prepare(self) -> None:
        """Make the bucket and the accounts of both ends in the DR site's storage; again is no harm.

        Raises:
            EnvironmentProblem: the storage refuses, or does not run.
        """
        run_store(self.target, "make")

    def take(self, point: str) -> Taken:
        """Copy the published *point* off site; one that is there already stays as it is."""
        failed = f"recovery point {point} could not be copied off site"
        told = _PROGRAM.told(self.target, Part.BACKUP, ["copy", point], failed, self.copy_limit_s)
        with _PROGRAM.summary(failed, told):
            return Taken(point, int(told["files"]), int(told["bytes"]))

    def listed(self) -> tuple[RecoveryPoint, ...]:
        """The points off site, as the DR site's agent sees them."""
        failed = "the off-site points cannot be listed"
        told = _PROGRAM.told(self.target, Part.DR_AGENT, ["list"], failed, LIST_LIMIT_S)
        with _PROGRAM.summary(failed, told):
            return points_told(told)

    def verify(self, point: str) -> str:
        """Check the repository's structure, and read the part of its data that is next in turn."""
        if all(each.id != point for each in self.listed()):
            raise EnvironmentProblem(
                f"there is no recovery point {point} off site", _PROGRAM.next_step
            )
        failed = "the off-site repository could not be checked"
        command = ["check", f"--of={PARTS_OF_DATA}"]
        told = _PROGRAM.told(self.target, Part.BACKUP, command, failed, self.copy_limit_s)
        with _PROGRAM.summary(failed, told):
            read = ", ".join(str(int(each)) for each in told["read"])
            return (
                f"part {int(told['subset'])} of {int(told['of'])} of the repository's data; "
                f"whole when they were read last: {read}"
            )

    def configuration(self, point: str) -> str:
        """The text of ``config/stack.env``, once its hash is what the manifest says."""
        failed = f"the configuration of the off-site recovery point {point} cannot be read"
        command = ["read", point, "config/stack.env"]
        told = _PROGRAM.told(self.target, Part.DR_AGENT, command, failed, LIST_LIMIT_S)
        with _PROGRAM.summary(failed, told):
            return str(told["text"])

    def lock(self) -> str:
        """Who keeps everybody else from the repository, and since when; empty where nobody does.

        A restore needs no lock; a copy is not made as long as there is one.
        """
        failed = "the off-site repository's locks cannot be listed"
        told = _PROGRAM.told(self.target, Part.DR_AGENT, ["locks"], failed, LIST_LIMIT_S)
        with _PROGRAM.summary(failed, told):
            return ", ".join(f"{each['by']} since {each['since']}" for each in told)

    def restore(self, agent: Part, point: str) -> int:
        """Restore *point* into the empty site of *agent*, without the backup server."""
        return self._restored(agent, point, []).files

    def restore_after(
        self, agent: Part, point: str, earlier: Sequence[str], canaries: str
    ) -> Restored:
        """As `restore`, also into a site that an earlier restore has left as it is."""
        return self._restored(agent, point, after_words(earlier, canaries))

    def _restored(self, agent: Part, point: str, options: Sequence[str]) -> Restored:
        failed = f"recovery point {point} could not be restored from off site"
        command = ["restore", point, *options]
        told = _PROGRAM.told(self.target, agent, command, failed, self.copy_limit_s)
        with _PROGRAM.summary(failed, told):
            return Restored(int(told["files"]), int(told.get("kept", 0)))


def run_store(target: Target, command: str) -> str:
    """Run the store's own program beside it: ``make``, ``empty`` or ``list``.

    Raises:
        EnvironmentProblem: the storage refuses, or does not run.
    """
    return administer(target, Part.DR_STORAGE, STORE_PROGRAM, command)
