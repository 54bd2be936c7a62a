"""What tests of backups share: a server's disk and modules, and a schedule in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from colordrill.backup.schedule import BackupSchedule
from colordrill.history import History
from fakes.backup_programs import Programs
from fakes.clock import ManualClock
from fakes.kept_points import FILES, POINTS
from fakes.points_on_disk import PROGRAMS, PointsOnDisk
from unit.backup.s3_agents import Agents, agents_at

MODULES = (
    "point_store",
    "recovery_point",
    "seen_files",
    "site_listing",
    "retention",
    "offsite_checks",
    "site_volumes",
    "site_listing",
    "earlier_restore",
    "known_manifests",
    "restic_command",
    "offsite_repository",
    "offsite_restore",
    "merge_plan",
    "lease",
)
HORIZON_S, INTERVAL_S = 20.0, 4.0


@pytest.fixture
def disk(tmp_path: Path) -> PointsOnDisk:
    """A backup server without points."""
    disk = PointsOnDisk(tmp_path / "backup")
    disk.prepare()
    return disk


@pytest.fixture
def full(disk: PointsOnDisk) -> PointsOnDisk:
    """Five points; each shares its unchanged files with the one before."""
    previous = None
    for point in POINTS:
        disk.put(point, {**FILES, "output/own.png": point.encode()}, previous)
        previous = point
    return disk


@pytest.fixture
def store(disk: PointsOnDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The server's module `point_store`, on *disk*."""
    monkeypatch.setenv("BACKUP_ROOT", str(disk.root))
    # nothing is written among the programs: an image is tagged by what it is built from
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    yield import_module("point_store")
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Agents]:
    """Both sites' agents, a bucket at each site."""
    with agents_at(tmp_path, monkeypatch, capsys) as agents:
        yield agents


@pytest.fixture
def clock() -> ManualClock:
    """Stands still after twenty seconds, so that a schedule comes to an end."""
    return ManualClock(horizon_s=HORIZON_S)


@pytest.fixture
def programs(clock: ManualClock) -> Programs:
    return Programs(clock)


@pytest.fixture
def schedule(programs: Programs, history: History, clock: ManualClock) -> BackupSchedule:
    """A point every four seconds."""
    return BackupSchedule(programs.target(), history, clock, INTERVAL_S)
