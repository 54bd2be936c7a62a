"""What faults and recovery act through: the Target protocol and its data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from colordrill.stack.parts import Part, SiteFolder


class Capability(StrEnum):
    """What a target can do to its parts; faults name the ones that they need.

    The last three need a helper container that is privileged: Docker Desktop, rootless engines and
    some clusters refuse it, and then these are missing.
    """

    KILL = "kill"
    NETWORK_CUT = "network_cut"
    TOXIPROXY = "toxiproxy"
    EXECUTE = "execute"
    STOP = "stop"
    FREEZE = "freeze"
    MEMORY_LIMIT = "memory_limit"
    RECREATE = "recreate"
    PROCESS_SIGNAL = "process_signal"
    PACKET_FILTER = "packet_filter"
    BLOCK_DEVICE = "block_device"


@dataclass(frozen=True, slots=True)
class PartState:
    """What a part is doing.

    Attributes:
        exists: whether there is such a container at all.
        running: whether its main process runs.
        exit_code: of its last end; None while running or when it never ran.
        networks: the networks it is attached to, sorted.
        restarts: how often the engine has restarted it by its restart policy.
        frozen: whether its processes are held from running.
        out_of_memory: whether the kernel's out-of-memory killer struck since it was last started.
            A part that restarted by its policy may have forgotten it: look while it is down.
        started_at: when its main process began to run the last time, by the engine's clock; None
            where it never ran.
    """

    exists: bool
    running: bool
    exit_code: int | None
    networks: tuple[str, ...]
    restarts: int = 0
    frozen: bool = False
    out_of_memory: bool = False
    # a part that was brought back is what it was before
    started_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PartDescription:
    """What a part was created with.

    Attributes:
        image: the reference that it was created from.
        image_id: the engine's id of that image.
        environment: its variables, those of the image included.
        mounts: destination path in the container to the folder of the site (``output``) or, for
            anything else, the volume's or host's name.
        read_only: the destinations that cannot be written.
        restart: its restart policy.
        image_created: when that image was built; None where the engine does not say.
    """

    image: str
    image_id: str
    # passwords are among them: a message that shows a part must not show these
    environment: Mapping[str, str] = field(repr=False)
    mounts: Mapping[str, str]
    read_only: tuple[str, ...]
    restart: str
    image_created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """The end of a command inside a part."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class PartChanges:
    """How a part is to differ from its description when it is created anew.

    Attributes:
        image: another image reference; None leaves it.
        environment: variables laid over the described ones.
        mounts: a folder of the site to the path at which it is mounted instead.
        read_only: folders of the site that are mounted read-only.
        entrypoint: replaces the image's own; empty leaves it.
        restart: another restart policy (``no``, ``unless-stopped``); None leaves it.
    """

    image: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    restart: str | None = None


class Target(Protocol):
    """A stack that can be observed, broken and repaired. Every call is bounded in time.

    All methods raise EnvironmentProblem when the part is absent or the engine does not answer.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this target can do."""

    def state(self, part: Part) -> PartState:
        """The state of *part*; an absent one is no error."""

    def start(self, part: Part) -> None:
        """Start a part that exists and is not running; a running one is left alone."""

    def kill(self, parts: Sequence[Part]) -> None:
        """End all *parts* at once by SIGKILL; they stay down. Ones already down are left alone."""

    def stop(self, part: Part, *, grace_s: float = 2.0) -> None:
        """End *part* as an operator does: SIGTERM, after *grace_s* SIGKILL; it stays down."""

    def signal(self, part: Part, name: str) -> None:
        """Send *name* (``SIGKILL``) to the processes of *part* from outside the engine.

        The engine takes it for a crash: the restart policy stays in force. A part that does not run
        is an error.
        """

    def freeze(self, part: Part) -> None:
        """Stop every process of *part* from being scheduled; a frozen one is left alone."""

    def thaw(self, part: Part) -> None:
        """Undo `freeze`; one that is not frozen is left alone."""

    def limit_memory(self, part: Part, limit_mb: float | None) -> None:
        """Limit the memory of a running *part* to *limit_mb* (10^6 bytes); None: no limit."""

    def set_restart_policy(self, part: Part, policy: str) -> None:
        """Set the restart policy (``no``, ``unless-stopped``) of *part* as it is."""

    def remove(self, part: Part) -> None:
        """Remove the container of *part*; its volumes stay. An absent one is left alone."""

    def recreate(self, part: Part, changes: PartChanges | None = None) -> None:
        """Create *part* anew by its description, with *changes*; it runs if it ran before.

        One that was absent is created and started. Without changes it is as described again.
        """

    def description(self, part: Part) -> PartDescription:
        """What *part* was created with, as the engine says it."""

    def on_host(self, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* in the privileged helper, which sees every process of the host.

        Raises EnvironmentProblem where there can be no such helper.
        """

    def pid(self, part: Part) -> int:
        """The process id of *part*'s first process as the helper sees it; an error when down."""

    def isolate(
        self, part: Part, networks: Collection[str] | None = None
    ) -> Mapping[str, Sequence[str]]:
        """Detach *part* from all its networks; returns them with its aliases, for `rejoin`.

        With *networks* only from those of them that it is in. While one is left, its published
        ports stay what they are.
        """

    def rejoin(self, part: Part, networks: Mapping[str, Sequence[str]]) -> None:
        """Attach *part* to those of *networks* where it is not attached, with those aliases."""

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* inside *part*, without a shell; a non-zero exit code is no error."""

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        """Write *files* (path relative to the folder: content) into a site's volume."""

    def archive(self, part: Part, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """The tar of *path* (a file, or a folder with all below it) in *part*, as it comes.

        Its members are called by the last part of *path*. A path that is not there is an error.
        """

    def endpoint(self, part: Part, port: int) -> str:
        """The base URL, on this machine's loopback, of a published port of *part*."""

    def logs(self, part: Part, *, tail: int | None = None, since: datetime | None = None) -> str:
        """What *part* printed, at most the last *tail* lines, none from before *since* (UTC).

        Empty for an absent part.
        """

    def memory_mb(self, part: Part) -> float | None:
        """Resident memory of *part* in MB (10^6 bytes), None when it does not run."""
