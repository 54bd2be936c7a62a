"""What an incident meets: a gateway and a DR site in memory, and a kill between any two acts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from colordrill.recover.gateway import SHOW, SHOW_STATISTICS
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Executed
from fakes.target import FakeTarget

ACTS = frozenset({"start", "stop", "kill", "recreate", "put_files", "execute"})
CONFIG_OFF, FORCED_OFF = 4, 1


class Killed(BaseException):
    """The process is gone: nothing that comes after it is run."""


@dataclass
class Killer:
    """Ends the process at one of the moments between acts; counts them where it does not."""

    at: int | None = None
    passed: int = 0

    def moment(self) -> None:
        if self.at is not None and self.passed == self.at:
            raise Killed(self.at)
        self.passed += 1

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """*act* with a moment before it and one after."""

        def killable(*arguments: Any, **named: Any) -> Any:
            self.moment()
            done = act(*arguments, **named)
            self.moment()
            return done

        return killable


class KillableTarget:
    """A target at each of whose acts the process may end."""

    def __init__(self, target: FakeTarget, killer: Killer) -> None:
        self._target = target
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._killer.around(found) if name in ACTS else found


@dataclass
class FakeGateway:
    """The gateway's runtime API, and who answers at the public address.

    Attributes:
        target: the stack.
        off: the sites that it leaves alone.
        connections: to each site, of clients, until they are cut.
    """

    target: FakeTarget
    off: set[str] = field(default_factory=lambda: {"dr"})
    connections: dict[str, int] = field(default_factory=dict)

    def run(self, _part: Part, command: Sequence[str]) -> Executed:
        if command[1] == SHOW:
            return Executed(0, self._table(), "")
        if command[1] == SHOW_STATISTICS:
            return Executed(0, self._statistics(), "")
        if command[1].startswith("shutdown sessions server sites/"):
            self.connections.pop(command[1].rpartition("/")[2])
            return Executed(0, "\n", "")
        site, state = command[1].split()[2].removeprefix("sites/"), command[1].split()[-1]
        (self.off.add if state == "maint" else self.off.discard)(site)
        return Executed(0, "\n", "")

    def answering(self) -> str | None:
        services = {"primary": Part.PRIMARY_COLORIZATION, "dr": Part.DR_COLORIZATION}
        up = [s for s, part in services.items() if self.target.state(part).running]
        return next((site for site in up if site not in self.off), None)

    def restarted(self) -> None:
        """It has forgotten what it was told."""
        self.off = {"dr"}

    def _statistics(self) -> str:
        rows = [f"sites,{site},0,0,{self.connections.get(site, 0)},3" for site in Site]
        return "\n".join(
            ["# pxname,svname,qcur,qmax,scur,smax", "public,FRONTEND,,,1,1", *rows, ""]
        )

    def _table(self) -> str:
        lines = ["1", "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state"]
        for number, site in enumerate(Site, start=1):
            flags = (CONFIG_OFF if site is Site.DR else 0) | (FORCED_OFF if site in self.off else 0)
            lines.append(f"3 sites {number} {site} - 2 {flags}")
        return "\n".join([*lines, ""])


@dataclass
class FakeDrSite:
    """The DR site's volumes as restores treat them: file to the point that put it there.

    Attributes:
        files: what lies there.
        damaged: points that are not what their manifests say, on the backup server.
        damaged_offsite: those that are not, off site.
        cut_off: whether the DR site does not reach the backup server.
        taken_from: from where each restore that went to its end took its point, in order.
    """

    killer: Killer
    files: dict[str, str] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    damaged_offsite: set[str] = field(default_factory=set)
    cut_off: bool = False
    taken_from: list[str] = field(default_factory=list)

    def first_file(self, _part: Part, _command: Sequence[str]) -> Executed:
        """What `find` prints of the site."""
        return Executed(0, "".join(f"/site/{name}\n" for name in list(self.files)[:1]), "")

    def restore(self, _part: Part, command: Sequence[str]) -> Executed:
        """`colordrill-restore`; where it is cut off, what it brought stays."""
        if self.cut_off:
            self.files.setdefault("input/a.png", command[1])
            return Executed(1, "", "rsync failed with exit code 10")
        return self._restore("rsync", command[1], command[2:], self.damaged)

    def restore_offsite(self, _part: Part, command: Sequence[str]) -> Executed:
        """`colordrill-offsite restore`."""
        return self._restore("restic", command[2], command[3:], self.damaged_offsite)

    def _restore(
        self, kept_by: str, point: str, words: Sequence[str], damaged: set[str]
    ) -> Executed:
        pairs = list(zip(words[::2], words[1::2], strict=True))
        after = [value for option, value in pairs if option == "--after"]
        if set(self.files.values()) - set(after):
            return Executed(3, "", "this site holds what no restore is known to have put there")
        kept = sum(origin == point for origin in self.files.values())
        self.files = {name: each for name, each in self.files.items() if each == point}
        if point in damaged:
            self.files = {}
            return Executed(5, "", "1 restored file is not what the manifest says")
        self.files["input/a.png"] = point
        self.killer.moment()
        self.files["output/b.png"] = point
        self.taken_from.append(kept_by)
        return Executed(0, json.dumps({"files": 2, "kept": kept}), "")
