"""A backup server and two sites' agents, in real containers, as the stack has them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colordrill.clock import SystemClock, poll

SERVICE_UID = 1000
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """The end of a program."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Running:
    """A program that was started."""

    _future: Future[Ran]

    def ended(self) -> Ran:
        """Its end, which is awaited."""
        return self._future.result(LIMIT_S)


@dataclass(frozen=True, slots=True)
class Box:
    """One container of the backup image."""

    container: Any

    def run(self, *command: str) -> Ran:
        exit_code, (stdout, stderr) = self.container.exec_run(list(command), demux=True)
        return Ran(exit_code, (stdout or b"").decode(), (stderr or b"").decode())

    def checked(self, *command: str) -> str:
        """What a program printed that must succeed."""
        ran = self.run(*command)
        assert ran.exit_code == 0, f"{command}: {ran}"
        return ran.stdout

    @contextmanager
    def starting(self, *command: str) -> Iterator[Running]:
        """Run a program beside the block, and to its end after it."""
        with ThreadPoolExecutor(1) as pool:
            yield Running(pool.submit(self.run, *command))

    def await_true(self, script: str) -> None:
        """Wait until a shell's script succeeds."""
        poll(
            SystemClock(),
            lambda: True if self.run("sh", "-c", script).exit_code == 0 else None,
            awaited=script,
            timeout_s=LIMIT_S,
        )

    def python(self, program: str) -> str:
        """What a Python program in the container printed."""
        return self.checked("python3", "-c", program)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files below /site, as the colorization service does."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in files.items():
                for depth in range(2, len(name.split("/"))):
                    folder = tarfile.TarInfo("/".join(name.split("/")[:depth]))
                    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                    folder.uid = folder.gid = SERVICE_UID
                    tar.addfile(folder)
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), 0o644, 1_700_000_000
                entry.uid = entry.gid = SERVICE_UID
                tar.addfile(entry, io.BytesIO(content))
        assert self.container.put_archive("/site", archive.getvalue())

    def site(self) -> dict[str, bytes]:
        """Every file below /site: its content by its path."""
        told = self.python(
            "import json, os, pathlib\n"
            "site = pathlib.Path('/site')\n"
            "files = [p for p in site.rglob('*') if p.is_file()]\n"
            "print(json.dumps({str(p.relative_to(site)): p.read_bytes().hex() for p in files}))"
        )
        return {name: bytes.fromhex(content) for name, content in json.loads(told).items()}

    def clear(self) -> None:
        """Empty the site, as a freshly created DR site is."""
        self.checked("find", "/site", "-mindepth", "2", "-delete")


@dataclass(frozen=True, slots=True)
class BackupLab:
    """The server and the agents of both sites."""

    server: Box
    primary: Box
    dr: Box
    stranger: Box

    def snapshot(self, point: str, previous: str | None = None) -> dict[str, Any]:
        """Copy and publish; returns the summary."""
        linked = ["--previous", previous] if previous else []
        summary = json.loads(self.primary.checked("colordrill-snapshot", point, *linked))
        self.server.checked("colordrill-publish", point)
        return dict(summary)

    def points(self) -> list[str]:
        return [each["point"] for each in json.loads(self.server.checked("colordrill-points"))]
