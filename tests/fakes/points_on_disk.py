"""Recovery points in a folder, and the backup server's own programs at work on them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from colordrill.data import fixtures

PROGRAMS = fixtures() / "images/backup/bin"


def program(name: str) -> Any:
    """A program as a module; where its own modules are found is the caller's to see to."""
    loader = SourceFileLoader(name.replace("-", "_"), str(PROGRAMS / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a program."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class PointsOnDisk:
    """A backup server's disk below *root*."""

    root: Path

    @property
    def points(self) -> Path:
        return self.root / "points"

    def prepare(self) -> None:
        for name in ("points", "incoming", "publishing", "verified", "leases", "deleting"):
            (self.root / name).mkdir(parents=True)

    def put(self, point: str, files: Mapping[str, bytes], previous: str | None = None) -> Path:
        """Publish a point; what is the same in *previous* becomes a hard link to it."""
        directory = self.points / point
        directory.mkdir()
        entries = {}
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            older = self.points / (previous or "") / name
            if previous and older.is_file() and older.read_bytes() == content:
                path.hardlink_to(older)
            else:
                path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            entries[name] = {"sha256": digest, "bytes": len(content)}
        manifest = {"point": point, "strategy": "rsync", "files": entries}
        (directory / "MANIFEST.json").write_text(json.dumps(manifest))
        return directory

    def run(self, program: str, *words: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-B", str(PROGRAMS / program), *words],
            env={**os.environ, "BACKUP_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def checked(self, program: str, *words: str) -> Any:
        """What a program told that must succeed."""
        ended = self.run(program, *words)
        assert ended.exit_code == 0, ended
        return ended.told

    def listed(self) -> list[str]:
        return [each["point"] for each in self.checked("colordrill-points")]

    def verified(self, point: str) -> Any:
        """What the catalogue says of the verification of *point*."""
        (told,) = (each for each in self.checked("colordrill-points") if each["point"] == point)
        return told["verified"]

    def tree(self) -> dict[str, bytes]:
        """Every file of every published point."""
        files = (path for path in self.points.rglob("*") if path.is_file())
        return {str(path.relative_to(self.points)): path.read_bytes() for path in files}
