"""Removes what runs leave: their own at the end, and at the next start what a killed one left.

Everything of a stack carries two labels, its run and its owner. Removing means: remove, look again,
and be content only when nothing with the label is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from colordrill.clock import Clock, SystemClock, poll
from colordrill.errors import EnvironmentProblem
from colordrill.stack.disk import DISK_LABEL, PROGRAM
from colordrill.stack.runs import (
    KEPT,
    OWNER_LABEL,
    RUN_LABEL,
    lives,
    owner,
    registry,
    remove_directory,
    state_directory,
)

REMOVE_LIMIT_S = 60.0
HOST_IMAGES = "colordrill.image=host"
"""Label of the images that can take a virtual disk down."""


def sweep(say: Callable[[str], None], *, kept_too: bool = False, clock: Clock | None = None) -> int:
    """Remove what this user's dead runs left: containers, networks, volumes, private directories.

    Never touches a run whose process lives, nor another user's, and a kept one only with
    *kept_too*. Returns the number of runs removed.

    Raises:
        EnvironmentProblem: the engine does not answer, or something could not be removed.
    """
    runs = state_directory() / "runs"
    swept = 0
    with _engine("remove what an earlier run left behind") as client, registry():
        listed = {each.name for each in runs.iterdir()} if runs.is_dir() else set()
        for run_id in sorted(listed | _labelled(client)):
            directory = runs / run_id
            kept = (directory / KEPT).exists()
            if lives(directory):
                if kept and kept_too:
                    say(f"the kept stack {run_id} is in use, by a drill or a schedule: it stays")
                continue
            if kept and not kept_too:
                continue
            say(f"removing what the ended run {run_id} left behind")
            _remove_all(client, run_id, clock or SystemClock())
            remove_directory(directory)
            swept += 1
    return swept


def remove_run(run_id: str, clock: Clock | None = None) -> None:
    """Remove every container, network and volume of *run_id*, and see that none is left.

    Raises:
        EnvironmentProblem: the engine does not answer, or something is still there after 60 s.
    """
    with _engine(f"remove the stack of run {run_id}") as client:
        _remove_all(client, run_id, clock or SystemClock())


def _remove_all(client: Any, run_id: str, clock: Clock) -> None:
    label = {"label": f"{RUN_LABEL}={run_id}"}

    def removed() -> bool | None:
        found = list(_found(client, label))
        for remove in found:
            _remove(remove)
        # only a look that finds nothing is the end: removal may be half-way when it returns
        return None if found else True

    poll(clock, removed, awaited=f"run {run_id} to be removed", timeout_s=REMOVE_LIMIT_S)


def _found(client: Any, label: dict[str, str]) -> Iterator[Callable[[], None]]:
    for container in client.containers.list(all=True, filters=label, ignore_removed=True):
        yield partial(container.remove, force=True, v=True)
    for network in client.networks.list(filters=label):
        yield network.remove
    volumes = client.volumes.list(filters=label)
    for image in {each.attrs["Labels"].get(DISK_LABEL) for each in volumes} - {None}:
        # after the containers that use it and before the volumes that lie on it
        yield partial(_take_down_disk, client, image, label)
    for volume in volumes:
        yield partial(volume.remove, force=True)


def _take_down_disk(client: Any, image: str, label: dict[str, str]) -> None:
    """Unmount a run's virtual disk and free its loop device: the engine knows of neither."""
    run_label, _, run_id = label["label"].partition("=")
    present = [each.id for each in client.images.list(filters={"label": HOST_IMAGES})]
    if not present:
        raise EnvironmentProblem(
            f"the virtual disk of run {run_id} cannot be taken down: image {image} is gone",
            "run any drill on a disk, which builds it again; then `colordrill down`",
        )
    own = client.images.list(name=image)
    client.containers.run(
        image if own else present[0],
        [PROGRAM, "detach"],
        environment={"COLORDRILL_RUN": run_id},
        labels={run_label: run_id, OWNER_LABEL: owner()},
        privileged=True,
        pid_mode="host",
        network_mode="none",
        volumes=["/dev:/dev"],
        remove=True,
    )


def _remove(remove: Callable[[], None]) -> None:
    try:
        remove()
    except NotFound:
        return
    except APIError as error:
        # conflict: somebody is removing it, or what uses it is still going; the next look decides
        if error.status_code not in {requests.codes.conflict, requests.codes.forbidden}:
            raise


def _labelled(client: Any) -> set[str]:
    """Ids of this owner's runs of which the engine holds something."""
    mine = {"label": f"{OWNER_LABEL}={owner()}"}
    containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
    found = {each.labels.get(RUN_LABEL) for each in containers}
    for collection in (client.networks, client.volumes):
        found |= {each.attrs["Labels"].get(RUN_LABEL) for each in collection.list(filters=mine)}
    return {each for each in found if each}


@contextmanager
def _engine(doing: str) -> Iterator[Any]:
    try:
        client = docker.from_env(timeout=60)
        try:
            yield client
        finally:
            client.close()
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentProblem(
            f"cannot {doing}: {error}",
            "see `colordrill doctor`; is the Docker engine running?",
        ) from error
