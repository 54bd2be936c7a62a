"""A bucket with versions, in memory, as the agents' programs use one."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Version = tuple[str, str]
BLOCK = 4


@dataclass
class FakeStore:
    """One bucket; what is added to it is replicated at once, if it is replicated.

    Attributes:
        errors: the module of the real one, whose errors are raised.
        called: how messages call it.
        objects: the content of each version, the oldest first.
        replica: what is added goes there too.
        unlisted: versions that are there and that no listing shows.
        unreadable: versions whose content cannot be read.
        down: whether it cannot be reached.
        before_put: called with the key of what is added, before that.
        when_asked: called when somebody looks whether it answers.
        puts: keys of what was added.
        reminded: versions that were asked for.
    """

    errors: Any
    called: str = "the bucket"
    objects: dict[Version, bytes] = field(default_factory=dict)
    replica: FakeStore | None = None
    unlisted: set[Version] = field(default_factory=set)
    unreadable: set[Version] = field(default_factory=set)
    down: bool = False
    before_put: Callable[[str], object] = str
    when_asked: Callable[[], object] = tuple
    puts: list[str] = field(default_factory=list)
    reminded: list[Version] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, key: str, body: Any, sha256: str, *, once: bool = False) -> str:
        self._reach()
        self.before_put(key)
        try:
            content = body if isinstance(body, bytes) else body.read()
        except OSError as error:
            raise self.errors.ChangedError("it became shorter") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise self.errors.ChangedError("it has another hash")
        if once and any(each == key for each, _ in self.objects):
            raise self.errors.ThereAlreadyError(f"{key} is there already")
        number = f"v{next(self._numbers)}"
        self.puts.append(key)
        self.objects[key, number] = content
        if self.replica is not None:
            self.replica.objects[key, number] = content
        return number

    def look(self, version: Version) -> Any:
        self._reach()
        self.reminded.append(version)
        content = self.objects.get(version)
        if content is None:
            return None
        return self.errors.Stored(len(content), hashlib.sha256(content).hexdigest())

    def versions(self, prefix: str) -> Iterator[tuple[Version, int]]:
        self._reach()
        for version, content in reversed(self.objects.items()):
            if version[0].startswith(prefix) and version not in self.unlisted:
                yield version, len(content)

    def read(self, version: Version) -> Iterator[bytes]:
        self._reach()
        content = self.objects.get(version)
        if content is None:
            raise self.errors.BrokenReadError("NoSuchVersion")
        for at in range(0, len(content), BLOCK):
            yield content[at : at + BLOCK]
            if version in self.unreadable:
                raise self.errors.BrokenReadError("it broke off")

    def answers(self) -> None:
        self.when_asked()
        self._reach()

    def _reach(self) -> None:
        if self.down:
            raise self.errors.UnreachableError(f"{self.called} cannot be reached")
