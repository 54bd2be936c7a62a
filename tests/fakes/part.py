"""One container in memory, and how it differs after it was created anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import PartChanges, PartDescription

PLAIN = PartDescription(
    image="image:1",
    image_id="sha256:image:1",
    environment={},
    mounts={},
    read_only=(),
    restart="unless-stopped",
    image_created=datetime(2026, 11, 1, tzinfo=UTC),
)
PIDS = count(1000)
STARTS = count()
FIRST_START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def start_time() -> datetime:
    """The time of the next start; each is later than the one before, all before any incident."""
    return FIRST_START + timedelta(milliseconds=next(STARTS))


@dataclass(slots=True)
class FakePart:
    """One container in memory."""

    networks: dict[str, list[str]] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)
    running: bool = True
    exit_code: int | None = None
    restarts: int = 0
    printed: list[str] = field(default_factory=list)
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    description: PartDescription = PLAIN
    frozen: bool = False
    out_of_memory: bool = False
    limit_mb: float | None = None
    pid: int = field(default_factory=lambda: next(PIDS))
    started_at: datetime | None = None

    def __post_init__(self) -> None:
        """What runs was started."""
        if self.running and self.started_at is None:
            self.started_at = start_time()

    def begin(self) -> None:
        """Begin to run; what the last end was is forgotten."""
        self.running, self.out_of_memory, self.pid = True, False, next(PIDS)
        self.started_at = start_time()

    def end(self, exit_code: int) -> None:
        """End for good."""
        self.running, self.frozen, self.exit_code = False, False, exit_code

    def crash(self, exit_code: int) -> None:
        """End as by a bug; the restart policy decides what comes next."""
        if self.description.restart == "no":
            self.end(exit_code)
            return
        self.frozen = False
        self.restarts += 1
        self.begin()

    def again(self, networks: Mapping[str, list[str]], description: PartDescription) -> FakePart:
        """What takes this one's place: same files and log, another process, other ports."""
        return FakePart(
            networks={name: list(aliases) for name, aliases in networks.items()},
            ports={inside: outside + 1 for inside, outside in self.ports.items()},
            running=self.running,
            printed=self.printed,
            files=self.files,
            description=description,
        )


def changed(part: Part, described: PartDescription, changes: PartChanges) -> PartDescription:
    """*described* with *changes*; a folder that is not mounted is an error."""
    missing = {*changes.mounts, *changes.read_only} - set(described.mounts.values())
    if missing:
        raise EnvironmentProblem(f"{part} does not mount {', '.join(missing)}", "name another")
    mounts = {
        changes.mounts.get(source, place): source for place, source in described.mounts.items()
    }
    closed = {place for place, source in mounts.items() if source in changes.read_only}
    image = changes.image or described.image
    return replace(
        described,
        image=image,
        image_id=f"sha256:{image}",
        environment={**described.environment, **changes.environment},
        mounts=mounts,
        read_only=tuple(sorted({*described.read_only, *closed})),
        restart=changes.restart or described.restart,
    )
