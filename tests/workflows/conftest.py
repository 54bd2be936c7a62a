"""One reference service for all, and copies of the bundled workflows that may be damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.reference import Reference, running_reference
from colordrill.data import fixtures


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    with running_reference(tmp_path_factory.mktemp("reference")) as started:
        yield started


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(fixtures() / "workflows", tmp_path / "workflows"))
