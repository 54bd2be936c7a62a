"""Recovery points as versions of objects: a bucket at the primary, replicated to the DR site's."""

from __future__ import annotations

from dataclasses import dataclass

from colordrill.backup.answers import ADMINISTER_LIMIT_S, Program, administer, points_told
from colordrill.backup.points import COPY_LIMIT_S, SITE_FAULT, RecoveryPoint, SiteFault
from colordrill.backup.strategy import Taken
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

NAME = "s3"
STORAGE_PROGRAM = "colordrill-points-storage"
READ_LIMIT_S = 60.0
BUCKET_FOLDER = "/data/points"
"""Where the storage keeps the bucket; the DR site's is made first."""

_PROGRAM = Program(
    "colordrill-s3",
    "see that primary-storage and dr-storage run, and the link primary-dr-storage between them",
    {SITE_FAULT: SiteFault},
)


@dataclass(frozen=True, slots=True)
class S3Strategy:
    """Points in the DR site's storage; the backup server has no part in them.

    The primary's agent adds what is new to the primary's bucket, whose storage replicates it. A
    point names versions of objects, and is published once the DR site's bucket has all of them.
    Nobody's account at the primary may delete or alter a published point; the DR site's agent,
    which may only read, restores it, also without the primary.

    A version that is damaged there is damage of every point that names it.

    Attributes:
        target: the stack.
        copy_limit_s: limit for taking, reading and restoring one point.
    """

    target: Target
    copy_limit_s: float = COPY_LIMIT_S

    @property
    def name(self) -> str:
        """``s3``."""
        return NAME

    def prepare(self) -> None:
        """Make both buckets, their accounts, and the replication; again is no harm.

        Raises:
            EnvironmentProblem: a storage refuses, or does not run.
        """
        administer(self.target, Part.DR_STORAGE, STORAGE_PROGRAM, "replica")
        administer(self.target, Part.PRIMARY_STORAGE, STORAGE_PROGRAM, "source")

    def take(self, point: str) -> Taken:
        """Add what changed at the primary's site since the newest point, and publish."""
        failed = f"recovery point {point} could not be taken"
        told = _PROGRAM.told(
            self.target, Part.PRIMARY_AGENT, ["take", point], failed, self.copy_limit_s
        )
        with _PROGRAM.summary(failed, told):
            return Taken(point, int(told["files"]), int(told["bytes"]))

    def listed(self) -> tuple[RecoveryPoint, ...]:
        """The points whose manifest the DR site's agent can read."""
        failed = "the recovery points in the DR site's bucket cannot be listed"
        told = _PROGRAM.told(self.target, Part.DR_AGENT, ["list"], failed, READ_LIMIT_S)
        with _PROGRAM.summary(failed, told):
            return points_told(told)

    def verify(self, point: str) -> str:
        """Read every byte of *point* in the DR site's bucket."""
        failed = f"recovery point {point} could not be verified in the DR site's bucket"
        told = _PROGRAM.told(
            self.target, Part.DR_AGENT, ["verify", point], failed, self.copy_limit_s
        )
        with _PROGRAM.summary(failed, told):
            return f"every byte of the point's {int(told['files'])} files"

    def configuration(self, point: str) -> str:
        """The text of ``config/stack.env``, once its hash is what the manifest says."""
        failed = f"the configuration of recovery point {point} cannot be read"
        command = ["read", point, "config/stack.env"]
        told = _PROGRAM.told(self.target, Part.DR_AGENT, command, failed, READ_LIMIT_S)
        with _PROGRAM.summary(failed, told):
            return str(told["text"])

    def restore(self, agent: Part, point: str) -> int:
        """Restore *point* into the empty site of *agent*, from the DR site's bucket."""
        failed = f"recovery point {point} could not be restored from the DR site's bucket"
        told = _PROGRAM.told(self.target, agent, ["restore", point], failed, self.copy_limit_s)
        with _PROGRAM.summary(failed, told):
            return int(told["files"])


def buckets_made(target: Target) -> bool:
    """Whether `S3Strategy.prepare` was ever called on this stack.

    Raises:
        EnvironmentProblem: that cannot be seen.
    """
    look = ["test", "-d", BUCKET_FOLDER]
    looked = target.execute(Part.DR_STORAGE, look, timeout_s=ADMINISTER_LIMIT_S)
    if looked.exit_code not in {0, 1}:
        raise EnvironmentProblem(
            f"whether dr-storage has {BUCKET_FOLDER} cannot be seen: {looked.stderr.strip()}",
            "see logs/dr-storage.log",
        )
    return looked.exit_code == 0


def empty_buckets(target: Target) -> None:
    """Delete every version at both sites; buckets, accounts and replication stay.

    Raises:
        EnvironmentProblem: a storage refuses, or does not run.
    """
    # what is still to be replicated must have nowhere to come from first
    for storage in (Part.PRIMARY_STORAGE, Part.DR_STORAGE):
        administer(target, storage, STORAGE_PROGRAM, "empty")


def held_in_buckets(target: Target) -> tuple[str, ...]:
    """What the buckets hold, a line for each version.

    Raises:
        EnvironmentProblem: a storage refuses, or does not run.
    """
    return tuple(
        f"{storage}: {line}"
        for storage in (Part.PRIMARY_STORAGE, Part.DR_STORAGE)
        for line in administer(target, storage, STORAGE_PROGRAM, "list").splitlines()
    )
