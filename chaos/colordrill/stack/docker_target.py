"""The Target over a Docker engine: one compose project."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container

from colordrill.errors import EnvironmentProblem
from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.engine import Engine, engine_errors
from colordrill.stack.host_helper import HostHelper
from colordrill.stack.inspection import created_at, description_of, is_up, networks_of, state_of
from colordrill.stack.ownership import BUNDLED_OWNER, Owner
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.site_files import archive
from colordrill.stack.target import (
    Capability,
    Executed,
    PartChanges,
    PartDescription,
    PartState,
)

BYTES_PER_MB = 1_000_000
SIGNAL_LIMIT_S = 10.0


@dataclass(slots=True)
class DockerTarget:
    """One compose project on the engine that the environment names (DOCKER_HOST or the default).

    Args:
        project: the compose project's name.
        owner: whom files belong to that are put into a site's volumes.
        compose: how the project was brought up; without it no part can be created anew.
    """

    project: str
    owner: Owner = BUNDLED_OWNER
    compose: ComposeProject | None = None
    helper: HostHelper = field(init=False)
    _engine: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Connect to the engine."""
        self._engine = Engine(self.project)
        self.helper = HostHelper(self._engine)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this engine can do; asked for the first time it starts the helper and tries it."""
        missing = set(self.helper.missing())
        if self.compose is None:
            missing.add(Capability.RECREATE)
        with engine_errors("ask the engine what it can do"):
            engine = self._engine.client.info()
        if not engine.get("MemoryLimit", True):
            missing.add(Capability.MEMORY_LIMIT)
        # a rootless engine on an old kernel has no control groups at all
        if engine.get("CgroupDriver") == "none":
            missing |= {Capability.MEMORY_LIMIT, Capability.FREEZE}
        return frozenset(Capability) - missing

    def close(self) -> None:
        """Close the connection to the engine."""
        self._engine.close()

    def state(self, part: Part) -> PartState:
        """The state of *part*; an absent one is no error."""
        with engine_errors(f"look at {part}"):
            found = self._engine.find(part)
        if found is None:
            return PartState(exists=False, running=False, exit_code=None, networks=())
        return state_of(found.attrs)

    def start(self, part: Part) -> None:
        """Start a part that exists and is not running; the engine would refuse a frozen one."""
        with engine_errors(f"start {part}"):
            container = self._engine.get(part)
            if not container.attrs["State"]["Paused"]:
                container.start()

    def kill(self, parts: Sequence[Part]) -> None:
        """End all *parts* at once by SIGKILL; `docker kill` also holds their restart policy off."""
        if not parts:
            return
        with engine_errors(f"kill {', '.join(parts)}"), ThreadPoolExecutor(len(parts)) as pool:
            containers = [self._engine.get(part) for part in parts]
            list(pool.map(_kill, containers))

    def stop(self, part: Part, *, grace_s: float = 2.0) -> None:
        """End *part* as an operator does; the engine counts whole seconds of grace."""
        with engine_errors(f"stop {part}"):
            self._engine.get(part).stop(timeout=max(0, math.ceil(grace_s)))

    def signal(self, part: Part, name: str) -> None:
        """Send *name* to the processes of *part* by the helper; `docker kill` would hold it down.

        An init as first process is spared: it ends by itself with its child's exit code.
        """
        pid = self.pid(part)
        done = self.on_host(["signal-processes", str(pid), name], timeout_s=SIGNAL_LIMIT_S)
        if done.exit_code != 0:
            raise EnvironmentProblem(
                f"cannot send {name} to {part}: {done.stderr.strip()[-300:]}",
                "see whether the container runs, and whether there is such a signal",
            )

    def freeze(self, part: Part) -> None:
        """Stop every process of *part* from being scheduled; a frozen one is left alone."""
        with engine_errors(f"freeze {part}"):
            container = self._up(part)
            if not container.attrs["State"]["Paused"]:
                container.pause()

    def thaw(self, part: Part) -> None:
        """Undo `freeze`; one that is not frozen is left alone."""
        with engine_errors(f"thaw {part}"):
            container = self._engine.get(part)
            if container.attrs["State"]["Paused"]:
                container.unpause()

    def limit_memory(self, part: Part, limit_mb: float | None) -> None:
        """Limit the memory of a running *part*, swap included.

        The engine cannot take a limit away once it is set (nor, here, set "unlimited"): None sets
        the host's whole memory, and as much again for swap.
        """
        with engine_errors(f"limit the memory of {part}"):
            if limit_mb is None:
                whole = self._engine.client.info()["MemTotal"]
                self._engine.get(part).update(mem_limit=whole, memswap_limit=2 * whole)
                return
            container, limit = self._up(part), int(limit_mb * BYTES_PER_MB)
            try:
                container.update(mem_limit=limit, memswap_limit=limit)
            except APIError as error:
                # control groups v1 never make a process smaller than it is: they refuse
                used = self.memory_mb(part)
                raise EnvironmentProblem(
                    f"cannot limit the memory of {part} to {limit_mb:g} MB, of which it uses "
                    f"{used or math.nan:.0f}: {error.explanation}",
                    "take more than it uses, and more than the engine's minimum of some 6 MB",
                ) from error

    def set_restart_policy(self, part: Part, policy: str) -> None:
        """Set the restart policy (``no``, ``unless-stopped``) of *part* as it is."""
        with engine_errors(f"set the restart policy of {part} to {policy}"):
            container = self._engine.get(part)
            self._engine.client.api.update_container(container.id, restart_policy={"Name": policy})

    def remove(self, part: Part) -> None:
        """Remove the container of *part*; only volumes that have no name go with it."""
        with engine_errors(f"remove {part}"):
            found = self._engine.find(part)
            if found is not None:
                found.remove(force=True, v=True)

    def recreate(self, part: Part, changes: PartChanges | None = None) -> None:
        """Create *part* anew by compose; one between two restarts counts as running."""
        if self.compose is None:
            raise EnvironmentProblem(
                f"cannot create {part} anew: it is not known how {self.project} was brought up",
                "act on a stack that this process brought up",
            )
        with engine_errors(f"look at {part}"):
            found = self._engine.find(part)
        start = found is None or bool(found.attrs["State"]["Running"])
        if found is not None:
            # compose would wait for a frozen one to end
            self.thaw(part)
        self.compose.recreate(part, changes, start=start)

    def description(self, part: Part) -> PartDescription:
        """What *part* was created with, as the engine says it."""
        with engine_errors(f"read the description of {part}"):
            attributes = self._engine.get(part).attrs
            try:
                image = self._engine.client.images.get(attributes["Image"]).attrs
            except ImageNotFound:
                # a container may outlive its image
                image = {}
            return description_of(attributes, part, self.project, created_at(image))

    def on_host(self, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* in the privileged helper, which the first one starts."""
        return self.helper.run(command, timeout_s)

    def pid(self, part: Part) -> int:
        """The process id of *part*'s first process as the helper sees it."""
        with engine_errors(f"find the processes of {part}"):
            return int(self._up(part).attrs["State"]["Pid"])

    def isolate(
        self, part: Part, networks: Collection[str] | None = None
    ) -> Mapping[str, Sequence[str]]:
        """Detach *part* from its networks, or from those of *networks*; returns them."""
        with engine_errors(f"detach {part} from its networks"):
            container = self._engine.get(part)
            attached = networks_of(container.attrs)
            chosen = attached.keys() if networks is None else attached.keys() & set(networks)
            for name in chosen:
                self._engine.client.networks.get(name).disconnect(container, force=True)
            return {name: attached[name] for name in sorted(chosen)}

    def rejoin(self, part: Part, networks: Mapping[str, Sequence[str]]) -> None:
        """Attach *part* to those of *networks* where it is not attached, with those aliases."""
        with engine_errors(f"attach {part} to its networks"):
            container = self._engine.get(part)
            attached = networks_of(container.attrs)
            for name, aliases in networks.items():
                if name not in attached:
                    network = self._engine.client.networks.get(name)
                    network.connect(container, aliases=list(aliases))

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* inside *part*; `timeout` inside the container enforces the limit."""
        with engine_errors(f"run {command[0]} in {part}"):
            return self._engine.execute(self._engine.get(part), command, timeout_s)

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        """Write *files* below /site/FOLDER of an agent; they and the folder are the owner's."""
        with engine_errors(f"copy files into {part}"):
            container = self._engine.get(part)
            container.put_archive("/site", archive(folder, files, self.owner))

    @contextmanager
    def archive(self, part: Part, path: str) -> Iterator[Iterator[bytes]]:
        """The tar of *path* in *part*; each read of it is bounded as every request is."""
        with engine_errors(f"copy {path} out of {part}"):
            chunks, _ = self._engine.get(part).get_archive(path)
        yield _told_of(chunks, f"copy {path} out of {part}")

    def endpoint(self, part: Part, port: int) -> str:
        """The base URL of a published port; read anew, because it changes with every start."""
        with engine_errors(f"find the published port {port} of {part}"):
            ports = self._engine.get(part).attrs["NetworkSettings"]["Ports"]
        bindings = ports.get(f"{port}/tcp")
        if not bindings:
            raise EnvironmentProblem(
                f"port {port} of {part} is not published", "see whether the container runs"
            )
        return f"http://127.0.0.1:{bindings[0]['HostPort']}"

    def logs(self, part: Part, *, tail: int | None = None, since: datetime | None = None) -> str:
        """What *part* printed; empty for an absent part."""
        with engine_errors(f"read the log of {part}"):
            found = self._engine.find(part)
            if found is None:
                return ""
            lines: Any = "all" if tail is None else tail
            raw: bytes = found.logs(timestamps=True, tail=lines, since=since)
            return raw.decode("utf-8", "replace")

    def memory_mb(self, part: Part) -> float | None:
        """Memory of *part* less its page cache, as `docker stats` counts it."""
        with engine_errors(f"read the memory of {part}"):
            found = self._engine.find(part)
            if found is None or not is_up(found.attrs):
                return None
            api = self._engine.client.api
            usage = api.stats(found.id, stream=False, one_shot=True)["memory_stats"]
        details = usage.get("stats", {})
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))
        return float(usage["usage"] - cache) / BYTES_PER_MB if "usage" in usage else None

    def _up(self, part: Part) -> Container:
        container = self._engine.get(part)
        if not is_up(container.attrs):
            raise EnvironmentProblem(
                f"{part} does not run ({container.attrs['State']['Status']})",
                "start it first; see its log in the run's logs/",
            )
        return container


def _told_of(chunks: Iterator[bytes], doing: str) -> Iterator[bytes]:
    """*chunks*, whose failures are the engine's; those of who writes them down are not."""
    with engine_errors(doing):
        yield from chunks


def _kill(container: Container) -> None:
    try:
        container.kill(signal="SIGKILL")
    except APIError as error:
        # 409: it was down already, which is what was asked for
        if error.status_code != requests.codes.conflict:
            raise
