"""What contract suites share: the marker and the engine that the containers need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config

from colordrill.errors import ColordrillError
from colordrill.stack.images import ensure_images
from colordrill.stack.runs import Run, owned_run
from colordrill.stack.sweep import remove_run

# its reaper is an image of its own, from a registry; what these tests start carries a run's label
# and is swept at the next start
testcontainers_config.ryuk_disabled = True


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "docker: needs a Docker engine")


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A client of the engine; without one these tests are skipped, but never in CI."""
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Docker engine answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image_of(engine: Any) -> Callable[[str], str]:
    """The reference of a bundled image by name; built if it is not there."""
    assert engine.ping()

    def reference(name: str) -> str:
        try:
            return ensure_images([name], print)[name].reference
        except ColordrillError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the image {name} cannot be had here: {error}")

    return reference


@pytest.fixture(scope="module")
def run(engine: Any) -> Iterator[Run]:
    """A run that owns what a module starts: all with its label is removed at the module's end."""
    with owned_run() as run:
        try:
            yield run
        finally:
            remove_run(run.id)
