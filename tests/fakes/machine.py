"""A whole stack in memory whose parts answer what the faults of machines and people ask them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colordrill.fault import configuration_accounts as accounts
from colordrill.fault import (
    injecting_program,
    neighbour,
    process_memory,
    process_saving,
    service_state_cache,
    site_data,
    witness,
)
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Executed, PartDescription
from fakes.machine_service import FakeService, serving
from fakes.part import PLAIN
from fakes.target import FakePart, FakeTarget

OK = Executed(0, "", "")
HOST_BYTES = 24_000_000_000
NOTICE_LIMIT_S = 1.0
BEHIND_TOXIPROXY = {
    "18188": Part.PRIMARY_COLORIZATION,
    "8474": Part.TOXIPROXY,
}


class SiteTarget(FakeTarget):
    """A target whose agents' folders are real folders of this machine."""

    folder: Path
    service: FakeService

    held: set[Part]
    """Parts whose processes have got SIGSTOP."""

    def signal(self, part: Part, name: str) -> None:
        super().signal(part, name)
        if name == "SIGSTOP":
            self.held.add(part)
        else:
            self.held.discard(part)

    def stop(self, part: Part, *, grace_s: float = 2.0) -> None:
        super().stop(part, grace_s=grace_s)
        if part is Part.PRIMARY_COLORIZATION:
            self.service.restarted()

    def put_files(self, part: Part, folder: SiteFolder, files: Mapping[str, bytes]) -> None:
        super().put_files(part, folder, files)
        for name, content in files.items():
            path = self.folder / str(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@dataclass
class Machine:
    """The stack and its knobs.

    Attributes:
        target: the stack.
        service: at the primary.
        read_only: what the rsync daemon's configuration says.
        rights: owner and mode of the DR site's output.
        library: whether the backup image has libfaketime.
        watched: what the watcher of saved pictures ends with.
        writing_refused: whether agents' attempts to write are refused.
    """

    target: SiteTarget
    service: FakeService
    read_only: str = "no"
    rights: str = "1000:1000 755"
    library: bool = True
    watched: Callable[[], Executed] = lambda: Executed(4, "watching\n", "")
    keys: str = "right"

    def bash(self, part: Part, command: Sequence[str]) -> Executed:
        """The scripts of the faults, by what they are."""
        script, words = command[2], command[4:]
        if script in {witness.ASK, witness.HOLD}:
            mark = Path(words[2]) if script == witness.HOLD else None
            return (
                self._ask(words[0], words[1])
                if mark is None
                else self._hold(words[0], words[1], mark)
            )
        if script == process_memory.PRESSURE:
            return self._press(part)
        if script == process_memory.READ_LIMIT:
            limit_mb = self.target.parts[part].limit_mb
            limit = HOST_BYTES if limit_mb is None else int(limit_mb * 1e6)
            return Executed(0, f"{limit}\n{HOST_BYTES}\n", "")
        if script == accounts.TURN:
            self.read_only = words[0]
            return Executed(0, "1\n", "")
        if script == accounts.TRY_WRITE and self.read_only == "yes":
            return Executed(1, "", "ERROR: module is read only")
        return Executed(42, "", "404") if script == neighbour.BASH_VIEW else OK

    def python3(self, part: Part, command: Sequence[str]) -> Executed:
        """The agents' programs: on real files, or to the service in memory."""
        program, words = command[2], command[3:]
        if program == site_data.PROGRAM:
            if words[0] == "write" and self.rights.endswith("555"):
                return Executed(1, "", "PermissionError: Permission denied: '/site/output'")
            moved = [each.replace("/site/", f"{self.target.folder}/", 1) for each in words]
            return _run([program, *moved])
        if program == service_state_cache.REPEAT:
            with serving(self.service) as base:
                words = [base, str(self.target.folder / "output"), *words[2:]]
                return _run([program, *words])
        if program == injecting_program.ENDING:
            return _run([program, *words])
        if program == process_saving.WATCH:
            return self.watched()
        assert program == neighbour.PROGRAM, part
        method, url, _, body = words
        status, content = (0, b"refused")
        if self.reachable(Part.PRIMARY_COLORIZATION):
            status, content = self.service.answer(method, url, json.loads(body or "{}"))
        encoded = base64.b64encode(content).decode()
        return Executed(0, json.dumps({"status": status, "content": encoded}), "")

    def mc(self, _part: Part, _command: Sequence[str]) -> Executed:
        """The mirror's request."""
        environment = self.target.parts[Part.PRIMARY_STORAGE].description.environment
        if environment.get("MINIO_ROOT_PASSWORD") == self.keys:
            return OK
        return Executed(1, "", "The request signature we calculated does not match")

    def other(self, _part: Part, command: Sequence[str]) -> Executed:
        """Small commands."""
        if command[0] == "test":
            exists = self.library if "libfaketime" in command[2] else Path(command[2]).exists()
            return Executed(0 if exists else 1, "", "")
        if command[0] == "stat":
            return Executed(0, f"{self.rights}\n", "")
        owner, mode = self.rights.split()
        if command[0] == "chown":
            owner = command[1]
        else:
            mode = command[1].lstrip("0")
        self.rights = f"{owner} {mode}"
        return OK

    def reachable(self, part: Part) -> bool:
        """Whether *part* answers over a network."""
        found = self.target.parts.get(part)
        up = found is not None and found.running and bool(found.networks)
        return up and part not in self.target.held

    def _ask(self, host: str, port: str) -> Executed:
        part = BEHIND_TOXIPROXY[port] if host == Part.TOXIPROXY else Part(host)
        if not self.reachable(part):
            return Executed(witness.SILENT, "", "connection refused")
        if part is Part.BACKUP:
            self._log_connection()
        return Executed(0, "HTTP/1.0 200 OK\n", "")

    def _log_connection(self) -> None:
        part = self.target.parts[Part.BACKUP]
        offset_s = int(part.description.environment.get("FAKETIME", "0"))
        hour, minute = divmod(720 + offset_s // 60, 60)
        written = f"2026/11/22 {hour:02d}:{minute:02d}:00"
        part.printed.append(f"2026-11-22T12:00:00.123456789Z {written} [7] connect from peer")

    def _hold(self, host: str, port: str, mark: Path) -> Executed:
        part = BEHIND_TOXIPROXY[port] if host == Part.TOXIPROXY else Part(host)
        if not self.reachable(part):
            return Executed(witness.SILENT, "", "connection refused")
        before = self.target.parts[part].pid
        mark.touch()
        waited = threading.Event()
        try:
            for _ in range(int(NOTICE_LIMIT_S / 0.01)):
                found = self.target.parts.get(part)
                if found is None or not found.running or found.pid != before:
                    return Executed(witness.SILENT, "", "")
                waited.wait(0.01)
        finally:
            mark.unlink()
        return OK

    def _press(self, part: Part) -> Executed:
        found = self.target.parts[part]
        if found.limit_mb is not None:
            found.end(137)
            found.out_of_memory = True
        return Executed(137, "", "")


def _run(words: Sequence[str]) -> Executed:
    """Run a Python program and its arguments here."""
    done = subprocess.run(
        [sys.executable, "-c", *words], capture_output=True, text=True, check=False, timeout=10
    )
    return Executed(done.returncode, done.stdout, done.stderr)


def machine_stack(folder: Path) -> Machine:
    """Every part runs, but for the DR site's service, which stands by; the site has its files."""
    for each in SiteFolder:
        (folder / each).mkdir()
    (folder / "models" / "ddcolor").mkdir()
    (folder / "models" / "ddcolor" / "ddcolor_nano.safetensors").write_bytes(b"whole weights")
    mounts = {f"/comfyui/{each}": str(each) for each in SiteFolder if each != SiteFolder.CONFIG}
    colorization = PartDescription(
        "service:1",
        "sha256:service:1",
        {"MODEL_SIZE": "960", "DEVICE": "cpu", "SECRET": "not for the ledger"},
        mounts,
        (),
        "unless-stopped",
    )
    storage = PartDescription(
        "minio:1", "sha256:minio:1", {"MINIO_ROOT_PASSWORD": "right"}, {}, (), "unless-stopped"
    )
    descriptions = {
        Part.PRIMARY_COLORIZATION: colorization,
        Part.DR_COLORIZATION: colorization,
        Part.PRIMARY_STORAGE: storage,
    }
    parts = {
        part: FakePart(
            networks={str(part).split("-", maxsplit=1)[0]: [str(part)]},
            running=part is not Part.DR_COLORIZATION,
            description=descriptions.get(part, PLAIN),
        )
        for part in Part
    }
    target = SiteTarget(parts=parts)
    target.folder = folder
    target.held = set()
    target.service = FakeService(folder)
    machine = Machine(target, target.service)
    programs = {"bash": machine.bash, "python3": machine.python3, "mc": machine.mc}
    target.programs.update(programs)
    target.programs.update(dict.fromkeys(("test", "stat", "chown", "chmod"), machine.other))
    return machine
