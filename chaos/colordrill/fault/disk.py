"""Faults of the primary's virtual disk: I/O errors, slowness, no space, read-only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.disk_probe import Written, whole_number, write_by_agent
from colordrill.fault.power import power_cycle
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.disk import DiskControl, not_on_disk
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Capability, Target

PROBE_BYTES = 65_536
BURST_S = 2.0
"""A disk whose rate is limited has saved up so many seconds' worth of it."""

SLOW_S = 1.0
SLOWER_TIMES = 3.0
BYTES_PER_S = (20_000, 10_000_000)


@dataclass(slots=True)
class _DiskFault:
    """What they share: the site's agent writes to the disk and flushes what it wrote.

    Attributes:
        target_name: the site; only the primary's data can lie on such a disk.
        memory: ``running``: the parts that ran before; ``seconds``: what the write took before.
    """

    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.EXECUTE, Capability.BLOCK_DEVICE}
    )

    target_name: str
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a site whose data cannot lie on the disk, and parameters that mean nothing."""
        if self.target_name != Site.PRIMARY:
            raise UnknownName("site whose disk can fail", self.target_name, [Site.PRIMARY])
        self._check()

    def healthy(self, target: Target) -> Evidence:
        """The site's data are on the disk, and the agent's flushed write succeeds quickly."""
        running = [str(part) for part in parts_of(Site.PRIMARY) if target.state(part).running]
        self.memory = {"running": running}
        if elsewhere := not_on_disk(target):
            return Evidence(seen=False, detail="; ".join(elsewhere))
        written = write_by_agent(target, self._probe_bytes())
        self.memory["seconds"] = written.seconds
        return Evidence(seen=_is_well(written), detail=str(written))

    def evidence(self, target: Target) -> Evidence:
        """The agent's flushed write does not end as it did before."""
        written = write_by_agent(target, self._probe_bytes())
        return Evidence(seen=self._is_effect(written), detail=str(written))

    def healed(self, target: Target) -> Evidence:
        """The agent's flushed write succeeds quickly again, on the same disk."""
        if elsewhere := not_on_disk(target):
            return Evidence(seen=False, detail="; ".join(elsewhere))
        written = write_by_agent(target, self._probe_bytes())
        state = DiskControl(target).state()
        detail = str(written) if state.sound else f"{written}, but the disk is {state}"
        return Evidence(seen=_is_well(written) and state.sound, detail=detail)

    def _check(self) -> None:
        """Refuse parameters that mean nothing; raises UsageProblem."""

    def _probe_bytes(self) -> int:
        return PROBE_BYTES

    def _is_effect(self, written: Written) -> bool:
        return written.error is not None


@dataclass(slots=True)
class DiskErrors(_DiskFault):
    """Every read and write of the disk ends with an I/O error."""

    name: ClassVar[str] = "disk_errors"
    about: ClassVar[About] = About(
        effect=(
            "Every read and write of the disk fails. Within seconds ext4 gives up its journal and "
            "the file system is read-only: no upload and no picture can be saved; what is in the "
            "page cache can still be read."
        ),
        method="nbdkit's error filter answers EIO as long as its trigger file exists.",
        evidence="The site's agent writes and flushes a file and gets EIO or, soon, EROFS.",
        cure=(
            "The trigger file is removed. Where ext4 has given up, as it does, the site is "
            "stopped, the file system checked and mounted again, and the site started. Read back "
            "by the agent's write and the kernel's list of mounts."
        ),
        incidents="A dying SSD or SATA cable; cloud volumes that were detached from under a host.",
        targets=(Site.PRIMARY,),
    )

    def inject(self, target: Target) -> None:
        """From now on the disk answers with errors."""
        DiskControl(target).set_errors(True)

    def heal(self, target: Target) -> None:
        """No more errors; a file system that gave up is checked and mounted again."""
        if not self.memory:
            return
        DiskControl(target).set_errors(False)
        if not _is_well(write_by_agent(target, PROBE_BYTES)):
            power_cycle(target, [Part(each) for each in self.memory["running"]])

    def _is_effect(self, written: Written) -> bool:
        return written.error in {"EIO", "EROFS"}


@dataclass(slots=True)
class DiskSlow(_DiskFault):
    """The disk does only so many bytes per second.

    Attributes:
        bytes_per_s: 20,000 to 10,000,000.
    """

    name: ClassVar[str] = "disk_slow"
    about: ClassVar[About] = About(
        effect=(
            "Whatever has to reach the disk waits: flushed writes, the journal, reads that are not "
            "in the page cache. Plain writes go on until the kernel holds them back."
        ),
        method="nbdkit's rate filter, whose limit is changed while it runs.",
        evidence="The site's agent writes and flushes a file, which takes far longer than before.",
        cure="The limit is lifted; read back by the same write, quick again.",
        incidents="Burst credits of cloud volumes that ran out; a RAID that rebuilds.",
        targets=(Site.PRIMARY,),
    )

    bytes_per_s: int = 200_000

    def inject(self, target: Target) -> None:
        """From now on the disk is slow."""
        DiskControl(target).set_rate(self.bytes_per_s)

    def heal(self, target: Target) -> None:
        """No limit any more."""
        if self.memory:
            DiskControl(target).set_rate(None)

    def _check(self) -> None:
        whole_number("bytes_per_s", self.bytes_per_s, *BYTES_PER_S)

    def _probe_bytes(self) -> int:
        # what has been saved up is used first, then so many seconds must pass
        return int(self.bytes_per_s * (BURST_S + 2 * SLOW_S))

    def _is_effect(self, written: Written) -> bool:
        if written.seconds is None:
            return True
        before = float(self.memory.get("seconds") or 0.0)
        return written.error is None and written.seconds > max(SLOW_S, SLOWER_TIMES * before)


@dataclass(slots=True)
class DiskFull(_DiskFault):
    """The file system is full.

    Attributes:
        leave_bytes: so many bytes stay free; less than a picture needs.
    """

    name: ClassVar[str] = "disk_full"
    about: ClassVar[About] = About(
        effect="Uploads fail and pictures are saved in part: ComfyUI leaves the truncated file.",
        method="A file of its own takes all space that is left, by fallocate.",
        evidence="The site's agent writes a file and gets ENOSPC.",
        cure="That file is removed; read back by the agent's write.",
        incidents="Output folders that nobody ever cleans; logs on the same volume.",
        targets=(Site.PRIMARY,),
    )

    leave_bytes: int = 0

    def inject(self, target: Target) -> None:
        """Take all space but what is to be left."""
        DiskControl(target).fill(self.leave_bytes)

    def heal(self, target: Target) -> None:
        """Give the space back."""
        if self.memory:
            DiskControl(target).unfill()

    def _check(self) -> None:
        whole_number("leave_bytes", self.leave_bytes, 0, PROBE_BYTES // 2)

    def _is_effect(self, written: Written) -> bool:
        return written.error == "ENOSPC"


@dataclass(slots=True)
class DiskReadOnly(_DiskFault):
    """The file system cannot be written."""

    name: ClassVar[str] = "disk_read_only"
    about: ClassVar[About] = About(
        effect="Everything can be read and nothing written: every upload and every picture fails.",
        method="The mounted file system is remounted read-only.",
        evidence="The site's agent writes a file and gets EROFS.",
        cure=(
            "It is remounted for writing; where the kernel refuses, it is checked and mounted "
            "anew. Read back by the agent's write."
        ),
        incidents="ext4's own answer to an error in its metadata; a NAS exported read-only.",
        targets=(Site.PRIMARY,),
    )

    def inject(self, target: Target) -> None:
        """From now on it is read-only; waits for writes that are under way."""
        DiskControl(target).set_read_only(True)

    def heal(self, target: Target) -> None:
        """It can be written again."""
        if not self.memory:
            return
        with suppress(EnvironmentProblem):
            # the kernel refuses where ext4 has given up meanwhile
            DiskControl(target).set_read_only(False)
        if not _is_well(write_by_agent(target, PROBE_BYTES)):
            power_cycle(target, [Part(each) for each in self.memory["running"]])

    def _is_effect(self, written: Written) -> bool:
        return written.error == "EROFS"


def _is_well(written: Written) -> bool:
    return written.error is None and written.seconds is not None


FAULTS: tuple[type, ...] = (DiskErrors, DiskSlow, DiskFull, DiskReadOnly)
