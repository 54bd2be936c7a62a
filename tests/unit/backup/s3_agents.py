"""Both sites' agents with `colordrill-s3`, and two buckets in memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from fakes.bucket import FakeStore
from fakes.points_on_disk import PROGRAMS
from unit.backup.s3_endpoint import STORE_MODULES

FIRST, SECOND, THIRD = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
FAILED, NOT_EMPTY, DAMAGED = 1, 3, 5
MODULES = (*STORE_MODULES, "s3_points", "site_listing", "site_volumes")
SITE = {"output/a.png": b"picture", "config/stack.env": b"IMAGE=x\n", "input/empty": b""}


@dataclass
class Waiting:
    """Time that passes where somebody sleeps."""

    now_s: float = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Agents:
    """Both sites' agents, and a bucket at each."""

    root: Path
    program: Any
    points: Any
    source: FakeStore
    replica: FakeStore
    capture: pytest.CaptureFixture[str]

    def at(self, site: str) -> None:
        """From now on programs run at *site*."""
        for name in ("program", "points"):
            module = getattr(self, name)
            if hasattr(module, "SITE"):
                module.SITE = self.root / site
        for name in ("site_listing", "site_volumes", "recovery_point"):
            module = import_module(name)
            module.__dict__["SITE"] = self.root / site

    def put(self, files: dict[str, bytes], site: str = "primary") -> None:
        for name, content in files.items():
            path = self.root / site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def run(self, *words: str, site: str = "primary") -> tuple[int, Any, str]:
        """Exit code, what was printed as data, and what was said."""
        self.at(site)
        sys.argv = ["colordrill-s3", *words]
        code = 0
        try:
            self.program.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed, said = self.capture.readouterr()
        return code, json.loads(printed) if printed else None, said

    def took(self, point: str) -> Any:
        code, told, said = self.run("take", point)
        assert code == 0, said
        return told

    def restored(self, point: str) -> dict[str, bytes]:
        code, _, said = self.run("restore", point, site="dr")
        assert code == 0, said
        return self.held("dr")

    def held(self, site: str) -> dict[str, bytes]:
        files = (path for path in (self.root / site).rglob("*") if path.is_file())
        return {str(path.relative_to(self.root / site)): path.read_bytes() for path in files}

    def listed(self) -> list[str]:
        return [each["point"] for each in self.run("list")[1]]

    def version(self, point: str, name: str) -> tuple[str, str]:
        """The version that *point* names of the file *name*."""
        found = self.points.manifests(self.replica)[point]
        entry = json.loads(self.replica.objects[found])["files"][name]
        return self.points.key_of(name), entry["version"]


@contextmanager
def agents_at(
    root: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
) -> Iterator[Agents]:
    """Empty sites below *root*, and no point."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.syspath_prepend(str(PROGRAMS))
    store, points = import_module("s3_store"), import_module("s3_points")
    loader = SourceFileLoader("colordrill_s3", str(PROGRAMS / "colordrill-s3"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    program = module_from_spec(spec)
    loader.exec_module(program)
    replica = FakeStore(store, "the DR site's bucket")
    source = FakeStore(store, "the primary's bucket", replica=replica)
    monkeypatch.setattr(program, "at_primary", lambda: source)
    monkeypatch.setattr(program, "at_dr", lambda: replica)
    # no signal handler stays behind
    monkeypatch.setattr(program, "end_by_exception", lambda: None)
    monkeypatch.setattr(program, "empty_again", import_module("site_volumes").empty_again)
    monkeypatch.setattr(import_module("site_volumes").signal, "signal", lambda *_: None)
    monkeypatch.setattr(points, "time", Waiting())
    for site in ("primary", "dr"):
        for folder in ("input", "output", "workflows", "models", "config"):
            (root / site / folder).mkdir(parents=True)
    yield Agents(root, program, points, source, replica, capture)
    for name in MODULES:
        sys.modules.pop(name, None)
