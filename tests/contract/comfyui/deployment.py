"""Ways to start a service for the contract suite, and the base directory that each start gets.

Every deployment offers the same two things, so that one test runs on the bundled reference and on
a ComfyUI of your own: fresh base directories, and services running in one.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

from contract.comfyui.client import CHECKPOINT, NODE_PACK, Handle, Service, until

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "fixtures" / "models" / "ddcolor_nano.safetensors"
REFERENCE = (sys.executable, "-m", "colorservice")
START_S_MAX = 120.0
END_S_MAX = 15.0
LINKED_BYTES_MIN = 1_000_000
_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__")
# in a process of its own: torch would slow down every other test of this one
_PACK_CHECKPOINT = """
import sys, torch
from safetensors.torch import load_file
torch.save({"params": load_file(sys.argv[1])}, sys.argv[2])
"""
_CHECKPOINT = """
import sys, torch
torch.save({content}, sys.stdout.buffer)
"""


class Deployment(Protocol):
    """A way to start the service under test."""

    def new_base(self) -> Path:
        """Make a base directory that holds the node pack and its checkpoint."""

    def running(self, base: Path, **environment: str) -> AbstractContextManager[Service]:
        """Run a service in a base directory until the block ends, by SIGKILL if need be."""


def copy_template(template: Path, base: Path) -> Path:
    """Copy a base directory; large files become hard links, so replace them, never write to them.

    Raises:
        OSError: the template cannot be read.
    """
    shutil.copytree(template, base, copy_function=_copy, ignore=_LEFT_OUT, dirs_exist_ok=True)
    return base


def _copy(source: str, target: str) -> None:
    if Path(source).stat().st_size >= LINKED_BYTES_MIN:
        try:
            os.link(source, target)
        except OSError:  # another file system
            pass
        else:
            return
    shutil.copy2(source, target)


def make_reference_template(folder: Path) -> Path:
    """Make the template for the reference: the bundled weights under the pack's own name."""
    checkpoints = folder / "custom_nodes" / NODE_PACK / "checkpoints"
    checkpoints.mkdir(parents=True)
    target = checkpoints / CHECKPOINT
    command = [sys.executable, "-c", _PACK_CHECKPOINT, str(WEIGHTS), str(target)]
    subprocess.run(command, check=True, timeout=START_S_MAX)
    return folder


def make_checkpoint(content: str) -> bytes:
    """Make a torch file of what an expression describes."""
    command = [sys.executable, "-c", _CHECKPOINT.format(content=content)]
    return subprocess.run(command, check=True, timeout=START_S_MAX, stdout=subprocess.PIPE).stdout


@dataclass(frozen=True)
class ProcessDeployment:
    """Starts a program on this machine.

    Attributes:
        command: the program and its arguments; the suite appends where to listen and the base.
        template: what every base directory starts with.
        folder: makes a fresh folder.
    """

    command: Sequence[str]
    template: Path
    folder: Callable[[], Path]

    def new_base(self) -> Path:
        """Make a base directory that holds the node pack and its checkpoint."""
        return copy_template(self.template, self.folder())

    @contextmanager
    def running(self, base: Path, **environment: str) -> Iterator[Service]:
        """Run a service in a base directory until the block ends."""
        port = _free_port()
        command = [*self.command, "--listen", "127.0.0.1", "--port", str(port)]
        log = base.parent / f"{base.name}.log"
        # a shell that starts pytest in the background leaves SIGINT ignored; children inherit it
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with log.open("wb") as output:
                program = subprocess.Popen(
                    [*command, "--base-directory", str(base)],
                    env={**os.environ, "PYTHONPATH": str(ROOT / "service"), **environment},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        finally:
            signal.signal(signal.SIGINT, before)
        service = Service(f"http://127.0.0.1:{port}", base, ProcessHandle(program, log))
        try:
            wait_until_up(service)
            yield service
        finally:
            service.session.close()
            program.kill()
            program.wait(END_S_MAX)


@dataclass(frozen=True)
class ProcessHandle:
    """A program on this machine and the file that it prints to."""

    program: subprocess.Popen[bytes]
    path: Path

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.program.send_signal(number)

    def wait(self, limit_s: float) -> int | None:
        """Return the exit status as a shell counts (128 + signal), None while it still runs."""
        try:
            code = self.program.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        return 128 - code if code < 0 else code

    def log(self) -> str:
        """Return what the program has printed."""
        return self.path.read_text(encoding="utf-8", errors="replace")


def wait_until_up(service: Service) -> None:
    """Wait for the first HTTP answer.

    Raises:
        AssertionError: the program ended, or did not answer in time; with what it printed.
    """

    def answered() -> bool:
        try:
            service.get("/system_stats")
        except requests.ConnectionError:
            ended = service.program.wait(0)
            assert ended is None, f"the service ended with {ended}: {service.program.log()}"
            return False
        return True

    try:
        until(answered, f"an answer of {service.url}", START_S_MAX)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{_tail(service.program)}") from error


def _tail(program: Handle) -> str:
    return "\n".join(program.log().splitlines()[-30:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
