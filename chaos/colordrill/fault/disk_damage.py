"""Stored data that a disk damages in silence: bits, ranges, lengths, files and whole volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from colordrill.fault.disk_files import WITNESSES, FileDamage
from colordrill.fault.disk_probe import number, whole_number
from colordrill.fault.disk_reading import PLACES
from colordrill.fault.protocol import About

FLIPS_MAX = 10_000
LENGTH_BYTES_MAX = 10**9

CURE = (
    "The originals, kept aside, are put back where nobody has repaired or written the file since; "
    "read back by every file's hash."
)
EVIDENCE = (
    "A peer reads the files and gets other bytes or none: pictures and workflows as the gateway "
    "asks the service, checkpoints in the service's container, the backup's files over rsync by "
    "the other site's agent."
)


@dataclass(slots=True)
class BitFlip(FileDamage):
    """Bits of stored files are flipped.

    Attributes:
        flips: bits of each file, each in another byte.
    """

    name: ClassVar[str] = "bit_flip"
    kind: ClassVar[str] = "flip"
    about: ClassVar[About] = About(
        effect="Files have other bytes at the same size and time: nobody notices until they look.",
        method="One bit in each of some drawn bytes is flipped in place, the time is set back.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents="Bad memory in a storage controller; disks without checksums that age.",
        targets=tuple(PLACES),
    )

    flips: int = 1

    def _check(self) -> None:
        whole_number("flips", self.flips, 1, FLIPS_MAX)

    def _how(self) -> dict[str, Any]:
        return {"bytes": self.flips}


@dataclass(slots=True)
class ZeroedRange(FileDamage):
    """A range of stored files reads as zeros.

    Attributes:
        length_bytes: of the range; less where the file ends.
    """

    name: ClassVar[str] = "zeroed_range"
    kind: ClassVar[str] = "zero"
    about: ClassVar[About] = About(
        effect="A range of a file reads as zeros: a picture with a grey band, wrong weights.",
        method="A drawn range that is not all zeros yet is overwritten, the time is set back.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents="Blocks that were allocated and never written before a crash; discarded extents.",
        targets=tuple(PLACES),
    )

    length_bytes: int = 4096

    def _check(self) -> None:
        whole_number("length_bytes", self.length_bytes, 1, LENGTH_BYTES_MAX)

    def _how(self) -> dict[str, Any]:
        return {"bytes": self.length_bytes}


@dataclass(slots=True)
class Truncation(FileDamage):
    """Stored files end too early.

    Attributes:
        keep: the share that is left of each, from 0 to 0.999.
    """

    name: ClassVar[str] = "truncation"
    kind: ClassVar[str] = "truncate"
    about: ClassVar[About] = About(
        effect="Files end too early; ComfyUI serves half a picture with 200.",
        method="Each file is cut to a share of its length, the time is set back.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents="A full disk; a copy that was interrupted; SIGKILL in the middle of SaveImage.",
        targets=tuple(PLACES),
    )

    keep: float = 0.5

    def _check(self) -> None:
        number("keep", self.keep, 0.0, 0.999)

    def _how(self) -> dict[str, Any]:
        return {"keep": self.keep}


@dataclass(slots=True)
class FileDeleted(FileDamage):
    """Stored files are gone."""

    name: ClassVar[str] = "file_deleted"
    kind: ClassVar[str] = "delete"
    about: ClassVar[About] = About(
        effect="Files are gone: 404, or a service that cannot load what it needs.",
        method="The files are unlinked.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents="A clean-up job with too wide a pattern; a file system check that drops inodes.",
        targets=tuple(PLACES),
    )


@dataclass(slots=True)
class VolumeLost(FileDamage):
    """Everything in a folder is gone, also what no recovery point holds."""

    name: ClassVar[str] = "volume_lost"
    kind: ClassVar[str] = "delete"
    about: ClassVar[About] = About(
        effect="A whole volume comes up empty.",
        method="Every file of the folder is unlinked, those of after the newest point, too.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents=(
            "`docker compose down --volumes`; a mount that failed at boot, so that an empty folder "
            "of the host was served."
        ),
        targets=tuple(PLACES),
    )

    def _wanted(self, suitable: list[str]) -> int:
        return min(len(suitable), WITNESSES)

    def _files(self) -> None:
        return None


FAULTS: tuple[type, ...] = (BitFlip, ZeroedRange, Truncation, FileDeleted, VolumeLost)
