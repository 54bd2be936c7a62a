"""A Target in memory: the same contract as the one over Docker (tests/contract/target)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import dropwhile
from pathlib import Path
from signal import Signals

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import (
    Capability,
    Executed,
    PartChanges,
    PartDescription,
    PartState,
)
from fakes.archives import tar_of
from fakes.part import FakePart, changed

__all__ = ["FakePart", "FakeTarget"]

TIMED_OUT = 124
NOT_FOUND = 127
OWNER_UID = 1000
SMALLEST_LIMIT_MB = 6.3
RESTART_POLICIES = frozenset({"no", "always", "on-failure", "unless-stopped"})
BY_HELPER = frozenset(
    {Capability.PROCESS_SIGNAL, Capability.PACKET_FILTER, Capability.BLOCK_DEVICE}
)
FATAL = frozenset(
    {Signals.SIGKILL, Signals.SIGTERM, Signals.SIGINT, Signals.SIGABRT, Signals.SIGSEGV}
)

Program = Callable[[Part, Sequence[str]], Executed]


@dataclass(slots=True)
class FakeTarget:
    """A stack in memory.

    A command whose first word, after `env` and its variables, is in `programs` is answered by that
    program; any other really runs, on this machine and without a shell, so that exit codes and
    output are real ones.

    Attributes:
        parts: what exists.
        programs: first word of a command to what answers it.
        can: the capabilities.
        calls: every call that changes something, in order.
        broken: method name to the error that its next calls raise.
        images_missing: references that no part can be created from.
        disks: a part to the directory of this machine that is its root, for `archive`.
    """

    parts: dict[Part, FakePart] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    can: frozenset[Capability] = frozenset(Capability)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    images_missing: set[str] = field(default_factory=set)
    disks: dict[Part, Path] = field(default_factory=dict)
    _created: dict[Part, FakePart] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Keep what each part was created as."""
        self._created = {
            part: each.again(each.networks, each.description) for part, each in self.parts.items()
        }

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.can

    def state(self, part: Part) -> PartState:
        found = self.parts.get(part)
        if found is None:
            return PartState(exists=False, running=False, exit_code=None, networks=())
        return PartState(
            exists=True,
            running=found.running,
            exit_code=None if found.running else found.exit_code,
            networks=tuple(sorted(found.networks)),
            restarts=found.restarts,
            frozen=found.frozen,
            out_of_memory=found.out_of_memory,
            started_at=found.started_at,
        )

    def start(self, part: Part) -> None:
        self._called("start", part)
        found = self._get(part)
        if not found.running:
            found.begin()
            found.restarts = 0

    def kill(self, parts: Sequence[Part]) -> None:
        self._called("kill", *parts)
        found = [self._get(part) for part in parts]
        for each in found:
            if each.running:
                each.end(137)

    def stop(self, part: Part, *, grace_s: float = 2.0) -> None:
        self._called("stop", part)
        found = self._get(part)
        if found.running:
            found.end(143 if grace_s > 0 else 137)

    def signal(self, part: Part, name: str) -> None:
        self._called("signal", part, name)
        self._need_helper()
        found = self._up(part)
        if name not in Signals.__members__:
            raise EnvironmentProblem(f"cannot send {name} to {part}: no such signal", "name one")
        if Signals[name] in FATAL:
            found.crash(128 + Signals[name])

    def freeze(self, part: Part) -> None:
        self._called("freeze", part)
        self._up(part).frozen = True

    def thaw(self, part: Part) -> None:
        self._called("thaw", part)
        self._get(part).frozen = False

    def limit_memory(self, part: Part, limit_mb: float | None) -> None:
        self._called("limit_memory", part, str(limit_mb))
        found = self._get(part) if limit_mb is None else self._up(part)
        if limit_mb is not None and limit_mb < SMALLEST_LIMIT_MB:
            raise EnvironmentProblem(f"{limit_mb} MB are too few for {part}", "take more")
        found.limit_mb = limit_mb

    def set_restart_policy(self, part: Part, policy: str) -> None:
        self._called("set_restart_policy", part, policy)
        found = self._get(part)
        if policy not in RESTART_POLICIES:
            raise EnvironmentProblem(f"{part} cannot have the restart policy {policy}", "another")
        found.description = replace(found.description, restart=policy)

    def remove(self, part: Part) -> None:
        self._called("remove", part)
        self.parts.pop(part, None)

    def recreate(self, part: Part, changes: PartChanges | None = None) -> None:
        self._called("recreate", part)
        before = self.parts.get(part)
        created = self._created.get(part, before)
        if created is None:
            raise EnvironmentProblem(f"cannot create {part}: no such service", "name another")
        if changes is not None and changes.image in self.images_missing:
            raise EnvironmentProblem(f"cannot create {part}: no image {changes.image}", "build it")
        described = created.description
        if changes is not None:
            described = changed(part, described, changes)
        anew = (before or created).again(created.networks, described)
        if before is None and not anew.running:
            anew.begin()
        self.parts[part] = anew

    def description(self, part: Part) -> PartDescription:
        return self._get(part).description

    def on_host(self, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        self._raise_if_broken("on_host")
        self._need_helper()
        return self._run(Part.HOST, command, timeout_s)

    def pid(self, part: Part) -> int:
        return self._up(part).pid

    def isolate(
        self, part: Part, networks: Collection[str] | None = None
    ) -> Mapping[str, Sequence[str]]:
        self._called("isolate", part)
        found = self._get(part)
        chosen = list(found.networks) if networks is None else found.networks.keys() & set(networks)
        return {name: found.networks.pop(name) for name in sorted(chosen)}

    def rejoin(self, part: Part, networks: Mapping[str, Sequence[str]]) -> None:
        self._called("rejoin", part)
        found = self._get(part)
        for name, aliases in networks.items():
            found.networks.setdefault(name, list(aliases))

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        self._raise_if_broken("execute")
        if self._up(part).frozen:
            raise EnvironmentProblem(f"cannot run {command[0]} in {part}: frozen", "thaw it")
        return self._run(part, command, timeout_s)

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        self._called("put_files", part, folder)
        for name, content in files.items():
            self._get(part).files[f"{folder}/{name}"] = (content, OWNER_UID)

    @contextmanager
    def archive(self, part: Part, path: str) -> Iterator[Iterator[bytes]]:
        self._raise_if_broken("archive")
        content = tar_of(self._held(part), path)
        if content is None:
            raise EnvironmentProblem(f"cannot copy {path} out of {part}: no such file", "name one")
        yield iter([content[at : at + 1000] for at in range(0, len(content), 1000)])

    def _held(self, part: Part) -> Mapping[str, bytes | Path]:
        """The files of *part* by their path in it."""
        root = self.disks.get(part)
        if root is None:
            files = self._get(part).files.items()
            return {f"/site/{name}": content for name, (content, _) in files}
        found = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
        return {f"/{path.relative_to(root)}": path for path in found}

    def endpoint(self, part: Part, port: int) -> str:
        published = self._get(part).ports.get(port)
        if published is None or not self._get(part).running:
            raise EnvironmentProblem(f"port {port} of {part} is not published", "start it")
        return f"http://127.0.0.1:{published}"

    def logs(self, part: Part, *, tail: int | None = None, since: datetime | None = None) -> str:
        # nothing in memory is older than the test
        del since
        found = self.parts.get(part)
        lines = [] if found is None else found.printed
        return "\n".join(lines if tail is None else lines[-tail:])

    def memory_mb(self, part: Part) -> float | None:
        found = self.parts.get(part)
        return 1.0 if found is not None and found.running else None

    def crash(self, part: Part) -> None:
        """End *part*'s main process; its restart policy starts it again."""
        self._get(part).crash(143)

    def resolves(self, part: Part, alias: str) -> bool:
        """Whether *part* reaches a running part called *alias* over a network of both."""
        networks = set(self._get(part).networks)
        return any(
            each.running
            and any(alias in each.networks[name] for name in networks & set(each.networks))
            for each in self.parts.values()
        )

    def _run(self, part: Part, command: Sequence[str], timeout_s: float) -> Executed:
        words = list(command)
        if words[0] == "env" and "env" not in self.programs:
            words = list(dropwhile(lambda word: "=" in word, words[1:]))
        program = self.programs.get(words[0])
        if program is not None:
            return program(part, words)
        try:
            done = subprocess.run(
                list(command), capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Executed(TIMED_OUT, "", "")
        except FileNotFoundError as error:
            return Executed(NOT_FOUND, "", str(error))
        return Executed(
            done.returncode,
            done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"),
        )

    def _called(self, method: str, *arguments: str) -> None:
        self.calls.append((method, *map(str, arguments)))
        self._raise_if_broken(method)

    def _raise_if_broken(self, method: str) -> None:
        if method in self.broken:
            raise self.broken[method]

    def _need_helper(self) -> None:
        if not self.can & BY_HELPER:
            raise EnvironmentProblem("there is no privileged helper", "see `colordrill doctor`")

    def _up(self, part: Part) -> FakePart:
        found = self._get(part)
        if not found.running:
            raise EnvironmentProblem(f"{part} does not run", "start it")
        return found

    def _get(self, part: Part) -> FakePart:
        if part not in self.parts:
            raise EnvironmentProblem(f"there is no container {part}", "the stack never came up")
        return self.parts[part]
