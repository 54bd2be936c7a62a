"""What runs and their sweep ask of a Docker engine, in memory; and a real other process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from docker.errors import NotFound

from colordrill.stack.runs import OWNER_LABEL, OWNER_LOCK, RUN_LABEL, owner, state_directory


@dataclass
class Thing:
    """A container, network or volume with a run's labels.

    Its first removal raises *error*, every one does if *stubborn*; NotFound means that it is gone.
    """

    run: str
    removals: list[str]
    error: Exception | None = None
    owner: str = field(default_factory=owner)
    stubborn: bool = False
    gone: bool = False

    @property
    def labels(self) -> dict[str, str]:
        return {RUN_LABEL: self.run, OWNER_LABEL: self.owner}

    @property
    def attrs(self) -> dict[str, dict[str, str]]:
        return {"Labels": self.labels}

    def remove(self, **_: object) -> None:
        error = self.error
        if error is not None:
            if not self.stubborn:
                self.error = None
            self.gone = isinstance(error, NotFound)
            raise error
        self.gone = True
        self.removals.append(self.run)


@dataclass
class Collection:
    """Things of one kind, found by a label and its value."""

    things: list[Thing] = field(default_factory=list)

    def list(self, *, filters: dict[str, str], **_: object) -> list[Thing]:
        label, value = filters["label"].split("=", 1)
        return [each for each in self.things if not each.gone and each.labels[label] == value]


@dataclass
class Engine:
    """What the sweep asks of Docker."""

    containers: Collection = field(default_factory=Collection)
    networks: Collection = field(default_factory=Collection)
    volumes: Collection = field(default_factory=Collection)
    removed: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Nothing to close."""

    def holds(self, run: str, error: Exception | None = None) -> None:
        """A run's container, network and volume; dead unless somebody holds its lock."""
        directory = state_directory() / "runs" / run
        directory.mkdir(parents=True, exist_ok=True)
        (directory / OWNER_LOCK).touch()
        for collection in (self.containers, self.networks, self.volumes):
            collection.things.append(Thing(run, self.removed, error))


@contextmanager
def another_process(body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has done *body* when the block starts, and ends with it."""
    program = f"import sys\n{body}\nprint('ready', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
        process.kill()
