"""A small site on the virtual disk, in real containers."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colordrill.clock import SystemClock, poll
from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.disk import BEFORE_PARTS, DiskControl, disk_overlay
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import Part, Site, SiteFolder, parts_of
from colordrill.stack.runs import Run, owner
from fakes.backup_lab import Ran

FILES = (Path(__file__).parents[1] / "contract" / "disk" / "compose.yaml", disk_overlay())
COMPOSE_LIMIT_S = 120.0
RUNNING_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class DiskLab:
    """The site, its disk and its run."""

    target: DockerTarget
    disk: DiskControl
    run_id: str

    def agent(self, program: str, *arguments: str) -> str:
        """What a Python program in the primary's agent printed."""
        ran = self.run(Part.PRIMARY_AGENT, "python3", "-c", program, *arguments)
        assert ran.exit_code == 0, ran
        return ran.stdout

    def run(self, part: Part, *command: str) -> Ran:
        done = self.target.execute(part, list(command), timeout_s=60.0)
        return Ran(done.exit_code, done.stdout, done.stderr)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files into the site, by path relative to it."""
        for name, content in files.items():
            folder, _, path = name.partition("/")
            self.target.put_files(Part.PRIMARY_AGENT, SiteFolder(folder), {path: content})

    def site(self) -> dict[str, str]:
        """SHA-256 of every file of the site."""
        told = self.agent(
            "import hashlib, json, pathlib\n"
            "site = pathlib.Path('/site')\n"
            "files = [p for p in site.rglob('*') if p.is_file()]\n"
            "print(json.dumps({str(p.relative_to(site)):"
            " hashlib.sha256(p.read_bytes()).hexdigest() for p in files}))"
        )
        return dict(json.loads(told))

    def publish(self, point: str) -> None:
        """Make a recovery point of the site."""
        for part, program in (
            (Part.PRIMARY_AGENT, "colordrill-snapshot"),
            (Part.BACKUP, "colordrill-publish"),
        ):
            ran = self.run(part, program, point)
            assert ran.exit_code == 0, ran

    def reset(self) -> None:
        """Everything up, the disk sound, the site empty and without a recovery point."""
        self.disk.attach()
        for part in parts_of(Site.PRIMARY):
            if self.target.state(part).exists:
                self.target.start(part)
        self.run(Part.PRIMARY_AGENT, "find", "/site", "-mindepth", "2", "-delete")
        self.run(
            Part.BACKUP, "find", "/backup/points", "/backup/incoming", "-mindepth", "1", "-delete"
        )
        self.await_service()

    def await_service(self) -> None:
        """Until the service of the primary answers."""
        ask = "exec 3<>/dev/tcp/toxiproxy/18188"
        poll(
            SystemClock(),
            lambda: True if self.run(Part.GATEWAY, "bash", "-c", ask).exit_code == 0 else None,
            awaited="the service of the lab",
            timeout_s=RUNNING_LIMIT_S,
        )


@contextmanager
def disk_lab(run: Run, image_of: Callable[[str], str]) -> Iterator[DiskLab]:
    """The site's containers; the run's owner removes them."""
    environment = run.directory / "lab.env"
    environment.write_text(
        f"COLORDRILL_RUN={run.id}\nCOLORDRILL_OWNER={owner()}\n"
        f"COLORDRILL_IMAGE_HOST={image_of('host')}\nCOLORDRILL_IMAGE_BACKUP={image_of('backup')}\n"
    )
    command = shlex.join(["docker", "compose", "--env-file", str(environment)])
    project = ComposeProject(command, tuple(map(str, FILES)), run.project, run.directory)
    for each in (*BEFORE_PARTS, "up --detach --quiet-pull"):
        words = [*shlex.split(command), "--project-name", run.project]
        words += [word for file in FILES for word in ("--file", str(file))]
        done = subprocess.run(
            [*words, *shlex.split(each)],
            capture_output=True,
            text=True,
            timeout=COMPOSE_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    target = DockerTarget(run.project, compose=project)
    try:
        lab = DiskLab(target, DiskControl(target), run.id)
        lab.await_service()
        yield lab
    finally:
        target.close()
