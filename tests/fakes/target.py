"""A Target in memory: the same contract as the one over Docker (tests/contract/target)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Capability, Executed, PartState

TIMED_OUT = 124
NOT_FOUND = 127
OWNER_UID = 1000

Program = Callable[[Part, Sequence[str]], Executed]


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


@dataclass(slots=True)
class FakeTarget:
    """A stack in memory.

    A command whose first word is in `programs` is answered by that program; any other really runs,
    on this machine and without a shell, so that exit codes and output are real ones.

    Attributes:
        parts: what exists.
        programs: first word of a command to what answers it.
        can: the capabilities.
        calls: every call that changes something, in order.
        broken: method name to the error that its next calls raise.
    """

    parts: dict[Part, FakePart] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    can: frozenset[Capability] = frozenset(Capability)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    _isolated: dict[Part, dict[str, list[str]]] = field(init=False, default_factory=dict)

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
        )

    def start(self, part: Part) -> None:
        self._called("start", part)
        found = self._get(part)
        if not found.running:
            found.running, found.restarts = True, 0

    def kill(self, parts: Sequence[Part]) -> None:
        self._called("kill", *parts)
        found = [self._get(part) for part in parts]
        for each in found:
            if each.running:
                each.running, each.exit_code = False, 137

    def isolate(self, part: Part) -> None:
        self._called("isolate", part)
        found = self._get(part)
        self._isolated.setdefault(part, dict(found.networks))
        found.networks.clear()

    def rejoin(self, part: Part) -> None:
        self._called("rejoin", part)
        self._get(part).networks.update(self._isolated.pop(part, {}))

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        self._raise_if_broken("execute")
        if not self._get(part).running:
            raise EnvironmentProblem(f"cannot run {command[0]} in {part}: not running", "start it")
        program = self.programs.get(command[0])
        if program is not None:
            return program(part, command)
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

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        self._called("put_files", part, folder)
        for name, content in files.items():
            self._get(part).files[f"{folder}/{name}"] = (content, OWNER_UID)

    def endpoint(self, part: Part, port: int) -> str:
        published = self._get(part).ports.get(port)
        if published is None or not self._get(part).running:
            raise EnvironmentProblem(f"port {port} of {part} is not published", "start it")
        return f"http://127.0.0.1:{published}"

    def logs(self, part: Part, *, tail: int | None = None) -> str:
        found = self.parts.get(part)
        lines = [] if found is None else found.printed
        return "\n".join(lines if tail is None else lines[-tail:])

    def memory_mb(self, part: Part) -> float | None:
        found = self.parts.get(part)
        return 1.0 if found is not None and found.running else None

    def crash(self, part: Part) -> None:
        """End *part*'s main process; its restart policy starts it again."""
        self._get(part).restarts += 1

    def resolves(self, part: Part, alias: str) -> bool:
        """Whether *part* reaches a running part called *alias* over a network of both."""
        networks = set(self._get(part).networks)
        return any(
            each.running
            and any(alias in each.networks[name] for name in networks & set(each.networks))
            for each in self.parts.values()
        )

    def _called(self, method: str, *arguments: str) -> None:
        self.calls.append((method, *map(str, arguments)))
        self._raise_if_broken(method)

    def _raise_if_broken(self, method: str) -> None:
        if method in self.broken:
            raise self.broken[method]

    def _get(self, part: Part) -> FakePart:
        if part not in self.parts:
            raise EnvironmentProblem(f"there is no container {part}", "the stack never came up")
        return self.parts[part]
