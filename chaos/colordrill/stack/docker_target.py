"""The Target over a Docker engine: one compose project."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from colordrill.errors import EnvironmentProblem
from colordrill.stack.ownership import BUNDLED_OWNER, Owner
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Capability, Executed, PartState

ENGINE_TIMEOUT_S = 30
ENGINE_GRACE_S = 10.0
"""What a command may take beyond its own limit before the engine counts as hung."""

Result = TypeVar("Result")


@dataclass(slots=True)
class DockerTarget:
    """One compose project on the engine that the environment names (DOCKER_HOST or the default).

    Args:
        project: the compose project's name.
        owner: whom files belong to that are put into a site's volumes.
    """

    project: str
    owner: Owner = BUNDLED_OWNER
    _client: Any = field(init=False, repr=False)
    _isolated: dict[Part, dict[str, list[str]]] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Connect to the engine."""
        with _engine_errors("connect to the Docker engine"):
            self._client = docker.from_env(timeout=ENGINE_TIMEOUT_S)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """A Docker engine can do all of them."""
        return frozenset(Capability)

    def close(self) -> None:
        """Close the connection to the engine."""
        self._client.close()

    def state(self, part: Part) -> PartState:
        """The state of *part*; an absent one is no error."""
        with _engine_errors(f"look at {part}"):
            found = self._find(part)
            if found is None:
                return PartState(exists=False, running=False, exit_code=None, networks=())
            attributes = found.attrs
            running = bool(attributes["State"]["Running"])
            started = not attributes["State"]["StartedAt"].startswith("0001-")
            return PartState(
                exists=True,
                running=running,
                exit_code=attributes["State"]["ExitCode"] if started and not running else None,
                networks=tuple(sorted(attributes["NetworkSettings"]["Networks"])),
                restarts=int(attributes.get("RestartCount", 0)),
            )

    def start(self, part: Part) -> None:
        """Start a part that exists and is not running."""
        with _engine_errors(f"start {part}"):
            self._get(part).start()

    def kill(self, parts: Sequence[Part]) -> None:
        """End all *parts* at once by SIGKILL; `docker kill` also holds their restart policy off."""
        if not parts:
            return
        with _engine_errors(f"kill {', '.join(parts)}"), ThreadPoolExecutor(len(parts)) as pool:
            containers = [self._get(part) for part in parts]
            list(pool.map(_kill, containers))

    def isolate(self, part: Part) -> None:
        """Detach *part* from all its networks and remember them with its aliases."""
        with _engine_errors(f"detach {part} from its networks"), self._lock:
            container = self._get(part)
            attached = container.attrs["NetworkSettings"]["Networks"]
            remembered = {name: list(each["Aliases"] or []) for name, each in attached.items()}
            self._isolated.setdefault(part, remembered)
            for name in attached:
                self._client.networks.get(name).disconnect(container, force=True)

    def rejoin(self, part: Part) -> None:
        """Attach *part* again to the networks that `isolate` remembered, with the same aliases."""
        with _engine_errors(f"attach {part} to its networks"), self._lock:
            remembered = self._isolated.get(part, {})
            container = self._get(part)
            attached = container.attrs["NetworkSettings"]["Networks"]
            for name, aliases in remembered.items():
                if name not in attached:
                    self._client.networks.get(name).connect(container, aliases=aliases)
            self._isolated.pop(part, None)

    def execute(self, part: Part, command: Sequence[str], *, timeout_s: float = 30.0) -> Executed:
        """Run *command* inside *part*; `timeout` inside the container enforces the limit."""
        bounded = ["timeout", "--kill-after=1", f"{timeout_s:g}", *command]
        with _engine_errors(f"run {command[0]} in {part}"):
            call = partial(_execute, self._client.api, str(self._get(part).id), bounded)
            exit_code, stdout, stderr = _within(timeout_s + ENGINE_GRACE_S, call)
        return Executed(
            exit_code=-1 if exit_code is None else exit_code,
            stdout=(stdout or b"").decode("utf-8", "replace"),
            stderr=(stderr or b"").decode("utf-8", "replace"),
        )

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        """Write *files* below /site/FOLDER of an agent; they and the folder are the owner's."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(_directory(folder, self.owner))
            for name, content in files.items():
                for entry in _tar_entries(f"{folder}/{name}", content, self.owner):
                    tar.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
        with _engine_errors(f"copy files into {part}"):
            self._get(part).put_archive("/site", archive.getvalue())

    def endpoint(self, part: Part, port: int) -> str:
        """The base URL of a published port; read anew, because it changes with every start."""
        with _engine_errors(f"find the published port {port} of {part}"):
            bindings = self._get(part).attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp")
        if not bindings:
            raise EnvironmentProblem(
                f"port {port} of {part} is not published", "see whether the container runs"
            )
        return f"http://127.0.0.1:{bindings[0]['HostPort']}"

    def logs(self, part: Part, *, tail: int | None = None) -> str:
        """What *part* printed; empty for an absent part."""
        with _engine_errors(f"read the log of {part}"):
            found = self._find(part)
            if found is None:
                return ""
            raw: bytes = found.logs(timestamps=True, tail="all" if tail is None else tail)
            return raw.decode("utf-8", "replace")

    def memory_mb(self, part: Part) -> float | None:
        """Memory of *part* less its page cache, as `docker stats` counts it."""
        with _engine_errors(f"read the memory of {part}"):
            found = self._find(part)
            if found is None or found.status != "running":
                return None
            usage = self._client.api.stats(found.id, stream=False, one_shot=True)["memory_stats"]
        details = usage.get("stats", {})
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))
        return float(usage["usage"] - cache) / 1e6 if "usage" in usage else None

    def _find(self, part: Part) -> Container | None:
        labels = [
            f"com.docker.compose.project={self.project}",
            f"com.docker.compose.service={part}",
        ]
        found = self._client.containers.list(all=True, filters={"label": labels})
        return found[0] if found else None

    def _get(self, part: Part) -> Container:
        found = self._find(part)
        if found is None:
            raise EnvironmentProblem(
                f"there is no container {part} in {self.project}",
                "the stack was removed or never came up; see the run's logs/",
            )
        return found


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


def _kill(container: Container) -> None:
    try:
        container.kill(signal="SIGKILL")
    except APIError as error:
        # 409: it was down already, which is what was asked for
        if error.status_code != requests.codes.conflict:
            raise


def _tar_entries(name: str, content: bytes, owner: Owner) -> Iterator[tarfile.TarInfo]:
    """The directories above a file, then the file, all of the same owner."""
    folders = name.split("/")[:-1]
    for depth in range(2, len(folders) + 1):
        yield _directory("/".join(folders[:depth]), owner)
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    entry.uid, entry.gid = owner.uid, owner.gid
    yield entry


def _directory(name: str, owner: Owner) -> tarfile.TarInfo:
    directory = tarfile.TarInfo(name)
    directory.type = tarfile.DIRTYPE
    directory.mode = 0o755
    directory.uid, directory.gid = owner.uid, owner.gid
    return directory


@contextmanager
def _engine_errors(doing: str) -> Iterator[None]:
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
