"""Loss of power: a site's containers and disk stop in one moment, unflushed writes are lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.host import SITE_WITNESS
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.disk import DiskControl, not_on_disk
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Capability, Target


@dataclass(slots=True)
class PowerLoss:
    """A site's host loses power, and with it whatever its disk had not flushed.

    Attributes:
        target_name: the site; only the primary's data can lie on such a disk.
        memory: ``running``: the parts that ran before.
    """

    name: ClassVar[str] = "power_loss"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.KILL, Capability.EXECUTE, Capability.BLOCK_DEVICE}
    )
    about: ClassVar[About] = About(
        effect=(
            "Every container of the site and its disk stop in one moment. What was written and not "
            "flushed is gone: files are absent or of length 0, although they were acknowledged."
        ),
        method=(
            "The processes are held, the disk's nbdkit, which has the unflushed writes in memory, "
            "is killed by SIGKILL, then every container is."
        ),
        evidence="The gateway's own request over the link to the site gets no answer any more.",
        cure=(
            "The disk's journal is replayed, e2fsck checks it, it is mounted and the containers "
            "are started; read back by the gateway's request, each part's state and the kernel's "
            "list of mounts."
        ),
        incidents=(
            "ComfyUI's SaveImage never calls fsync, and ext4 writes a new file's data after up to "
            "half a minute: after a power cut the newest pictures are there with length 0."
        ),
        targets=(Site.PRIMARY,),
    )

    target_name: str
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a site whose data cannot lie on the disk."""
        if self.target_name != Site.PRIMARY:
            raise UnknownName("site to lose power", self.target_name, [Site.PRIMARY])

    def healthy(self, target: Target) -> Evidence:
        """The site's data are on the disk, and the gateway's request to the site is answered."""
        running = [part for part in parts_of(Site.PRIMARY) if target.state(part).running]
        self.memory = {"running": [str(part) for part in running]}
        if elsewhere := not_on_disk(target):
            return Evidence(seen=False, detail="; ".join(elsewhere))
        return SITE_WITNESS.answered(target)

    def inject(self, target: Target) -> None:
        """The disk and every running part of the site lose power; nothing is flushed."""
        running = [Part(each) for each in self.memory.get("running", [])]
        if not running:
            raise EnvironmentProblem(f"nothing runs at {self.target_name}, no power can be lost")
        disk = DiskControl(target)
        disk.cut(running)
        target.kill(running)
        # the dead file system must not linger, with errors in the host's log every few seconds
        disk.detach()

    def evidence(self, target: Target) -> Evidence:
        """The gateway's request to the site is not answered any more."""
        return SITE_WITNESS.unanswered(target)

    def heal(self, target: Target) -> None:
        """Power is back; without a look before nothing was broken and nothing is touched."""
        if "running" in self.memory:
            restore_power(target, (Part(each) for each in self.memory["running"]))

    def healed(self, target: Target) -> Evidence:
        """The disk is whole, every part that ran runs on it, the gateway's request is answered."""
        wrong = [each for each in self.memory.get("running", []) if not _runs(target, Part(each))]
        if wrong:
            return Evidence(seen=False, detail=f"not running: {', '.join(wrong)}")
        if elsewhere := not_on_disk(target):
            return Evidence(seen=False, detail="; ".join(elsewhere))
        return SITE_WITNESS.answered(target)


def restore_power(target: Target, parts: Iterable[Part] | None = None) -> str:
    """Bring the disk up again, then start *parts*; those of the primary that exist if not given.

    What is up already is left alone: it may be called at any time, also twice.

    Returns:
        What was done, in words for the record.
    """
    disk = DiskControl(target)
    parts = parts_of(Site.PRIMARY) if parts is None else list(parts)
    down = [part for part in parts if target.state(part).exists and not _runs(target, part)]
    before = disk.state()
    if not (before.mounted and before.served) or before.read_only:
        power_cycle(target, parts)
        return f"the disk's journal was replayed, it is mounted again; {len(parts)} parts started"
    for part in down:
        target.start(part)
    return f"the disk was up; {len(down)} parts started"


def power_cycle(target: Target, parts: Iterable[Part]) -> None:
    """Stop *parts*, take the disk down and up with a check in between, and start them again.

    What a real host's operator does when its file system has given up: nothing less brings it back.
    """
    disk = DiskControl(target)
    existing = [part for part in parts if target.state(part).exists]
    # a container that outlived its disk holds the dead file system
    target.kill(existing)
    disk.detach()
    disk.attach()
    for part in existing:
        target.start(part)


def _runs(target: Target, part: Part) -> bool:
    return target.state(part).running


FAULTS: tuple[type, ...] = (PowerLoss,)
