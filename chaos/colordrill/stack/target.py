"""What faults and recovery act through: the Target protocol and its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from colordrill.stack.parts import Part, SiteFolder


class Capability(StrEnum):
    """What a target can do to its parts; faults name the ones that they need."""

    KILL = "kill"
    NETWORK_CUT = "network_cut"
    TOXIPROXY = "toxiproxy"
    EXECUTE = "execute"


@dataclass(frozen=True, slots=True)
class PartState:
    """What a part is doing.

    Attributes:
        exists: whether there is such a container at all.
        running: whether its main process runs.
        exit_code: of its last end; None while running or when it never ran.
        networks: the networks it is attached to, sorted.
        restarts: how often the engine has restarted it by its restart policy.
    """

    exists: bool
    running: bool
    exit_code: int | None
    networks: tuple[str, ...]
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Executed:
    """The end of a command inside a part."""

    exit_code: int
    stdout: str
    stderr: str


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

    def isolate(self, part: Part) -> None:
        """Detach *part* from all its networks and remember them."""

    def rejoin(self, part: Part) -> None:
        """Attach *part* again where `isolate` found it; without effect if it was not isolated."""

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* inside *part*, without a shell; a non-zero exit code is no error."""

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        """Write *files* (path relative to the folder: content) into a site's volume."""

    def endpoint(self, part: Part, port: int) -> str:
        """The base URL, on this machine's loopback, of a published port of *part*."""

    def logs(self, part: Part, *, tail: int | None = None) -> str:
        """What *part* printed, at most the last *tail* lines; empty for an absent part."""

    def memory_mb(self, part: Part) -> float | None:
        """Resident memory of *part* in MB (10^6 bytes), None when it does not run."""
