"""The DR site stands by empty: what a rehearsal or a recovery left there goes."""

from __future__ import annotations

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

EMPTY_LIMIT_S = 120.0

# a restore goes on in its container when the one who began it is gone: it ends before its files go
_EMPTY = r"""
import os, signal, subprocess, sys, time
def restores():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        program = {os.path.basename(word) for word in words[:2]}
        into_site = b"rsync" in program and words[-2:-1] == [b"/site/"]
        offsite = program & {b"colordrill-offsite", b"restic"} and b"restore" in words
        if into_site or offsite or b"colordrill-restore" in program:
            yield int(entry)
for _ in range(100):
    running = list(restores())
    if not running:
        break
    for pid in running:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.05)
else:
    sys.exit("a restore cannot be ended")
folders = [entry.path for entry in os.scandir("/site") if entry.is_dir()]
sys.exit(subprocess.run(["find", *folders, "-mindepth", "1", "-delete"]).returncode)
"""


def empty_dr_site(target: Target) -> None:
    """Remove every file of the DR site; a restore into it that is under way is ended first.

    Raises:
        EnvironmentProblem: it cannot be emptied.
    """
    command = ("python3", "-c", _EMPTY)
    done = target.execute(Part.DR_AGENT, command, timeout_s=EMPTY_LIMIT_S)
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"the DR site's volumes cannot be emptied: {done.stderr.strip()}",
            "empty them by hand: a restore refuses a site that holds data",
        )
