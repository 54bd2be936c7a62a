"""The ledger of a run: what was broken and not yet read back as healed, on disk.

A harness that is killed in the middle of a fault heals nothing. Its stack is removed at the next
start, and the fault with it; but a stack that was kept stands there broken. The ledger says what
with: each line is a fault's spec and memory at the moment, or that it is healed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colordrill.errors import RecordProblem
from colordrill.fault.protocol import Fault
from colordrill.scenario.model import FaultSpec

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
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


def open_faults(directory: Path) -> tuple[OpenFault, ...]:
    """What the ledger in *directory* leaves open, newest first; a torn last line is passed over."""
    found: dict[tuple[str, str], OpenFault] = {}
    for entry in _entries(directory / LEDGER):
        spec = FaultSpec(**entry["spec"])
        found.pop((spec.name, spec.target), None)
        if entry["open"]:
            found[spec.name, spec.target] = OpenFault(spec, entry["memory"])
    return tuple(reversed(found.values()))


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordProblem(f"the fault ledger {path} cannot be read: {error}") from error
    for line in lines:
        if not line.endswith(b"\n"):
            return
        try:
            yield json.loads(line)
        except ValueError as error:
            raise RecordProblem(
                f"the fault ledger {path} holds a line that is not its own: {error}",
                "remove the stack with `colordrill down`",
            ) from error
