"""Hard-link snapshots by rsync, on the backup server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colordrill.backup.keeping import verify_point
from colordrill.backup.points import (
    DAMAGED,
    PointDamaged,
    RecoveryPoint,
    Restored,
    list_points,
    restore_after,
    restore_point,
)
from colordrill.backup.strategy import Taken
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed, Target

NAME = "rsync"
READ_LIMIT_S = 10.0


class CopyRefused(EnvironmentProblem):
    """What was copied is not what its manifest says.

    A file that it shares with an earlier point may be damaged.
    """


@dataclass(frozen=True, slots=True)
class RsyncStrategy:
    """Points on the backup server; unchanged files are shared by hard links.

    One flipped bit on that server's disk therefore damages every point that shares the file.

    Attributes:
        target: the stack.
        command_limit_s: limit for each command of a copy.
    """

    target: Target
    command_limit_s: float = 60.0

    @property
    def name(self) -> str:
        """``rsync``."""
        return NAME

    def take(self, point: str) -> Taken:
        """Copy the primary's site, sharing what is unchanged with the newest point."""
        points = self.listed()
        linked_to = points[-1].id if points else None
        return self.take_linked(point, linked_to)

    def take_linked(
        self, point: str, linked_to: str | None, agent: Part = Part.PRIMARY_AGENT
    ) -> Taken:
        """Copy *agent*'s site, sharing unchanged files with the published point *linked_to*.

        Raises:
            CopyRefused: it came, and is not what was copied.
            EnvironmentProblem: it did not come, or could not be published.
        """
        copy = ["colordrill-snapshot", point]
        if linked_to is not None:
            copy += ["--previous", linked_to]
        printed = checked(self.target, agent, copy, self.command_limit_s).stdout
        try:
            copied = json.loads(printed)
            taken = Taken(point, int(copied["files"]), int(copied["bytes"]))
        except (ValueError, LookupError, TypeError) as error:
            raise EnvironmentProblem(
                f"{copy[0]} printed {printed[:200]!r}, which is not its summary: {error!r}"
            ) from error
        publish = ["colordrill-publish", point]
        checked(self.target, Part.BACKUP, publish, self.command_limit_s, {DAMAGED: CopyRefused})
        return taken

    def listed(self) -> tuple[RecoveryPoint, ...]:
        """The published points."""
        return list_points(self.target)

    def verify(self, point: str) -> str:
        """Read every byte of *point* on the backup server."""
        found = verify_point(self.target, point)
        if found.damaged_files:
            raise PointDamaged(
                f"recovery point {point} has {found.damaged_files} damaged files: "
                f"{', '.join(map(repr, found.damaged[:5]))}",
                "restore another point; other points share files with it",
            )
        return "every byte of the point"

    def configuration(self, point: str) -> str:
        """The text of ``config/stack.env``, as it is on the backup server."""
        path = f"/backup/points/{point}/config/stack.env"
        read = self.target.execute(Part.BACKUP, ["cat", path], timeout_s=READ_LIMIT_S)
        if read.exit_code != 0:
            raise EnvironmentProblem(
                f"recovery point {point} holds no readable configuration: {read.stderr.strip()}",
                "see on the backup server what config/ holds, or restore an earlier point",
            )
        return read.stdout

    def restore(self, agent: Part, point: str) -> int:
        """Restore *point* into the empty site of *agent*, from the backup server."""
        return restore_point(self.target, agent, point)

    def restore_after(
        self, agent: Part, point: str, earlier: Sequence[str], canaries: str
    ) -> Restored:
        """As `restore`, also into a site that an earlier restore has left as it is."""
        return restore_after(self.target, agent, point, earlier, canaries)


def checked(
    target: Target,
    part: Part,
    command: list[str],
    limit_s: float,
    kinds: Mapping[int, type[EnvironmentProblem]] | None = None,
) -> Executed:
    """Run a program of the backup image that must succeed.

    Raises:
        EnvironmentProblem: it did not; says how it ended. The kind is that of *kinds* for its exit
            code, if there is one.
    """
    executed = target.execute(part, command, timeout_s=limit_s)
    if executed.exit_code != 0:
        kind = (kinds or {}).get(executed.exit_code, EnvironmentProblem)
        raise kind(
            f"{command[0]} in {part} ended with {executed.exit_code}: {executed.stderr.strip()}"
        )
    return executed
