"""What is examined, and what several probes read of it: each of these is read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from colordrill.backup.points import RecoveryPoint, list_points
from colordrill.backup.rsync import RsyncStrategy
from colordrill.clock import Clock
from colordrill.errors import ColordrillError, EnvironmentProblem
from colordrill.recover.probes import configuration_of
from colordrill.recover.steps import SERVICES
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site, SiteFolder
from colordrill.stack.target import Target
from colordrill.workload.workflows import Workflow

READ_LIMIT_S = 30.0
HASH_LIMIT_S = 120.0
ANSWER_LIMIT_S = 5.0
TIMED_OUT = 124
"""Exit code of a command that was ended because it did not end in time."""

Found = TypeVar("Found")

# the newest point's manifest: hashes of the small files and of the checkpoint, sizes of all
_POINT = r"""
import json, sys
point, checkpoint = sys.argv[1:]
with open(f"/backup/points/{point}/MANIFEST.json") as file:
    manifest = json.load(file)
files, sizes = {}, {}
for name, entry in manifest["files"].items():
    folder = name.split("/")[0]
    sizes[folder] = sizes.get(folder, 0) + entry["bytes"]
    if folder in ("workflows", "config") or name == checkpoint:
        files[name] = entry["sha256"]
print(json.dumps({"files": files, "bytes": sizes}))
"""
# the head of the repository as an archive: what a clone would get
_GIT = r"""
import hashlib, io, json, subprocess, sys, tarfile
archive = subprocess.run(
    ["git", "-C", "/backup/git/site.git", "archive", "HEAD"], capture_output=True
)
if archive.returncode:
    sys.exit(archive.stderr.decode("utf-8", "replace").strip())
files = {}
with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
    for entry in tar:
        if entry.isfile():
            files[entry.name] = hashlib.sha256(tar.extractfile(entry).read()).hexdigest()
print(json.dumps(files))
"""
# ages by the time of the change to the inode: a copy brings its old modification time with it
_LIVE = r"""
import hashlib, json, os, sys, time
files, folders = {}, {}
for folder in ("workflows", "config"):
    for directory, _, names in os.walk(os.path.join("/site", folder)):
        age_s = time.time() - os.stat(directory).st_ctime
        folders[os.path.relpath(directory, "/site")] = age_s
        for name in names:
            path = os.path.join(directory, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            age_s = time.time() - os.stat(path).st_ctime
            files[os.path.relpath(path, "/site")] = [digest, age_s]
print(json.dumps({"files": files, "folders": folders}))
"""


@dataclass(frozen=True, slots=True)
class PointFacts:
    """The newest recovery point.

    Attributes:
        id: the point.
        configuration: its ``config/stack.env``.
        files: SHA-256 of its workflows, its configuration and the checkpoint, by path.
        sizes: bytes of its files, by folder of the site.
    """

    id: str
    configuration: Mapping[str, str]
    files: Mapping[str, str]
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LiveFiles:
    """The primary's workflows and configuration, as they lie on its volumes.

    Attributes:
        files: SHA-256 and the seconds since it was written, by path.
        folders: the seconds since something came into a folder or left it, by path.
    """

    files: Mapping[str, tuple[str, float]]
    folders: Mapping[str, float]

    def gone_s(self, path: str) -> float | None:
        """For how long at least *path*, which is not there, may have been gone."""
        parts = path.split("/")
        above = ["/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]
        return next((self.folders[each] for each in above if each in self.folders), None)


@dataclass(slots=True)
class _Once(Generic[Found]):
    """Reads something at the first call; the outcome, also an error, is every later call's."""

    found: list[Found] = field(default_factory=list)
    error: ColordrillError | None = None

    def read(self, how: Callable[[], Found]) -> Found:
        if self.error is not None:
            raise self.error
        if not self.found:
            try:
                self.found.append(how())
            except ColordrillError as error:
                self.error = error
                raise
        return self.found[0]


@dataclass(slots=True)
class Examined:
    """A stack, and what it should be.

    Attributes:
        target: the stack.
        clock: bounds the waits, and tells the wall time that the parts' clocks are compared with.
        service: what is drilled.
        workflows: those that the canaries use, by object type.
        weights: SHA-256 of the checkpoint that the goldens were made with; None where it is not
            known.
    """

    target: Target
    clock: Clock
    service: ServiceSpec
    workflows: Mapping[str, Workflow]
    weights: str | None
    _points: _Once[tuple[RecoveryPoint, ...]] = field(init=False, default_factory=_Once)
    _point: _Once[PointFacts] = field(init=False, default_factory=_Once)
    _git: _Once[Mapping[str, str]] = field(init=False, default_factory=_Once)
    _live: _Once[LiveFiles] = field(init=False, default_factory=_Once)
    _digest: _Once[str | None] = field(init=False, default_factory=_Once)

    @property
    def checkpoint(self) -> str:
        """The checkpoint's path, relative to the site."""
        return f"{SiteFolder.MODELS}/{self.service.checkpoint_path}"

    def client(self, site: Site) -> ComfyClient:
        """The service of *site* itself, past the gateway.

        Raises:
            EnvironmentProblem: it does not run.
        """
        address = self.target.endpoint(SERVICES[site], self.service.port)
        return ComfyClient(address, timeout_s=ANSWER_LIMIT_S)

    def points(self) -> tuple[RecoveryPoint, ...]:
        """The published recovery points, oldest first.

        Raises:
            EnvironmentProblem: the backup server does not say.
        """
        return self._points.read(lambda: list_points(self.target))

    def newest(self) -> str:
        """The id of the newest recovery point.

        Raises:
            EnvironmentProblem: there is none, or the backup server does not say.
        """
        points = self.points()
        if not points:
            raise EnvironmentProblem("the backup server holds no recovery point")
        return points[-1].id

    def point(self) -> PointFacts:
        """The newest recovery point.

        Raises:
            EnvironmentProblem: there is none, or the backup server does not give it.
        """
        return self._point.read(self._read_point)

    def git(self) -> Mapping[str, str]:
        """SHA-256 of every file at the head of the backup server's Git repository, by path.

        Raises:
            EnvironmentProblem: it holds no commit, or the backup server does not give it.
        """
        return self._git.read(lambda: dict(self.ask(Part.BACKUP, _GIT, (), "read Git's head")))

    def live(self) -> LiveFiles:
        """The primary's workflows and configuration.

        Raises:
            EnvironmentProblem: the primary's agent does not give them.
        """
        return self._live.read(self._read_live)

    def checkpoint_digest(self) -> str | None:
        """SHA-256 of the primary's checkpoint; None where there is no such file.

        Raises:
            EnvironmentProblem: the primary's agent cannot tell.
        """
        return self._digest.read(self._hash_checkpoint)

    def ask(
        self,
        part: Part,
        program: str,
        words: Sequence[str],
        doing: str,
        limit_s: float = READ_LIMIT_S,
    ) -> Any:
        """What a Python *program* prints in *part*, as JSON.

        Raises:
            EnvironmentProblem: it fails, does not end in time, or prints something else.
        """
        command = ["python3", "-c", program, *words]
        done = self.target.execute(part, command, timeout_s=limit_s)
        if done.exit_code == TIMED_OUT:
            raise EnvironmentProblem(f"{part} cannot {doing} within {limit_s:g} s")
        if done.exit_code != 0:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.exit_code}"])[-1]
            raise EnvironmentProblem(f"{part} cannot {doing}: {said}")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise EnvironmentProblem(
                f"{part} cannot {doing}: it printed {done.stdout[:100]!r}"
            ) from error

    def _read_point(self) -> PointFacts:
        newest = self.newest()
        told = self.ask(Part.BACKUP, _POINT, (newest, self.checkpoint), f"read point {newest}")
        try:
            files, sizes = dict(told["files"]), dict(told["bytes"])
        except (LookupError, TypeError, ValueError) as error:
            raise EnvironmentProblem(f"the manifest of {newest} is not understood") from error
        return PointFacts(
            newest, configuration_of(RsyncStrategy(self.target), newest), files, sizes
        )

    def _read_live(self) -> LiveFiles:
        told = self.ask(Part.PRIMARY_AGENT, _LIVE, (), "hash its workflows and configuration")
        files = {name: (str(digest), float(age)) for name, (digest, age) in told["files"].items()}
        return LiveFiles(files, dict(told["folders"]))

    def _hash_checkpoint(self) -> str | None:
        path = f"/site/{self.checkpoint}"
        command = ["sha256sum", "--", path]
        done = self.target.execute(Part.PRIMARY_AGENT, command, timeout_s=HASH_LIMIT_S)
        if done.exit_code == 0 and done.stdout:
            # a name with a backslash makes sha256sum begin its line with one
            return done.stdout.split()[0].lstrip("\\")
        if "No such file" in done.stderr:
            return None
        raise EnvironmentProblem(
            f"{path} cannot be hashed: {done.stderr.strip() or done.exit_code}"
        )
