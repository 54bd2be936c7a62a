"""A stack that is ready for a disaster, in memory and in real folders, with knobs to make it not.

The probes' own programs really run, on folders of this machine in place of the containers'.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from colordrill.data import fixtures
from colordrill.recover.readiness import account, examined
from colordrill.recover.readiness.examined import Examined
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.parts import COLORIZATION_PORT, Part, SiteFolder
from colordrill.stack.target import Executed, PartDescription
from colordrill.workload.workflows import load_workflows
from fakes.clock import BEGINNING, ManualClock
from fakes.object_info import definitions, knowing
from fakes.service import Answers, Reply, Request, ScriptedService, comfyui, scripted_service
from fakes.target import FakePart, FakeTarget

POINT = "20261122T201500.123Z"
WEIGHTS = b"the right weights"
CONFIGURATION = {
    "IMAGE": "service:2",
    "MODEL_SIZE": "960",
    "DEVICE": "cpu",
    **{f"MOUNT_{name}": f"/comfyui/{name.lower()}" for name in ("INPUT", "OUTPUT")},
    "MOUNT_WORKFLOWS": "/comfyui/user/default/workflows",
    "MOUNT_MODELS": "/comfyui/models",
}
BUILT = datetime(2026, 11, 1, tzinfo=UTC)
AS_CONFIGURED = PartDescription(
    image="service:2",
    image_id="sha256:" + "2" * 64,
    environment={"MODEL_SIZE": "960", "DEVICE": "cpu", "PATH": "/bin"},
    mounts={CONFIGURATION[f"MOUNT_{each.upper()}"]: str(each) for each in list(SiteFolder)[:4]},
    read_only=(),
    restart="unless-stopped",
    image_created=BUILT,
)
REFUSED = Executed(4, "", "this account writes below incoming/ alone")
UNREACHABLE = Executed(10, "", "rsync: failed to connect to backup: Connection refused")


@dataclass
class ReadyStack:
    """The stack and its knobs.

    Attributes:
        folder: holds ``primary``, ``dr`` and ``backup``, in the place of the containers' folders.
        unchanged_s: how long ago the primary's files were written.
        skews_s: by how much a part's clock is ahead.
        may: what the backup account may do: ``incoming``, ``points``, ``delete``, ``read``.
        server_up: whether agents reach the backup server.
        slow: whether it answers no request for a file in time.
        unwritable: folders of the DR site that refuse a file.
        free_bytes: the room on every file system; None: this machine's own.
        restore_fails: what a restore ends with instead of restoring.
        copies: the points that are kept off site, oldest first.
        offsite_says: what commands of the off-site program end with instead, by verb.
        gateway: what the gateway says of its servers.
    """

    folder: Path
    target: FakeTarget
    clock: ManualClock
    primary: ScriptedService
    dr: ScriptedService
    unchanged_s: float = 7200.0
    skews_s: dict[Part, float] = field(default_factory=dict)
    may: set[str] = field(default_factory=lambda: {"incoming"})
    server_up: bool = True
    slow: bool = False
    unwritable: set[str] = field(default_factory=set)
    free_bytes: int | None = None
    restore_fails: Executed | None = None
    copies: list[str] = field(default_factory=lambda: [POINT])
    offsite_says: dict[str, Executed] = field(default_factory=dict)
    gateway: str = (
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n"
        "3 sites 1 primary 172.18.0.3 2 0\n3 sites 2 dr - 0 5\n"
    )
    said: list[str] = field(default_factory=list)

    def examined(self, *, weights: str | None = hashlib.sha256(WEIGHTS).hexdigest()) -> Examined:
        """As the command examines it; read anew each time."""
        workflows = load_workflows(fixtures() / "workflows")
        return Examined(self.target, self.clock, ServiceSpec(), workflows, weights)

    def describe(self, part: Part, **changes: object) -> None:
        """Let *part* be created differently."""
        found = self.target.parts[part]
        found.description = replace(found.description, **changes)  # type: ignore[arg-type]

    def back_up(self, point: str = POINT) -> None:
        """Take a recovery point of the primary, and push to Git."""
        place = self.folder / "backup" / "points" / point
        shutil.copytree(self.folder / "primary", place)
        self.seal(point)
        repository = self.folder / "backup" / "git" / "site.git"
        shutil.rmtree(repository, ignore_errors=True)
        work = self.folder / "clone"
        for each in ("workflows", "config"):
            shutil.copytree(self.folder / "primary" / each, work / each)
        named = ("-c", "user.name=a", "-c", "user.email=a@b")
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*named, "commit", "-qm", "a")):
            subprocess.run(("git", "-C", str(work), *words), check=True, capture_output=True)
        shutil.move(work / ".git", repository)
        shutil.rmtree(work)

    def seal(self, point: str) -> None:
        """Write the manifest of what *point* holds now."""
        place = self.folder / "backup" / "points" / point
        files = {
            str(path.relative_to(place)): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in sorted(place.rglob("*"))
            if path.is_file() and path.name != "MANIFEST.json"
        }
        told = {"point": point, "strategy": "rsync", "files": files}
        (place / "MANIFEST.json").write_text(json.dumps(told))

    def program(self, part: Part, command: Sequence[str]) -> Executed:
        """Run a command on this machine's folders, as if it were in *part*."""
        site = "dr" if part is Part.DR_AGENT else "primary"
        moved = [
            each.replace("/site/", f"{self.folder}/{site}/")
            .replace('"/site"', f'"{self.folder}/{site}"')
            .replace("/backup", f"{self.folder}/backup")
            # never this machine's own processes
            .replace("/proc", f"{self.folder}/proc")
            for each in command
        ]
        if moved[0] == "python3":
            moved[0] = sys.executable
        done = subprocess.run(moved, capture_output=True, text=True, check=False, timeout=20)
        printed = done.stdout.replace(f"{self.folder}/{site}/", "/site/")
        if command[2:3] == [examined._LIVE] and done.returncode == 0:
            printed = self._older(printed)
        if command[0] == "python3" and "statvfs" in command[2] and self.free_bytes is not None:
            printed = json.dumps([[device, self.free_bytes] for device, _ in json.loads(printed)])
        return Executed(done.returncode, printed, done.stderr)

    def _older(self, printed: str) -> str:
        told = json.loads(printed)
        files = {name: [sha, age + self.unchanged_s] for name, (sha, age) in told["files"].items()}
        folders = {name: age + self.unchanged_s for name, age in told["folders"].items()}
        return json.dumps({"files": files, "folders": folders})

    def shell(self, part: Part, command: Sequence[str]) -> Executed:
        """A write is refused where a test wants it; all else really runs."""
        if command[-1].endswith(".colordrill-probe"):
            folder = command[-1].split("/")[2]
            if folder in self.unwritable:
                return Executed(2, "", f"sh: 1: cannot create {command[-1]}: Permission denied")
        if "mc --quiet" in command[2]:
            return Executed(0, "", "")
        return self.program(part, command)

    def rsync(self, _part: Part, command: Sequence[str]) -> Executed:
        """The scripts that try the account's rights."""
        script, words = command[2], command[4:]
        if not self.server_up:
            return UNREACHABLE
        if script == account._PUSH:
            name, place = words
            if place.split("/")[0] not in self.may:
                return REFUSED
            (self.folder / "backup" / place / name).write_text("probe\n")
            return Executed(0, "", "")
        if self.slow and script == account._READ:
            return Executed(30, "", "rsync error: timeout in data send/receive")
        return Executed(0, "", "") if _right(script) in self.may else REFUSED

    def date(self, part: Part, _command: Sequence[str]) -> Executed:
        """The part's clock."""
        now = self.clock.wall() + timedelta(seconds=self.skews_s.get(part, 0.0))
        return Executed(0, f"{int(now.timestamp())}\n", "")

    def points(self, _part: Part, _command: Sequence[str]) -> Executed:
        """The program of the backup image, which says it of each readable point."""
        listed = []
        for place in sorted((self.folder / "backup" / "points").iterdir()):
            try:
                files = json.loads((place / "MANIFEST.json").read_text())["files"]
            except (OSError, ValueError):
                continue
            told = {"point": place.name, "strategy": "rsync", "files": len(files), "bytes": 1}
            listed.append(told)
        return Executed(0, json.dumps(listed), "")

    def restore(self, _part: Part, command: Sequence[str]) -> Executed:
        """The program of the backup image, into the DR site's folder."""
        if self.restore_fails is not None:
            return self.restore_fails
        place = self.folder / "backup" / "points" / command[1]
        leave = shutil.ignore_patterns("MANIFEST.json")
        shutil.copytree(place, self.folder / "dr", dirs_exist_ok=True, ignore=leave)
        return Executed(0, json.dumps({"point": command[1], "files": 5}), "")

    def offsite(self, part: Part, command: Sequence[str]) -> Executed:
        """The program of the backup image, in the DR site's agent alone."""
        assert part is Part.DR_AGENT
        verb = command[1]
        told = {"strategy": "restic", "files": 5, "bytes": 9}
        answers = {
            "list": [{"point": point, **told} for point in self.copies],
            "locks": [],
            "read": {"point": command[-1], "text": "IMAGE=service:2\n"},
        }
        return self.offsite_says.get(verb, Executed(0, json.dumps(answers[verb]), ""))


def _right(script: str) -> str:
    return "delete" if script == account._DELETE else "read"


def serving(folder: Path, picture: bytes) -> Answers:
    """A service that gives the workflows that lie in *folder*, and colours everything so."""

    def answer(request: Request) -> Reply:
        if request.method == "GET" and request.path.startswith("/userdata/"):
            path = folder / "workflows" / unquote(request.path).rpartition("/")[2]
            return Reply(200, path.read_bytes()) if path.is_file() else Reply(404, b"")
        return inner(request)

    inner = comfyui(picture, site=None)
    return knowing(definitions(), answer)


@contextmanager
def ready_stack(folder: Path) -> Iterator[ReadyStack]:
    """Everything runs but the DR site, which stands by empty; its point is half a minute old."""
    for site in ("primary", "dr"):
        for each in SiteFolder:
            (folder / site / each).mkdir(parents=True)
    _seed(folder / "primary")
    (folder / "backup" / "incoming").mkdir(parents=True)
    (folder / "proc").mkdir()
    (folder / "backup" / "points").mkdir()
    primary_answers = serving(folder / "primary", b"right")
    with (
        scripted_service(primary_answers) as primary,
        scripted_service(serving(folder / "dr", b"right")) as dr,
    ):
        parts: dict[Part, FakePart] = {part: FakePart() for part in Part}
        del parts[Part.HOST]
        services = {Part.PRIMARY_COLORIZATION: primary, Part.DR_COLORIZATION: dr}
        for part, service in services.items():
            parts[part] = FakePart(
                running=part is Part.PRIMARY_COLORIZATION,
                ports={COLORIZATION_PORT: urlsplit(service.url).port or 0},
                description=AS_CONFIGURED,
            )
        clock = ManualClock()
        stack = ReadyStack(folder, FakeTarget(parts), clock, primary, dr)
        stack.target.programs = _programs(stack)
        stack.back_up()
        assert clock.wall() == BEGINNING
        yield stack


def _seed(site: Path) -> None:
    for path in (fixtures() / "workflows").glob("*.json"):
        if path.name != "MANIFEST.json":
            shutil.copy(path, site / "workflows")
    lines = "".join(f"{name}={value}\n" for name, value in CONFIGURATION.items())
    (site / "config" / "stack.env").write_text(lines)
    (site / "models" / "ddcolor").mkdir()
    (site / "models" / "ddcolor" / "ddcolor_nano.safetensors").write_bytes(WEIGHTS)
    (site / "output" / "a.png").write_bytes(b"a picture")


def _programs(stack: ReadyStack) -> dict[str, Callable[[Part, Sequence[str]], Executed]]:
    return {
        "python3": stack.program,
        "sha256sum": stack.program,
        "cat": stack.program,
        "sh": stack.shell,
        "bash": stack.rsync,
        "date": stack.date,
        "colordrill-points": stack.points,
        "colordrill-restore": stack.restore,
        "colordrill-offsite": stack.offsite,
        "haproxy-command": lambda _part, _command: Executed(0, stack.gateway, ""),
    }
