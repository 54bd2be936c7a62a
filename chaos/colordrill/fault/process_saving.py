"""The service dies in the middle of writing a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.injecting_program import draw_mark, end_marked, marked
from colordrill.fault.neighbour import Neighbour
from colordrill.fault.parameters import number
from colordrill.fault.process_parts import PartFault
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.site_data import SiteData, seen_by_host
from colordrill.fault.witness import a_look
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, Target

PNG_END = b"IEND\xaeB`\x82"

# Runs in the host's helper: the output folder as the agent sees it, the service's first process.
# The service is held before it is killed: it might finish the picture between a look and SIGKILL.
# SIGKILL to the first process of a process namespace ends all of it.
WATCH = r"""
import contextlib, json, os, signal, sys, time
folder, victim, limit_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
END = b"IEND\xaeB`\x82"
def names():
    walked = [(at, name) for at, _, found in os.walk(folder) for name in found]
    return {os.path.join(at, name) for at, name in walked if name.endswith(".png")}
def whole(path):
    with open(path, "rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - len(END)))
        return size, file.read() == END
def tree(process):
    yield process
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/children") as file:
            for child in file.read().split():
                yield from tree(int(child))
def signalled(number):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
def running(process):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] not in "TtZXx":
                    return True
    return False
def awaited(held):
    for _ in range(1000):
        if held():
            return
        time.sleep(0.001)
known, processes = names(), list(tree(victim))
# a picture is written in some ten milliseconds: whoever waits for a processor comes too late
with contextlib.suppress(OSError):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
print("watching", flush=True)
until = time.monotonic() + limit_s
while time.monotonic() < until:
    for path in names() - known:
        size, done = whole(path)
        if size and not done:
            try:
                signalled(signal.SIGSTOP)
                awaited(lambda: not any(map(running, processes)))
                size, done = whole(path)
                if not done:
                    os.kill(victim, signal.SIGKILL)
                    awaited(lambda: not running(victim))
                    size, done = whole(path)
                    found = {"file": os.path.relpath(path, folder), "bytes": size, "whole": done}
                    print(json.dumps(found))
                    sys.exit(3 if done else 0)
            finally:
                signalled(signal.SIGCONT)
        if done:
            known.add(path)
    time.sleep(0.0005)
sys.exit(4)
"""
LATE = 3


@dataclass
class KilledWhileSaving(PartFault):
    """SIGKILL while SaveImage has written a part of a picture, of whatever job comes next.

    Attributes:
        wait_s: for so long a picture is waited for.
    """

    wait_s: float = 10.0

    name: ClassVar[str] = "killed_while_saving"
    requires: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PROCESS_SIGNAL, Capability.EXECUTE}
    )
    about: ClassVar[About] = About(
        effect=(
            "A picture on the disk is cut off in its middle. Its job was never completed, but the "
            "service serves the file with status 200 as if it were one."
        ),
        method=(
            "A watcher in the host's helper looks at the output folder, holds the service from "
            "outside (SIGSTOP) the moment a new PNG is there in part, and kills it if the PNG is "
            "still in part then; otherwise the service goes on, and the next picture is waited for."
        ),
        evidence=(
            "The site's agent reads the file and finds no end of a PNG; and the gateway's own "
            "request is not answered, or the service, back again, serves the truncated file."
        ),
        cure=(
            "The watcher is ended; a service that is still held goes on (SIGCONT); the truncated "
            "file is removed (a whole one never is) and the service started if the restart policy "
            "has not done so. It is read back by its state and the gateway's request."
        ),
        incidents=(
            "ComfyUI's SaveImage writes in place, without a temporary name and without fsync: "
            "after a crash, galleries show half pictures, and backups keep them."
        ),
        targets=("primary-colorization",),
    )

    def __post_init__(self) -> None:
        """Refuse another part: nothing else saves pictures."""
        super().__post_init__()
        if self.target_name != Part.PRIMARY_COLORIZATION:
            known = [Part.PRIMARY_COLORIZATION]
            raise UnknownName("service that saves pictures", self.target_name, known)
        self.wait_s = number("wait_s", self.wait_s, 0.1, 60.0)

    def healthy(self, target: Target) -> Evidence:
        """The service runs and is answered; the watcher's mark is drawn."""
        draw_mark(self.memory)
        return super().healthy(target)

    def inject(self, target: Target) -> None:
        """Wait, bounded, for a picture to be half written, and kill.

        Raises:
            EnvironmentProblem: none was written, or the kill came too late to cut one off.
        """
        self.refuse_down(target)
        folder = seen_by_host(target, Part.PRIMARY_AGENT, "output")
        words = (folder, str(target.pid(self.part)), f"{self.wait_s:g}")
        command = marked(self.memory, ("python3", "-c", WATCH, *words))
        watched = target.on_host(command, timeout_s=self.wait_s + 5.0)
        if watched.exit_code not in {0, LATE}:
            raise EnvironmentProblem(
                f"no picture was cut off within {self.wait_s:g} s: "
                f"exit {watched.exit_code} {watched.stderr.strip()[-200:]}",
                "the workload must flow while this fault waits; see its arrivals in the history",
            )
        found = json.loads(watched.stdout.splitlines()[-1])
        self.memory.update(file=found["file"], bytes=found["bytes"])
        if watched.exit_code == LATE:
            raise EnvironmentProblem(f"{found['file']} was whole before the service died")

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """The file is cut off for the agent, and the gateway sees the outage or is served it."""
        file = self.memory.get("file")
        if file is None:
            return Evidence(seen=False, detail="no picture was cut off")
        if not self._is_cut_off(target):
            return Evidence(seen=False, detail=f"output/{file} is whole, or not there")
        detail = f"output/{file} ends after {self.memory['bytes']} bytes"
        looked = super().evidence(target)
        if looked.seen:
            return Evidence(seen=True, detail=f"{detail}; {looked.detail}")
        neighbour = Neighbour(target, Part.GATEWAY, "toxiproxy", 18188)
        served = neighbour.view_end(str(file))
        return Evidence(
            seen=served is not None and not served.endswith(PNG_END),
            detail=f"{detail}; {looked.detail}; served: {(served or b'')[-12:]!r}",
        )

    def heal(self, target: Target) -> None:
        """End the watcher, let go on what it has held, remove what is cut off, start."""
        end_marked(self.memory, target.on_host)
        if self.memory.get("running") and target.state(self.part).running:
            target.signal(self.part, "SIGCONT")
        if self.memory.get("file") is not None and self._is_cut_off(target):
            SiteData(target, Part.PRIMARY_AGENT).remove(f"output/{self.memory['file']}")
        super().heal(target)

    def _is_cut_off(self, target: Target) -> bool:
        data = SiteData(target, Part.PRIMARY_AGENT)
        end = data.end_of(f"output/{self.memory['file']}", len(PNG_END))
        return end is not None and end != PNG_END


FAULTS: tuple[type, ...] = (KilledWhileSaving,)
