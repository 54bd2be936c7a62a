"""One reference service for all clients, and the photo that they colour."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients.expectation import small_photo
from clients.reference import Reference, running_reference


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    with running_reference(tmp_path_factory.mktemp("reference")) as started:
        yield started


@pytest.fixture(scope="session")
def photo() -> bytes:
    return small_photo()
