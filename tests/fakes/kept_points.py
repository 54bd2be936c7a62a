"""Five points on a backup server's disk, and leases on them."""

from __future__ import annotations

import os
from pathlib import Path

from fakes.points_on_disk import PointsOnDisk

POINTS = [f"20261122T20153{number}.123Z" for number in range(5)]
FILES = {"output/same.png": b"the same in all" * 100, "workflows/person.json": b"{}"}


def lease(disk: PointsOnDisk, name: str, content: str = "", age_s: float = 0.0) -> Path:
    """A lease that is held, as all are without content."""
    path = disk.root / "leases" / (name if name.startswith(".") else f"{name}.word")
    path.write_text(content)
    written = path.stat().st_mtime - age_s
    os.utime(path, (written, written))
    return path
