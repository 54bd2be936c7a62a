from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.labs import Lab, docker_lab, memory_lab, restore


@pytest.fixture(scope="module", params=["memory", pytest.param("docker", marks=pytest.mark.docker)])
def standing(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """One stack for a module's tests."""
    if request.param == "memory":
        yield memory_lab()
        return
    image_of = request.getfixturevalue("image_of")
    images = image_of("backup"), image_of("host")
    with docker_lab(request.getfixturevalue("run"), *images) as lab:
        yield lab


@pytest.fixture
def lab(standing: Lab) -> Iterator[Lab]:
    """The stack; what a test killed or cut is brought back after it."""
    yield standing
    restore(standing)
