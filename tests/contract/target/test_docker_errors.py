"""What the Docker target says when the engine does not play along; needs no engine."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.docker_target import DockerTarget


# the docker package leaves its socket open when the engine is not there
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scheme", ["unix://{}/absent.sock", "tcp://127.0.0.1:9", "nonsense://x"])
def test_an_engine_that_cannot_be_reached_is_named_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", scheme.format(tmp_path))

    with pytest.raises(EnvironmentProblem, match="connect to the Docker engine") as caught:
        DockerTarget("colordrill-x")
    gc.collect()

    assert "colordrill doctor" in caught.value.next_step
