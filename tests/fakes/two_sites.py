"""Both sites' files and the backup server's points in memory, as the backup image treats them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.incident import Killer
from fakes.points_on_disk import PROGRAMS

Files = dict[str, bytes]


def digests(files: Files) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


@dataclass
class TwoSites:
    """What the programs find and leave.

    Attributes:
        killer: may end the process in the middle of a merge.
        primary: the primary's files.
        dr: the DR site's.
        points: the published points.
        damage_found: so many verifications find damage.
        failing: program to the error that it ends with.
        merges: the words of each merge, in order.
    """

    killer: Killer
    primary: Files
    points: dict[str, Files]
    dr: Files = field(default_factory=dict)
    damage_found: int = 0
    failing: dict[str, Executed] = field(default_factory=dict)
    merges: list[list[str]] = field(default_factory=list)
    before_copy: Callable[[], None] = lambda: None
    _incoming: dict[str, Files] = field(default_factory=dict)

    def programs(self) -> dict[str, Callable[[Part, Sequence[str]], Executed]]:
        """First word to what answers it."""
        acts = {
            "colordrill-points": self._list,
            "colordrill-snapshot": self._snapshot,
            "colordrill-publish": self._publish,
            "colordrill-verify": self._verify,
            "colordrill-forget": self._forget,
            "colordrill-restore": self._restore,
            "colordrill-merge": self._merge,
            "python3": self._empty,
            "find": self._first_file,
        }
        return {name: self._unless_failing(name, act) for name, act in acts.items()}

    def _unless_failing(self, name: str, act: Any) -> Any:
        def answered(part: Part, command: Sequence[str]) -> Executed:
            return self.failing[name] if name in self.failing else act(part, command)

        return answered

    def _list(self, *_: Any) -> Executed:
        listed = [
            {"point": point, "strategy": "rsync", "files": len(files), "bytes": 1}
            for point, files in sorted(self.points.items())
        ]
        return Executed(0, json.dumps(listed), "")

    def _snapshot(self, part: Part, command: Sequence[str]) -> Executed:
        self.before_copy()
        files = self.dr if part is Part.DR_AGENT else self.primary
        self._incoming[command[1]] = dict(files)
        return Executed(0, json.dumps({"files": len(files), "bytes": 1, "passes": 1}), "")

    def _publish(self, _part: Part, command: Sequence[str]) -> Executed:
        self.points[command[1]] = self._incoming.pop(command[1])
        return Executed(0, "{}", "")

    def _verify(self, _part: Part, command: Sequence[str]) -> Executed:
        if command[1] not in self.points:
            return Executed(1, "", f"there is no recovery point {command[1]}")
        bad = self.damage_found > 0
        self.damage_found -= 1
        told = {
            "at": "2026-11-22T20:15:30+00:00",
            "outcome": "damaged" if bad else "whole",
            "damaged": [{"file": "a"}] if bad else [],
        }
        return Executed(5 if bad else 0, json.dumps(told), "")

    def _forget(self, _part: Part, command: Sequence[str]) -> Executed:
        for point in [word.removeprefix("--failed=") for word in command]:
            self._incoming.pop(point, None)
        told: dict[str, Any] = {"removed": [], "in_use": [], "swept": [], "kept": []}
        return Executed(0, json.dumps(told), "")

    def _restore(self, _part: Part, command: Sequence[str]) -> Executed:
        after = [command[at + 1] for at, word in enumerate(command) if word == "--after"]
        known = [self.points[each] for each in after if each in self.points]
        if any(all(each.get(n) != c for each in known) for n, c in self.dr.items()):
            return Executed(3, "", "this site holds what no restore is known to have put there")
        self.dr = dict(self.points[command[1]])
        return Executed(0, json.dumps({"files": len(self.dr), "kept": 0}), "")

    def _merge(self, part: Part, command: Sequence[str]) -> Executed:
        assert part is Part.PRIMARY_AGENT
        words = list(command[1:])
        self.merges.append(words)
        point, dry = words[0], "--dry-run" in words
        merged = [words[at + 1] for at, word in enumerate(words) if word == "--merged"]
        base = words[words.index("--base") + 1] if "--base" in words else None
        theirs = (self._incoming if dry else self.points)[point]
        deciding = _merge_plan()
        known = deciding.Known(
            None if base is None else digests(self.points[base]),
            [digests(self.points[each]) for each in merged],
        )
        mark = words[words.index("--mark") + 1]
        made = deciding.plan(known, digests(theirs), digests(self.primary), mark)
        if not dry:
            self._carry_out(made, theirs)
        told = {
            "brought": made.bring,
            "kept": made.keep,
            "conflicts": sorted(made.aside.values()),
            "deleted": made.delete,
        }
        return Executed(0, json.dumps(told), "")

    def _carry_out(self, made: Any, theirs: Files) -> None:
        for name in made.delete:
            del self.primary[name]
        for name, beside in made.aside.items():
            self.primary[beside] = self.primary.pop(name)
        self.killer.moment()
        for name in made.bring:
            self.primary[name] = theirs[name]

    def _empty(self, part: Part, _command: Sequence[str]) -> Executed:
        assert part is Part.DR_AGENT
        for name in list(self.dr)[:1]:
            del self.dr[name]
        self.killer.moment()
        self.dr.clear()
        return Executed(0, "", "")

    def _first_file(self, *_: Any) -> Executed:
        return Executed(0, "".join(f"/site/{name}\n" for name in list(self.dr)[:1]), "")


def _merge_plan() -> Any:
    """The image's own decision."""
    if "merge_plan" not in sys.modules:
        loader = SourceFileLoader("merge_plan", str(PROGRAMS / "merge_plan.py"))
        spec = spec_from_loader("merge_plan", loader)
        assert spec is not None
        module = module_from_spec(spec)
        sys.modules["merge_plan"] = module
        loader.exec_module(module)
    return sys.modules["merge_plan"]
