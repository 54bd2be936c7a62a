"""``/system_stats``, ``/features`` and ``/ws``, together with the lists of nodes and models.

All of it answers while torch is still being imported.
"""

import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from aiohttp import web

from colorservice import model_lists, object_info
from colorservice.settings import COMFYUI_VERSION
from colorservice.state import FEATURES, SERVICE, Service


@cache
def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "not installed"


def _memory_bytes() -> tuple[int, int]:
    """Return total and available memory; zeros where the kernel does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        table = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return table.get("MemTotal", 0), table.get("MemAvailable", 0)
    except (OSError, ValueError, IndexError):
        return 0, 0


def _device_entry(service: Service, total: int, free: int) -> dict[str, Any]:
    """Describe the configured device, from torch only if that is imported already."""
    memory = (total, free)
    name, index = service.settings.device, None
    if service.settings.device == "cuda":
        name, index, memory = "cuda:0", 0, (0, 0)
        torch = sys.modules.get("torch") if service.warmup.ready() else None
        if torch is not None and torch.cuda.is_available():
            name = f"cuda:0 {torch.cuda.get_device_name(0)}"
            vram_free, vram_total = torch.cuda.mem_get_info(0)
            memory = (vram_total, vram_free)
    return {
        "name": name,
        "type": service.settings.device,
        "index": index,
        "vram_total": memory[0],
        "vram_free": memory[1],
        "torch_vram_total": memory[0],
        "torch_vram_free": memory[1],
    }


async def system_stats(request: web.Request) -> web.Response:
    """Describe the machine and the versions. Healthy here does not mean that jobs run."""
    total, free = _memory_bytes()
    system = {
        "os": os.name,
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": COMFYUI_VERSION,
        "required_frontend_version": None,
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": sys.version,
        "pytorch_version": _torch_version(),
        "embedded_python": False,
        "argv": sys.argv,
    }
    devices = [_device_entry(request.app[SERVICE], total, free)]
    return web.json_response({"system": system, "devices": devices})


async def features(_request: web.Request) -> web.Response:
    """List what the server supports."""
    return web.json_response(FEATURES)


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Open a WebSocket."""
    return await request.app[SERVICE].hub.handle(request)


ROUTES = [
    web.get("/ws", connect),
    web.get("/system_stats", system_stats),
    *object_info.ROUTES,
    *model_lists.ROUTES,
    web.get("/features", features),
]
