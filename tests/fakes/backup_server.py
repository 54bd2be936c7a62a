"""A stack whose backup programs work on points in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

AT = "2026-11-22T20:16:00+00:00"
PROGRAMS = (
    "colordrill-snapshot",
    "colordrill-publish",
    "colordrill-push-configuration",
    "colordrill-points",
    "colordrill-verify",
    "colordrill-forget",
    "colordrill-offsite",
    "colordrill-offsite-storage",
)


@dataclass
class BackupServer:
    """Points by id; None is one that nobody has verified.

    Attributes:
        points: id to the files that its verification found damaged.
        rotten: ids of which a verification will find a file damaged.
        failing: a program to how often it fails from now on.
        exit_code: of what fails.
        rotten_names: files that every verification will find damaged.
        left: ids of failed copies whose leftovers are on the disk.
        held_back: why no point is removed.
        commands: what was run.
        offsite: ids of the copies off site.
    """

    points: dict[str, list[str] | None] = field(default_factory=dict)
    rotten: set[str] = field(default_factory=set)
    failing: dict[str, int] = field(default_factory=dict)
    exit_code: int = 1
    rotten_names: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    held_back: str = ""
    commands: list[list[str]] = field(default_factory=list)
    offsite: list[str] = field(default_factory=list)

    def target(self) -> FakeTarget:
        """A stack with this server."""
        ends = (Part.PRIMARY_AGENT, Part.BACKUP, Part.DR_AGENT, Part.DR_STORAGE)
        parts = {part: FakePart() for part in ends}
        return FakeTarget(parts, dict.fromkeys(PROGRAMS, self.run))

    def run(self, _part: Part, command: Sequence[str]) -> Executed:
        self.commands.append(list(command))
        program, *words = command
        if self.failing.get(program):
            self.failing[program] -= 1
            if program in {"colordrill-snapshot", "colordrill-publish"}:
                self.left.add(words[0])
            return Executed(self.exit_code, "", f"{program} broke\n")
        match program:
            case "colordrill-verify":
                return self._verify(words[0])
            case "colordrill-publish":
                self.points[words[0]] = None
            case "colordrill-snapshot":
                return Executed(0, json.dumps({"files": 3, "bytes": 42}), "")
            case "colordrill-points":
                return Executed(0, json.dumps([self._listed(each) for each in self.points]), "")
            case "colordrill-offsite" | "colordrill-forget":
                answer = self._forget if program == "colordrill-forget" else self._offsite
                return Executed(0, json.dumps(answer(words)), "")
        return Executed(0, "c0ffee\n", "")

    def _listed(self, point: str) -> dict[str, Any]:
        damaged = self.points[point]
        verified = None
        if damaged is not None:
            outcome = "damaged" if damaged else "whole"
            count = len(damaged)
            verified = {"at": AT, "outcome": outcome, "damaged_files": count, "damaged": damaged}
        known = {"strategy": "rsync", "files": 3, "bytes": 42}
        return {"point": point, **known, "verified": verified}

    def _verify(self, point: str) -> Executed:
        if point not in self.points:
            return Executed(1, "", f"there is no recovery point {point}\n")
        damaged = self.rotten_names or (["output/a.png"] if point in self.rotten else [])
        self.points[point] = damaged
        told = {
            "at": AT,
            "outcome": "damaged" if damaged else "whole",
            "damaged": [{"file": name, "why": "differs"} for name in damaged],
        }
        return Executed(5 if damaged else 0, json.dumps(told), "")

    def _offsite(self, words: Sequence[str]) -> Any:
        verb = words[0]
        if verb == "check":
            return {"subset": 1, "of": 4, "read": [1]}
        if verb == "list":
            known = {"strategy": "restic", "files": 3, "bytes": 42}
            return [{"point": each, **known} for each in self.offsite]
        self.offsite.append(words[1])
        return {"files": 3, "bytes": 42}

    def _forget(self, words: Sequence[str]) -> dict[str, Any]:
        last = int(words[0].partition("=")[2])
        kept = list(self.points)[-last:] if last else list(self.points)
        removed = [each for each in self.points if each not in kept and not self.held_back]
        swept = [each for each in self.left if f"--failed={each}" in words]
        self.left.difference_update(swept)
        if "--dry-run" not in words:
            for each in removed:
                del self.points[each]
        reasons = [{"point": each, "reasons": ["last"]} for each in kept]
        told = {"kept": reasons, "removed": removed, "in_use": [], "swept": swept}
        return {**told, "held_back": self.held_back}
