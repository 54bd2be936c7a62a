"""A stale result cache: success is said, and the picture is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from colordrill.clock import poll
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.fault.neighbour import (
    NOT_FOUND,
    OK,
    Neighbour,
    Reply,
    plain_prompt,
    saved_pictures,
    succeeded,
)
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.service_state import ServiceFault
from colordrill.fault.witness import a_look
from colordrill.stack.target import Capability, Target

JOB_LIMIT_S = 4.0
IDLE_LIMIT_S = 4.0
IDLE_EVERY_S = 0.1
ATTEMPTS = 6


class ResultCacheStale(ServiceFault):
    """A saved picture is deleted, and the service goes on saying that the job's result is there.

    ``memory``: ``path``, ``digest`` of the picture; ``again``: the id of the same job, submitted
    again.
    """

    name: ClassVar[str] = "result_cache_stale"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "The same job, submitted again, succeeds at once and names a picture that does not "
            "exist. It stays so until another job or a restart clears the cache."
        ),
        method=(
            "The site's agent takes the picture of the newest finished job out of its place in the "
            "output folder and submits the same prompt again, which the service answers from its "
            "cache."
        ),
        evidence=(
            "The agent's own request for the second job's history says success; its request for "
            "the picture named there is answered 404."
        ),
        cure=(
            "The picture is put back as it was. It is read back through the service, by its "
            "SHA-256."
        ),
        incidents=(
            "Clean-up jobs delete old outputs; ComfyUI's cache does not look at the disk, so "
            "clients that repeat a prompt get `success` and then 404."
        ),
        targets=("primary-colorization",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The newest finished job's picture is served."""
        self.memory["looked"] = True
        neighbour = self.neighbour(target)
        newest = neighbour.newest()
        if newest is None:
            return Evidence(seen=False, detail="no finished job is in the service's history")
        subfolder, filename = saved_pictures(newest)[0]
        served = neighbour.view(filename, subfolder)
        return Evidence(
            seen=served.status == OK, detail=f"{filename} is answered with {served.status}"
        )

    def inject(self, target: Target) -> None:
        """Delete the newest picture and submit its job again; other jobs may come between.

        Raises:
            EnvironmentProblem: each time another job had cleared the cache in between.
        """
        for _ in range(ATTEMPTS):
            if self._attempt(target):
                return
            self.heal(target)
        raise EnvironmentProblem(
            f"the service ran the job again each of {ATTEMPTS} times",
            "under heavy traffic its cache holds no result long enough; lower the arrivals",
        )

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """Success in the history, 404 for the picture."""
        if "again" not in self.memory:
            return Evidence(seen=False, detail="no job was submitted again")
        neighbour = self.neighbour(target)
        entry = neighbour.entry(self.memory["again"])
        served = self._served(neighbour)
        return Evidence(
            seen=succeeded(entry) and self._names_it(entry) and served.status == NOT_FOUND,
            detail=(
                f"the job submitted again {'succeeded' if succeeded(entry) else 'did not succeed'}"
                f", its picture {self.memory['path']} is answered with {served.status}"
            ),
        )

    def heal(self, target: Target) -> None:
        """Put the picture back, unless there is one of that name by now."""
        if self.memory.get("looked"):
            self.data(target).release_all("output")

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The picture is served as it was."""
        if "path" not in self.memory:
            return Evidence(seen=True, detail="no picture was deleted")
        served = self._served(self.neighbour(target))
        digest = hashlib.sha256(served.content).hexdigest()
        same = served.status == OK and digest == self.memory["digest"]
        detail = f"{self.memory['path']} is answered with {served.status}"
        return Evidence(seen=same, detail=f"{detail}, {'as it was' if same else 'differently'}")

    def _attempt(self, target: Target) -> bool:
        neighbour, data = self.neighbour(target), self.data(target)
        self._await_idle(neighbour)
        newest = neighbour.newest()
        if newest is None:
            raise EnvironmentProblem("no finished job is in the service's history")
        subfolder, filename = saved_pictures(newest)[0]
        path = "/".join(filter(None, (subfolder, filename)))
        digest = data.digest(f"output/{path}")
        if digest is None:
            raise EnvironmentProblem(f"output/{path} is not on the disk")
        self.memory.update(path=path, digest=digest)
        data.hold(f"output/{path}")
        self.memory["again"], reply = neighbour.submit(plain_prompt(newest))
        if reply.status != OK:
            raise EnvironmentProblem(f"the same job is refused: {reply}")
        entry = neighbour.await_entry(self.memory["again"], self.clock, JOB_LIMIT_S)
        return self._names_it(entry) and self._served(neighbour).status == NOT_FOUND

    def _await_idle(self, neighbour: Neighbour) -> None:
        """A job that is running already would clear the cache; under endless load one tries."""
        with suppress(WaitExpired):
            poll(
                self.clock,
                lambda: None if neighbour.running() else True,
                awaited="an idle service",
                timeout_s=IDLE_LIMIT_S,
                every_s=IDLE_EVERY_S,
            )

    def _names_it(self, entry: Mapping[str, Any] | None) -> bool:
        named = [] if entry is None else saved_pictures(entry)
        return self.memory["path"] in ["/".join(filter(None, each)) for each in named]

    def _served(self, neighbour: Neighbour) -> Reply:
        subfolder, _, filename = str(self.memory["path"]).rpartition("/")
        return neighbour.view(filename, subfolder)


FAULTS: tuple[type, ...] = (ResultCacheStale,)
