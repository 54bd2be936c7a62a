"""Looks at this machine and its engine, and returns facts; judges and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

_COMMAND_LIMIT_S = 15.0
_BYTES_PER_GB = 1e9


def probe_output(command: list[str]) -> str | None:
    """What a command printed; None when it is absent, fails, or takes too long."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def probe_engine() -> dict[str, Any]:
    """The facts of ``docker info``; only an ``error`` when no engine answers."""
    try:
        result = subprocess.run(
            ["docker", "info", "--format", "{{json .}}"],
            capture_output=True,
            text=True,
            timeout=_COMMAND_LIMIT_S,
            check=False,
        )
        facts = json.loads(result.stdout or "{}")
    except FileNotFoundError:
        return {"error": "there is no docker command"}
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return {"error": f"docker info: {error}"}
    if not isinstance(facts, dict):
        return {"error": "docker info printed something unknown"}
    errors = facts.get("ServerErrors") or [result.stderr.strip()]
    return facts if facts.get("ServerVersion") else {"error": str(errors[0])}


def probe_disk(facts: dict[str, Any]) -> tuple[int | None, str]:
    """Free bytes where the engine keeps its images, and that place."""
    where = Path(str(facts.get("DockerRootDir") or "/"))
    # the folder itself may be closed to this user; its file system is that of a parent
    while not os.access(where, os.X_OK) and where != where.parent:
        where = where.parent
    try:
        return shutil.disk_usage(where).free, str(where)
    except OSError:
        return None, str(where)


def probe_memory_gb(facts: dict[str, Any]) -> float | None:
    """Main memory: the engine's view, which on a desktop is that of its virtual machine."""
    total = facts.get("MemTotal")
    return float(total) / _BYTES_PER_GB if total else None


def probe_cores(facts: dict[str, Any]) -> int | None:
    """Cores of the engine, else of this machine."""
    cores = facts.get("NCPU") or os.cpu_count()
    return int(cores) if cores else None


def probe_loopback_port() -> int | None:
    """A free port of the loopback interface, closed again; None when none can be opened."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return int(server.getsockname()[1])
    except OSError:
        return None


def probe_kernel() -> dict[str, bool | None]:
    """Which kernel features are there; None where this is no Linux."""
    file_systems = Path("/proc/filesystems")
    if not file_systems.is_file():
        return dict.fromkeys(("overlay", "iptables", "loop", "fuse"))
    known = file_systems.read_text(encoding="utf-8").split()
    return {
        "overlay": "overlay" in known,
        "iptables": Path("/proc/net/ip_tables_names").exists()
        or bool(shutil.which("iptables") or shutil.which("nft")),
        "loop": Path("/dev/loop-control").exists(),
        "fuse": "fuse" in known and Path("/dev/fuse").exists(),
    }


def probe_container_toolkit(facts: dict[str, Any]) -> bool:
    """Whether the NVIDIA container toolkit is there, for the engine or at least on this machine."""
    return "nvidia" in (facts.get("Runtimes") or {}) or shutil.which("nvidia-ctk") is not None
