"""Stored files that a fault draws, damages where they are stored, and puts back."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, ClassVar

from colordrill.backup.points import list_points
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.fault.disk_probe import whole_number
from colordrill.fault.disk_reading import Place, Read, place_of, read_by_peer
from colordrill.fault.injecting_program import draw_mark, end_marked, marked
from colordrill.fault.protocol import Evidence
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, Target

PROGRAM = "colordrill-damage"
DAMAGE_LIMIT_S = 120.0
COUNT_MAX = 200
SEED_MAX = 2**63
WITNESSES = 3
SPARE = 20
"""So many more files than asked for are looked at: some were changed since the point."""


@dataclass(slots=True)
class FileDamage:
    """What all share: files that the newest recovery point holds are drawn, damaged and put back.

    Attributes:
        target_name: a place of `disk_reading.PLACES`.
        memory: ``point``, ``files`` (hash by name), ``witnesses``, ``damaged`` once they are.
        count: so many files at most; as many as there are, at least one.
        seed: draws the files and where they are damaged.
        pattern: of the files' names, relative to the place (``*.png``); ``*`` crosses folders.
    """

    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})
    kind: ClassVar[str]
    name: ClassVar[str]

    target_name: str
    memory: dict[str, Any] = field(init=False, default_factory=dict)
    count: int = 1
    seed: int = 0
    pattern: str = "*"

    def __post_init__(self) -> None:
        """Refuse places that are none, and parameters that mean nothing."""
        place_of(self.target_name)
        whole_number("count", self.count, 1, COUNT_MAX)
        whole_number("seed", self.seed, 0, SEED_MAX)
        if not isinstance(self.pattern, str) or not self.pattern:
            raise UsageProblem(f"pattern must be a file name's pattern, not {self.pattern!r}")
        self._check()

    def healthy(self, target: Target) -> Evidence:
        """The drawn files are whole: a peer reads them as the newest recovery point has them."""
        place = place_of(self.target_name)
        point, held = _newest_point(target)
        names = [name for each in held if (name := place.holds(each)) is not None]
        by_name = {name: held[_full(place, name)] for name in names}
        suitable = sorted(
            name
            for name, entry in by_name.items()
            if fnmatchcase(name, self.pattern) and entry["bytes"] >= 1
        )
        draw = random.Random(f"{self.name}/{self.target_name}/{self.seed}")
        drawn = draw.sample(suitable, min(len(suitable), self._wanted(suitable) + SPARE))
        hashes = {name: str(by_name[name]["sha256"]) for name in drawn}
        # a look, not the plan of an earlier injection: the key is not known there yet
        found = _run(target, place, ["look", f"{self._key()}-new", place.root(point), hashes])
        whole = [name for name in drawn if found.get(name) == "whole"][: self._wanted(suitable)]
        if not whole:
            return Evidence(
                seen=False,
                detail=f"no whole file of {self.target_name} matches {self.pattern!r} and is in "
                f"the newest recovery point {point}",
            )
        self.memory = {
            "point": point,
            "files": {name: hashes[name] for name in whole},
            "witnesses": whole[:WITNESSES],
        }
        draw_mark(self.memory)
        reads = self._reads(target)
        well = all(read.sha256 == self.memory["files"][name] for name, read in reads.items())
        return Evidence(seen=well, detail=_told(reads))

    def inject(self, target: Target) -> None:
        """Keep the originals aside and damage the files; their modification times stay."""
        if not self.memory:
            raise EnvironmentProblem(f"no file of {self.target_name} was found that can be damaged")
        order = {"kind": self.kind, "files": self._files(), "seed": str(self.seed), **self._how()}
        place = place_of(self.target_name)
        words = ["apply", self._key(), place.root(self.memory["point"]), order]
        _run(target, place, words, self.memory)
        self.memory["damaged"] = True

    def evidence(self, target: Target) -> Evidence:
        """A peer reads other bytes, or none."""
        reads = self._reads(target)
        files = self.memory.get("files", {})
        seen = bool(reads) and all(
            read.answered and read.sha256 != files[name] for name, read in reads.items()
        )
        return Evidence(seen=seen, detail=_told(reads))

    def heal(self, target: Target) -> None:
        """Put the originals back where the file is still as it was damaged."""
        if self.memory:
            place = place_of(self.target_name)
            end_marked(self.memory, partial(target.execute, place.part))
            _run(target, place, ["undo", self._key()])

    def healed(self, target: Target) -> Evidence:
        """Every file is whole, or somebody has written it since."""
        if not self.memory:
            return Evidence(seen=True, detail="nothing was damaged")
        place = place_of(self.target_name)
        words = ["look", self._key(), place.root(self.memory["point"]), self.memory["files"]]
        found = _run(target, place, words)
        # where the originals are lost with their container nobody can tell damage from new work
        right = {"whole", "other"} | (set() if self.memory.get("damaged") else {"unknown"})
        wrong = {name: each for name, each in found.items() if each not in right}
        detail = f"{len(found)} files are whole or written since" if not wrong else str(wrong)
        return Evidence(seen=not wrong and bool(found), detail=detail[:500])

    def _reads(self, target: Target) -> dict[str, Read]:
        place = place_of(self.target_name)
        return {
            name: read_by_peer(target, place, self.memory["point"], name)
            for name in self.memory.get("witnesses", [])
        }

    def _key(self) -> str:
        return f"{self.name}-{self.target_name.replace(':', '-')}"

    def _check(self) -> None:
        """Refuse parameters that mean nothing; raises UsageProblem."""

    def _wanted(self, suitable: list[str]) -> int:  # noqa: ARG002 (a lost volume wants all of them)
        return self.count

    def _files(self) -> dict[str, str] | None:
        return dict(self.memory["files"])

    def _how(self) -> dict[str, Any]:
        return {}


def _full(place: Place, name: str) -> str:
    return name if place.folder is None else f"{place.folder}/{name}"


def _newest_point(target: Target) -> tuple[str, dict[str, dict[str, Any]]]:
    points = list_points(target)
    if not points:
        raise EnvironmentProblem("the backup server holds no recovery point yet")
    point = points[-1].id
    read = target.execute(Part.BACKUP, ["cat", f"/backup/points/{point}/MANIFEST.json"])
    try:
        return point, dict(json.loads(read.stdout)["files"])
    except (ValueError, LookupError, TypeError) as error:
        raise EnvironmentProblem(f"the manifest of {point} cannot be read: {error}") from error


def _run(
    target: Target, place: Place, words: list[Any], memory: dict[str, Any] | None = None
) -> dict[str, str]:
    """Run the program; with *memory* as the fault's injecting one."""
    command = [PROGRAM, *(each if isinstance(each, str) else json.dumps(each) for each in words)]
    if memory is not None:
        command = marked(memory, command)
    done = target.execute(place.part, command, timeout_s=DAMAGE_LIMIT_S)
    try:
        if done.exit_code != 0:
            raise ValueError(done.stderr.strip() or f"exit code {done.exit_code}")
        return dict(json.loads(done.stdout))
    except (ValueError, TypeError) as error:
        raise EnvironmentProblem(f"{PROGRAM} {words[0]} at {place.name} failed: {error}") from error


def _told(reads: dict[str, Read]) -> str:
    return "; ".join(f"{name}: {read.detail}" for name, read in reads.items())[:500]
