"""What tests of the backup server's programs share: its disk, and its modules in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS, PointsOnDisk


@pytest.fixture
def disk(tmp_path: Path) -> PointsOnDisk:
    """A backup server without points."""
    disk = PointsOnDisk(tmp_path / "backup")
    disk.prepare()
    return disk


@pytest.fixture
def store(disk: PointsOnDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The server's module `point_store`, on *disk*."""
    monkeypatch.setenv("BACKUP_ROOT", str(disk.root))
    # nothing is written among the programs: an image is tagged by what it is built from
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    yield import_module("point_store")
    for name in ("point_store", "recovery_point", "retention"):
        sys.modules.pop(name, None)
