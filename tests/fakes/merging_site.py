"""A site in a folder, and the program that merges another site's points into it."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS

Tree = Mapping[str, bytes]
BASE, FIRST, FINAL = "20261122T201530.123Z", "20261122T211500.000Z", "20261122T211600.000Z"
CANARIES = "verifycan-"


class Killed(BaseException):
    """The program is gone in the middle of its work."""


class MergingSite:
    """`colordrill-merge` in this process; its backup server is a dictionary.

    Attributes:
        root: where the site is.
        points: what the backup server holds.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SITE_ROOT", str(root))
        # each of them looks for the site when it is imported
        for name in ("recovery_point", "site_volumes", "earlier_restore", "lease", "taking_place"):
            sys.modules.pop(name, None)
        self.root = root
        self.points: dict[str, Tree] = {}
        self.program = _program("colordrill-merge")
        assert root == self.program.SITE
        self.damaged: set[str] = set()
        monkeypatch.setattr(self.program, "manifest_files", self._manifest)
        monkeypatch.setattr(self.program, "bring", self._bring)
        monkeypatch.setattr(self.program, "lease", lambda _point: nullcontext())
        monkeypatch.setattr(self.program, "flush", lambda: None)

    def put(self, tree: Tree) -> None:
        """Let the site hold this and nothing else."""
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in ("input", "output", "workflows", "models", "config"):
            (self.root / folder).mkdir(parents=True)
        for name, content in tree.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)

    def held(self) -> dict[str, bytes]:
        found = (path for path in self.root.rglob("*") if path.is_file() or path.is_symlink())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}

    def merge(self, point: str, **more: Any) -> dict[str, Any]:
        """Merge *point*; `BASE` is what the other site was restored from, where there is one."""
        asked: dict[str, Any] = {
            "point": point,
            "base": BASE if BASE in self.points else None,
            "merged": [],
            "mark": BASE,
            "canaries": CANARIES,
            "dry_run": False,
            "unpublished": False,
        }
        told: dict[str, Any] = self.program.merge(argparse.Namespace(**asked | more))
        return told

    def merge_killed(self, after: int, point: str, **more: Any) -> bool:
        """Whether a merge was killed after so many renames and removals; else it ended before."""
        left = after

        def killable(act: Any) -> Any:
            def acting(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return act(*arguments, **named)

            return acting

        with pytest.MonkeyPatch.context() as patched:
            for name in ("rename", "replace", "unlink"):
                patched.setattr(Path, name, killable(getattr(Path, name)))
            try:
                self.merge(point, **more)
            except Killed:
                return True
        return False

    def _manifest(self, point: str, _kept_in: str = "points") -> Any:
        return {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in self.points[point].items()
        }

    def _bring(self, point: str, files: Any, staged: Path) -> None:
        if point in self.damaged:
            raise self.program.DamagedError(f"{point} is damaged")
        for name in files:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_bytes(self.points[point][name])


def _program(name: str) -> Any:
    loader = SourceFileLoader(name.replace("-", "_"), str(PROGRAMS / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@contextmanager
def merging_site(root: Path) -> Iterator[MergingSite]:
    """A site whose programs' modules can be imported; see the fixture `store`."""
    with pytest.MonkeyPatch.context() as patched:
        yield MergingSite(root, patched)
