"""One compose project on a Docker engine: its containers found, its calls bounded and explained."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import docker
import requests
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed

ENGINE_TIMEOUT_S = 30
ENGINE_GRACE_S = 10.0
"""What a command may take beyond its own limit before the engine counts as hung."""

LONG_S, CLEANING_UP_S = 300.0, 60.0
"""A command with a limit so long moves much: told to end, it has so long to take that back."""

Result = TypeVar("Result")


@dataclass(slots=True)
class Engine:
    """The engine that the environment names (DOCKER_HOST or the default), for one project.

    Args:
        project: the compose project's name.
    """

    project: str
    client: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Connect to the engine."""
        with engine_errors("connect to the Docker engine"):
            self.client = docker.from_env(timeout=ENGINE_TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def find(self, part: Part) -> Container | None:
        """The container of *part* as it is now; None where there is none."""
        labels = [
            f"com.docker.compose.project={self.project}",
            f"com.docker.compose.service={part}",
        ]
        # one that goes between the two requests that a listing takes is simply not there
        found = self.client.containers.list(
            all=True, filters={"label": labels}, ignore_removed=True
        )
        return found[0] if found else None

    def get(self, part: Part) -> Container:
        """The container of *part*; an EnvironmentProblem where there is none."""
        found = self.find(part)
        if found is None:
            raise EnvironmentProblem(
                f"there is no container {part} in {self.project}",
                "the stack was removed or never came up; see the run's logs/",
            )
        return found

    def execute(self, container: Container, command: Sequence[str], timeout_s: float) -> Executed:
        """Run *command* in *container*; `timeout` inside the container enforces the limit."""
        to_clean_up_s = CLEANING_UP_S if timeout_s >= LONG_S else 1.0
        bounded = ["timeout", f"--kill-after={to_clean_up_s:g}", f"{timeout_s:g}", *command]
        call = partial(_execute, self.client.api, str(container.id), bounded)
        exit_code, stdout, stderr = _within(timeout_s + to_clean_up_s + ENGINE_GRACE_S, call)
        return Executed(
            exit_code=-1 if exit_code is None else exit_code,
            stdout=(stdout or b"").decode("utf-8", "replace"),
            stderr=(stderr or b"").decode("utf-8", "replace"),
        )


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn whatever the engine refuses or fails in into an EnvironmentProblem about *doing*."""
    try:
        yield
    except NotFound as error:
        raise EnvironmentProblem(
            f"cannot {doing}: {error.explanation}",
            "a part of the stack was removed meanwhile; see the run's logs/",
        ) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise EnvironmentProblem(
            f"cannot {doing}: {error}", "see `colordrill doctor`; is the Docker engine running?"
        ) from error


def _execute(api: Any, container_id: str, command: list[str]) -> tuple[int | None, bytes, bytes]:
    created = api.exec_create(container_id, command)
    stdout, stderr = api.exec_start(created["Id"], demux=True)
    return api.exec_inspect(created["Id"])["ExitCode"], stdout, stderr


def _within(limit_s: float, call: Callable[[], Result]) -> Result:
    """Call in a thread of its own, because the engine's socket has no time-out while it streams.

    Raises:
        EnvironmentProblem: no answer within *limit_s*; the thread is left behind.
    """
    ended: Future[Result] = Future()

    def run() -> None:
        try:
            ended.set_result(call())
        except BaseException as error:  # noqa: BLE001 (handed to the caller)
            ended.set_exception(error)

    threading.Thread(target=run, name="engine call", daemon=True).start()
    try:
        return ended.result(timeout=limit_s)
    except FutureTimeout as error:
        raise EnvironmentProblem(f"the engine did not answer within {limit_s:g} s") from error
