"""The backup server's clock is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault.parameters import number
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.witness import a_look, witness_of
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, PartChanges, Target

LIBRARY = "/usr/local/lib/libfaketime.so.1"
OFFSET_MIN_S, OFFSET_MAX_S = 30.0, 10 * 365 * 86_400.0
TOLERANCE_S = 5.0
LINES = 200

# the engine's own time, then the daemon's:
# 2026-11-22T20:15:30.123Z 2026/11/22 20:15:30 [12] connect
LINE = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\d+\]",
    re.MULTILINE,
)


@dataclass
class BackupClockSkewed:
    """Every program of the backup server sees another wall time.

    Attributes:
        target_name: the part: the backup server.
        offset_s: added to the right time; negative for a clock that is late.
        memory: ``looked``: the clock was right before.
    """

    target_name: str = str(Part.BACKUP)
    offset_s: float = -5400.0
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    name: ClassVar[str] = "backup_clock_skewed"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.RECREATE, Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "Times that the backup server writes are wrong by `offset_s`: logs, commits and "
            "whatever it names by the time. A restore that trusts them takes the wrong point."
        ),
        method=(
            "The backup server's container is created with libfaketime loaded into every program; "
            "its monotonic clock and the times of files stay right."
        ),
        evidence=(
            "An agent connects to the rsync daemon, which logs the connection; the time that the "
            "daemon writes differs from the time at which the engine received the line."
        ),
        cure=(
            "The container is created anew as it is described. It is read back by the agent's next "
            "connection, whose two times agree."
        ),
        incidents=(
            "Hosts without a working NTP, and virtual machines that were suspended, are minutes "
            "to hours off; retention by age has deleted the newest snapshots because of it."
        ),
        targets=("backup",),
    )

    def __post_init__(self) -> None:
        """Refuse another part, and a skew that could not be told from an ordinary one."""
        if self.target_name != Part.BACKUP:
            known = [Part.BACKUP]
            raise UnknownName("part whose clock is changed", str(self.target_name), known)
        self.offset_s = number("offset_s", self.offset_s, -OFFSET_MAX_S, OFFSET_MAX_S)
        if abs(self.offset_s) < OFFSET_MIN_S:
            raise UsageProblem(
                f"offset_s must be at least {OFFSET_MIN_S:g} s either way, not {self.offset_s!r}"
            )

    def healthy(self, target: Target) -> Evidence:
        """The daemon's time is right."""
        found = self.healed(target)
        if found.seen:
            self.memory["looked"] = True
        return found

    def inject(self, target: Target) -> None:
        """Create the container anew with the skewed clock.

        Raises:
            EnvironmentProblem: its image has no libfaketime.
        """
        there = target.execute(Part.BACKUP, ("test", "-e", LIBRARY), timeout_s=5.0)
        if there.exit_code != 0:
            raise EnvironmentProblem(
                f"the backup server's image has no {LIBRARY}", "use the bundled backup image"
            )
        skewed = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME": f"{self.offset_s:+.0f}",
            # time limits must hold, and files keep the times that their owners gave them
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        target.recreate(Part.BACKUP, PartChanges(environment=skewed))

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The daemon writes a time that is off by the offset."""
        skew_s, detail = _skew(target)
        seen = skew_s is not None and abs(skew_s - self.offset_s) <= TOLERANCE_S
        return Evidence(seen=seen, detail=detail)

    def heal(self, target: Target) -> None:
        """Create the container as it is described, unless its clock is right."""
        if self.memory.get("looked") and not self.healed(target).seen:
            target.recreate(Part.BACKUP)

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The daemon writes the right time."""
        skew_s, detail = _skew(target)
        return Evidence(seen=skew_s is not None and abs(skew_s) <= TOLERANCE_S, detail=detail)


def _skew(target: Target) -> tuple[float | None, str]:
    """By how many seconds the daemon's clock differs, from the line about an agent's connection."""
    answered, said = witness_of(Part.BACKUP).look(target)
    if not answered:
        return None, said
    lines = LINE.findall(target.logs(Part.BACKUP, tail=LINES))
    if not lines:
        return None, f"{said}; its log has no line with a time"
    received, written = lines[-1]
    right = datetime.strptime(received, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    daemon = datetime.strptime(written, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    skew_s = (daemon - right).total_seconds()
    return skew_s, f"{said}; it wrote {written} at {received} UTC: {skew_s:+.0f} s"


FAULTS: tuple[type, ...] = (BackupClockSkewed,)
