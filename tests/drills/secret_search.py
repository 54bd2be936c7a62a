"""Where a run's secrets can be read by somebody whom they are not for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from colordrill.stack.runs import RUN_LABEL

SECRETS_FILE = "stack.env"
SECRET = re.compile(r"^(?P<name>\w*(?:PASSWORD|KEY))=(?P<value>\S+)$", re.MULTILINE)
EVERY_S = 0.02

Place = tuple[str, bytes]


def secrets_of(directory: Path) -> dict[str, bytes]:
    """Every password and key of the run with this private directory, by name."""
    content = (directory / SECRETS_FILE).read_text(encoding="utf-8")
    return {found["name"]: found["value"].encode() for found in SECRET.finditer(content)}


def told(secrets: Mapping[str, bytes], places: Iterable[Place]) -> list[str]:
    """Which secret can be read where."""
    return [
        f"{name} in {place}"
        for place, content in places
        for name, secret in secrets.items()
        if secret in content
    ]


def files_below(directory: Path) -> Iterator[Place]:
    """Every file below *directory*, but the one that the secrets are kept in."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != SECRETS_FILE:
            yield str(path), path.read_bytes()


def logs_and_images(engine: Any, run_id: str) -> Iterator[Place]:
    """What each of the run's containers has logged, and how its image was made."""
    label = {"label": f"{RUN_LABEL}={run_id}"}
    for each in engine.containers.list(all=True, filters=label):
        yield f"the log of {each.name}", each.logs()
        made = [each.image.attrs["Config"], each.image.history()]
        yield f"the image of {each.name}", json.dumps(made).encode()


class CommandLines:
    """Reads the command lines of all processes of this machine, and of its containers.

    Attributes:
        seen: every one of them that was met while the block ran.
    """

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._reader.join()

    def places(self) -> Iterator[Place]:
        """The command lines, to be searched."""
        return ((f"the command line {each[:60]!r}…", each) for each in sorted(self.seen))

    def _read(self) -> None:
        while not self._ended.wait(EVERY_S):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(entry.read_bytes())
