"""Brings up a small site on the virtual disk, one per module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from colordrill.stack.runs import Run
from fakes.disk_lab import DiskLab, disk_lab


@pytest.fixture(scope="module")
def standing(run: Run, image_of: Callable[[str], str]) -> Iterator[DiskLab]:
    """One site for a module's tests."""
    with disk_lab(run, image_of) as lab:
        yield lab


@pytest.fixture
def lab(standing: DiskLab) -> DiskLab:
    """The site, up, empty and sound."""
    standing.reset()
    return standing
