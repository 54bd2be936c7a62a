"""Whom the files of a site belong to: the user that the colorization image runs as.

The agents that back up and restore run as the same user, so that they may read whatever the service
wrote, and so that what they restore belongs to the service again.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import DockerException, NotFound

from colordrill.errors import EnvironmentProblem

USERS_FILE = "/etc/passwd"
ENGINE_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and a group, as numbers."""

    uid: int
    gid: int

    def __str__(self) -> str:
        """As the engine takes it: ``UID:GID``."""
        return f"{self.uid}:{self.gid}"


BUNDLED_OWNER = Owner(1000, 1000)
"""The user of the bundled service's image."""


def parse_owner(user: str, passwd: str) -> Owner:
    """The owner that an image's or a setting's *user* stands for.

    Args:
        user: as in a Dockerfile: a name or number, with or without a group; empty is root.
        passwd: the image's /etc/passwd, empty where it has none.

    Raises:
        EnvironmentProblem: a name that *passwd* does not list.
    """
    name, _, group = user.partition(":")
    uids, gids = {}, {}
    for line in passwd.splitlines():
        with suppress(ValueError):
            known, _, uid, gid, *_ = line.split(":")
            uids[known], gids[uid] = uid, gid
    number = uids.get(name, name or "0")
    if not number.isdigit() or (group and not group.isdigit()):
        raise EnvironmentProblem(
            f"the image runs as {user!r}, which its {USERS_FILE} does not explain",
            "set service.user to UID:GID in numbers",
        )
    # as the engine does it: a number that no entry explains has group 0
    return Owner(int(number), int(group or gids.get(number, "0")))


def owner_of_image(reference: str, user: str | None, labels: dict[str, str]) -> Owner:
    """Whom the files belong to that *reference* writes.

    Args:
        reference: an image that the engine has.
        user: what it is run as; None is the image's own user.
        labels: for the container that is made to look into the image; it is never started.

    Raises:
        EnvironmentProblem: the engine does not answer, or the user cannot be found out.
    """
    try:
        with _engine() as client:
            if user is None:
                user = str(client.images.get(reference).attrs["Config"].get("User") or "")
            in_numbers = user.count(":") == 1 and user.replace(":", "").isdigit()
            if not user or in_numbers:
                return parse_owner(user, "")
            return parse_owner(user, _passwd(client, reference, labels))
    except (DockerException, requests.RequestException, OSError) as error:
        raise EnvironmentProblem(
            f"the user of image {reference} cannot be found out: {error}",
            "see `colordrill doctor`, or set service.user to UID:GID in numbers",
        ) from error


def _passwd(client: Any, reference: str, labels: dict[str, str]) -> str:
    container = client.containers.create(reference, entrypoint=["never-started"], labels=labels)
    try:
        stream, _ = container.get_archive(USERS_FILE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.extractfile("passwd")
            return "" if member is None else member.read().decode("utf-8", "replace")
    except (NotFound, KeyError):
        return ""
    finally:
        container.remove(v=True, force=True)


@contextmanager
def _engine() -> Iterator[Any]:
    client = docker.from_env(timeout=ENGINE_LIMIT_S)
    try:
        yield client
    finally:
        client.close()
