"""The primary's virtual disk: a stack on it, and what can be done to it.

An ext4 file system over a loop device over nbdfuse over nbdkit, whose cache is volatile: whatever
was not flushed is gone when nbdkit is killed. The privileged helper holds it; everything here goes
through `Target.on_host` to its program ``colordrill-disk``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, Site, SiteFolder, parts_of
from colordrill.stack.target import Capability, Target

DISK_LABEL = "colordrill.disk"
"""On the volume that holds the disk's image; its value is the helper's image."""

PROGRAM = "colordrill-disk"
SIZE_MB = 2147
"""Of the disk, in 10^6 bytes; sparse, so it costs what is written."""

ACT_LIMIT_S = 60.0
CHECK_LIMIT_S = 150.0
MOUNT_FIELDS_MIN = 10

PROBE_LIMIT_S = 60
TRIED_ALONE = (Capability.PACKET_FILTER, Capability.BLOCK_DEVICE)
"""What a helper can show without a stack: there is no other part to signal."""

BEFORE_PARTS = (
    "--profile standby up --detach --quiet-pull host",
    f"exec --no-TTY host {PROGRAM} create {SIZE_MB}",
)
"""What compose has to do before the parts can be brought up on the disk."""


def disk_overlay() -> Path:
    """The compose file that, laid over the bundled one, puts the primary's data on the disk."""
    return fixtures() / "stack" / "disk.yaml"


def why_no_disk(host_image: str, labels: Mapping[str, str], *, privileged: bool = True) -> str:
    """Why this host can carry no such disk, tried before a stack is brought up; empty: it can.

    Args: as `helper_refusals`.
    """
    return helper_refusals(host_image, labels, privileged=privileged)[Capability.BLOCK_DEVICE]


def helper_refusals(
    host_image: str, labels: Mapping[str, str], *, privileged: bool = True
) -> Mapping[Capability, str]:
    """Why this host refuses what a privileged helper does, without a stack; empty: it allows it.

    Args:
        host_image: the helper's image.
        labels: of the container in which it is tried; it is gone at the end.
        privileged: as the helper is; without it the answer is what a host says that refuses.
    """
    try:
        client = docker.from_env(timeout=PROBE_LIMIT_S)
        try:
            said = client.containers.run(
                host_image,
                ["host-capabilities", "1"],
                labels=dict(labels),
                privileged=privileged,
                pid_mode="host",
                network_mode="none",
                volumes=["/dev:/dev"] if privileged else [],
                remove=True,
            )
        finally:
            client.close()
        return {each: str(json.loads(said)[each.value] or "") for each in TRIED_ALONE}
    except (DockerException, requests.RequestException, ValueError, LookupError) as error:
        return dict.fromkeys(TRIED_ALONE, f"the engine runs no privileged container: {error}")


@dataclass(frozen=True, slots=True)
class DiskState:
    """What there is of the disk.

    Attributes:
        mounted: whether its file system is where the engine sees it.
        device: the block device that is mounted; None where none is.
        read_only: whether it cannot be written, by order or because ext4 gave up on it.
        served: whether the programs that are the disk run.
        errors: whether it answers with I/O errors.
        rate_bytes: bytes per second that it does at most; 0: no limit.
        free_bytes: space left; None where that cannot be told.
    """

    mounted: bool
    device: str | None
    read_only: bool
    served: bool
    errors: bool
    rate_bytes: int
    free_bytes: int | None

    @property
    def sound(self) -> bool:
        """Whether it is up and nothing is wrong with it."""
        up = self.mounted and self.served and not self.read_only
        return up and not self.errors and not self.rate_bytes


@dataclass(frozen=True, slots=True)
class DiskControl:
    """Acts on the disk of *target*.

    Every method raises EnvironmentProblem when the stack is on no such disk, or the act failed.
    """

    target: Target

    def state(self) -> DiskState:
        """What there is of the disk."""
        return self._act("state")

    def cut(self, parts: Sequence[Part]) -> DiskState:
        """The disk loses power in the same moment in which *parts* stop to run, for good.

        Their processes are only held: killing them is the caller's next act. None of them sees the
        disk fail, as none would that loses power with it.
        """
        return self._act("cut", *(str(self.target.pid(part)) for part in parts))

    def detach(self) -> DiskState:
        """Take down whatever is left of the disk; one that has power writes everything first."""
        return self._act("detach", limit_s=CHECK_LIMIT_S)

    def attach(self) -> DiskState:
        """Power is back: the journal is replayed, the file system checked and mounted.

        A disk that is up is left alone.
        """
        return self._act("attach", limit_s=CHECK_LIMIT_S)

    def set_errors(self, on: bool) -> DiskState:
        """Whether every read and write of the device fails."""
        return self._act("errors", "on" if on else "off")

    def set_rate(self, bytes_per_s: int | None) -> DiskState:
        """How fast the device reads and writes at most; None: as it can."""
        return self._act("rate", "off" if bytes_per_s is None else str(bytes_per_s))

    def fill(self, leave_bytes: int) -> DiskState:
        """Take all space but *leave_bytes*, by a file of its own."""
        return self._act("fill", str(leave_bytes))

    def unfill(self) -> DiskState:
        """Remove that file."""
        return self._act("unfill")

    def set_read_only(self, on: bool) -> DiskState:
        """Whether the file system can be written."""
        return self._act("read-only", "on" if on else "off")

    def _act(self, *words: str, limit_s: float = ACT_LIMIT_S) -> DiskState:
        done = self.target.on_host([PROGRAM, *words], timeout_s=limit_s)
        try:
            if done.exit_code != 0:
                raise ValueError(done.stderr.strip() or f"exit code {done.exit_code}")
            return _state(json.loads(done.stdout))
        except (ValueError, LookupError, TypeError) as error:
            raise EnvironmentProblem(
                f"`{PROGRAM} {' '.join(words)}` failed: {error}",
                "do the primary's data lie on the virtual disk? see the helper's log in logs/",
            ) from error


def not_on_disk(target: Target) -> list[str]:
    """Every mount of the running primary that is not a folder of the disk, said for people.

    Read from the kernel's own list of each container's mounts; empty when all are on the disk. A
    primary of which nothing could be looked at is a finding, too.
    """
    device = DiskControl(target).state().device
    found, looked = [], 0
    for part in parts_of(Site.PRIMARY):
        if not target.state(part).running:
            continue
        described = target.description(part).mounts
        folders = {place: SiteFolder(name) for place, name in described.items() if _is_folder(name)}
        mounts = _mounts(target, part) if folders else {}
        if folders and not mounts:
            found.append(f"{part} ended while its mounts were looked at")
            continue
        for place, folder in folders.items():
            looked += 1
            if mounts.get(place) != (device, f"/{folder}"):
                found.append(f"{place} of {part} is {mounts.get(place)}, not {folder} of {device}")
    if not looked:
        found.append("no running part of the primary mounts a folder of the site")
    return found


def _is_folder(name: str) -> bool:
    return name in set(SiteFolder)


def _mounts(target: Target, part: Part) -> dict[str, tuple[str, str]]:
    """Mount point to device and the directory of its file system, as *part* sees them."""
    listed = target.on_host(["cat", f"/proc/{target.pid(part)}/mountinfo"])
    if listed.exit_code != 0:
        raise EnvironmentProblem(f"the mounts of {part} cannot be read: {listed.stderr.strip()}")
    found = {}
    for line in listed.stdout.splitlines():
        words = line.split()
        # the optional fields in the middle end with a dash: then come type, device and options
        if len(words) >= MOUNT_FIELDS_MIN and "-" in words:
            found[words[4]] = (words[words.index("-") + 2], words[3])
    return found


def _state(told: Any) -> DiskState:
    return DiskState(
        mounted=bool(told["mounted"]),
        device=told["loop"],
        read_only=bool(told["read_only"]),
        served=bool(told["served"]),
        errors=bool(told["errors"]),
        rate_bytes=int(told["rate_bytes"]),
        free_bytes=told.get("free_bytes"),
    )
