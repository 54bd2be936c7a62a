"""Runs the real command line in a process of its own, as users and pipelines do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from colordrill.stack.images import ensure_images
from colordrill.stack.runs import RUN_LABEL

DRILL_LIMIT_S = 900


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def record(self) -> dict[str, Any]:
        """The record that ``--json`` printed."""
        record: dict[str, Any] = json.loads(self.stdout)
        return record

    def failing_checks(self) -> set[str]:
        """Names of the checks with verdict ``fail``."""
        return {each["name"] for each in self.record["checks"] if each["verdict"] == "fail"}


def start_colordrill(*arguments: str) -> subprocess.Popen[str]:
    """Start ``colordrill`` without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "colordrill.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def finish(process: subprocess.Popen[str]) -> Ended:
    """Wait for a started command; its messages go to this test's output."""
    stdout, stderr = process.communicate(timeout=DRILL_LIMIT_S)
    sys.stderr.write(stderr)
    return Ended(process.returncode, stdout, stderr)


@pytest.fixture
def colordrill(tmp_path: Path) -> Callable[..., Ended]:
    """Run ``colordrill run ARGUMENTS --json`` to its end."""

    def run(*arguments: str) -> Ended:
        return finish(start_colordrill("run", *arguments, "--json", "--out", str(tmp_path)))

    return run


@pytest.fixture
def containers() -> Iterator[Callable[[], list[str]]]:
    """Names of the containers with colordrill's label that came during the test, running or not.

    The session's own shared stack may stand there from an earlier test.
    """
    client = docker.from_env()

    def names() -> list[str]:
        found = client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True)
        return sorted(str(each.name) for each in found)

    before = set(names())
    yield lambda: [name for name in names() if name not in before]
    client.close()


WEB_SERVER = """
FROM {base}
WORKDIR /tmp
ENTRYPOINT ["tini", "--", "python3", "-m", "http.server", "8188"]
"""


@pytest.fixture(scope="session")
def web_server_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that serves HTTP on ComfyUI's port and is no ComfyUI."""
    base = ensure_images(["backup"], print)["backup"].reference
    context = tmp_path_factory.mktemp("web-server")
    (context / "Dockerfile").write_text(WEB_SERVER.format(base=base), encoding="utf-8")
    name = "colordrill/test-web-server:1"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, str(context)], check=True)
    return name
