"""The programs of the backup image that take a point, in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget

NAMES = ("colordrill-snapshot", "colordrill-publish", "colordrill-push-configuration")


@dataclass
class Programs:
    """The programs of the backup image: they succeed, and take no time, unless told otherwise."""

    clock: ManualClock
    takes_s: float = 0.0
    failing: dict[str, list[int]] = field(default_factory=dict)
    commands: list[tuple[Part, list[str]]] = field(default_factory=list)

    def __call__(self, part: Part, command: Sequence[str]) -> Executed:
        self.commands.append((part, list(command)))
        codes = self.failing.get(command[0])
        if codes and (code := codes.pop(0)):
            return Executed(code, "", f"{command[0]} broke\n")
        if command[0] == "colordrill-snapshot":
            self.clock.advance(self.takes_s)
            return Executed(0, json.dumps({"files": 3, "bytes": 42, "passes": 1}), "")
        return Executed(0, "c0ffee\n", "")

    def target(self) -> FakeTarget:
        """A stack with these programs."""
        parts = {Part.PRIMARY_AGENT: FakePart(), Part.BACKUP: FakePart()}
        return FakeTarget(parts, dict.fromkeys(NAMES, self))

    def snapshots(self) -> list[list[str]]:
        return [command for _, command in self.commands if command[0] == "colordrill-snapshot"]
