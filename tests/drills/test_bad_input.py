"""What cannot be drilled: exit 4, one message with cause and next step, nothing left running."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drills.conftest import Ended, finish, start_colordrill


def run(tmp_path: Path, *arguments: str) -> Ended:
    return finish(start_colordrill("run", "host_power_loss", "--out", str(tmp_path), *arguments))


@pytest.mark.drill
def test_without_an_engine_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")

    ended = run(tmp_path / "runs")

    assert ended.exit_code == 4
    assert "colordrill doctor" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.drill
def test_an_image_that_does_not_exist_is_named(
    tmp_path: Path, containers: Callable[[], list[str]]
) -> None:
    ended = run(tmp_path, "--image", "colordrill.invalid/absent:1")

    assert ended.exit_code == 4
    assert "colordrill.invalid/absent:1 is not there" in ended.stderr
    assert "next step" in ended.stderr
    assert containers() == []


@pytest.mark.drill
def test_an_image_that_does_not_run_a_service_is_named_with_its_last_lines(
    tmp_path: Path, containers: Callable[[], list[str]]
) -> None:
    ended = run(tmp_path, "--image", "debian:trixie-slim")

    assert ended.exit_code == 4
    assert "ends again and again" in ended.stderr
    assert "next step" in ended.stderr
    assert containers() == []


@pytest.mark.drill
def test_an_image_that_answers_otherwise_than_comfyui_is_refused(
    tmp_path: Path, containers: Callable[[], list[str]], web_server_image: str
) -> None:
    ended = run(tmp_path, "--image", web_server_image)

    assert ended.exit_code == 4
    assert "ComfyUI" in ended.stderr
    assert containers() == []
