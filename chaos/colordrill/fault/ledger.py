"""The ledger of a run: what was broken and not yet read back as healed, on disk.

A harness that is killed in the middle of a fault heals nothing. Its stack is removed at the next
start, and the fault with it; but a stack that was kept stands there broken. The ledger says what
with: each line is a fault's spec and memory at the moment, or that it is healed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import RecordProblem, UsageProblem
from colordrill.fault.protocol import Fault
from colordrill.scenario.fault_spec import FaultSpec

LEDGER = "faults.jsonl"


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that nobody has read back as healed."""

    spec: FaultSpec
    memory: dict[str, Any]


class Ledger:
    """Writes down what is broken, flushed to the disk before it is broken.

    Args:
        directory: the run's private directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LEDGER

    def opened(self, spec: FaultSpec, fault: Fault) -> None:
        """*fault* is about to be injected, or its memory has changed.

        Raises:
            RecordProblem: it cannot be written; then nothing may be broken.
        """
        try:
            self._append({"open": True, "spec": asdict(spec), "memory": fault.memory})
        except (OSError, TypeError, ValueError) as error:
            raise RecordProblem(
                f"the fault ledger {self._path} cannot be written: {error}",
                "nothing is injected that a later start could not heal; free some disk space",
            ) from error

    def closed(self, spec: FaultSpec) -> None:
        """The fault of *spec* was read back as healed; a full disk does not keep it from being."""
        with suppress(OSError):
            self._append({"open": False, "spec": asdict(spec)})

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self._path.open("ab+") as file:
            file.seek(0)
            # what a killed harness or a full disk left of a line would spoil the one after it
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def open_faults(directory: Path) -> tuple[OpenFault, ...]:
    """What the ledger in *directory* leaves open, newest first; a torn last line is passed over.

    Raises:
        RecordProblem: it cannot be read, or holds a line that is not a ledger's.
    """
    path = directory / LEDGER
    found: dict[tuple[str, str], OpenFault] = {}
    for line in _whole_lines(path):
        try:
            entry = json.loads(line)
            spec = FaultSpec(**entry["spec"])
            found.pop((spec.name, spec.target), None)
            if entry["open"]:
                found[spec.name, spec.target] = OpenFault(spec, dict(entry["memory"]))
        except (ValueError, LookupError, TypeError, UsageProblem) as error:
            raise RecordProblem(
                f"the fault ledger {path} holds a line that is not its own: {error}",
                "remove the stack with `colordrill down`",
            ) from error
    return tuple(reversed(found.values()))


def _whole_lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordProblem(f"the fault ledger {path} cannot be read: {error}") from error
