"""``/system_stats``, ``/object_info``, ``/models``, ``/embeddings``, ``/features`` and the page.

All of it answers while torch is still being imported.
"""

import logging
import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from aiohttp import web

from colorservice.node_specs import NODE_SPECS, checkpoint_names
from colorservice.settings import COMFYUI_VERSION, Settings
from colorservice.state import FEATURES, SERVICE, Service

_LOG = logging.getLogger(__name__)
_MODEL_FOLDERS = (
    "checkpoints",
    "clip_vision",
    "controlnet",
    "ddcolor",
    "diffusion_models",
    "embeddings",
    "loras",
    "text_encoders",
    "upscale_models",
    "vae",
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ComfyUI reference service</title></head>
<body><h1>Colorization reference service</h1>
<p>This server speaks ComfyUI's API and colours photos with DDColor.</p>
<ul><li><a href="system_stats">system</a></li><li><a href="object_info">nodes</a></li>
<li><a href="queue">queue</a></li><li><a href="history">history</a></li></ul></body></html>
"""


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


def _node_entry(class_type: str, settings: Settings) -> dict[str, Any]:
    """Return ``{class: info}``, or ``{}`` when the node's folders cannot be read."""
    try:
        return {class_type: NODE_SPECS[class_type].info(settings)}
    except OSError as error:
        _LOG.warning("the inputs of %s cannot be listed: %s", class_type, error)
        return {}


async def object_info(request: web.Request) -> web.Response:
    """Describe every node."""
    settings = request.app[SERVICE].settings
    entries: dict[str, Any] = {}
    for class_type in NODE_SPECS:
        entries |= _node_entry(class_type, settings)
    return web.json_response(entries)


async def object_info_of(request: web.Request) -> web.Response:
    """Describe one node; ``{}`` with 200 for an unknown one."""
    class_type = request.match_info["class_type"]
    if class_type not in NODE_SPECS:
        return web.json_response({})
    return web.json_response(_node_entry(class_type, request.app[SERVICE].settings))


async def model_folders(_request: web.Request) -> web.Response:
    """List the kinds of models."""
    return web.json_response(list(_MODEL_FOLDERS))


async def models_in(request: web.Request) -> web.Response:
    """List the model files of one kind; 404 for an unknown kind."""
    folder = request.match_info["folder"]
    if folder not in _MODEL_FOLDERS:
        return web.Response(status=404)
    return web.json_response(checkpoint_names(request.app[SERVICE].settings.models / folder))


async def embeddings(request: web.Request) -> web.Response:
    """List embeddings without their suffixes."""
    names = checkpoint_names(request.app[SERVICE].settings.models / "embeddings")
    return web.json_response([str(Path(name).with_suffix("")) for name in names])


async def features(_request: web.Request) -> web.Response:
    """List what the server supports."""
    return web.json_response(FEATURES)


async def extensions(_request: web.Request) -> web.Response:
    """List web extensions: there are none."""
    return web.json_response([])


async def users(_request: web.Request) -> web.Response:
    """Say that there is one user, whose settings live on the server."""
    return web.json_response({"storage": "server", "migrated": True})


async def page(_request: web.Request) -> web.Response:
    """Serve the web page."""
    return web.Response(text=_PAGE, content_type="text/html", headers={"Cache-Control": "no-cache"})


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Open a WebSocket."""
    return await request.app[SERVICE].hub.handle(request)


ROUTES = [
    web.get("/", page),
    web.get("/ws", connect),
    web.get("/system_stats", system_stats),
    web.get("/object_info", object_info),
    web.get("/object_info/{class_type}", object_info_of),
    web.get("/models", model_folders),
    web.get("/models/{folder}", models_in),
    web.get("/embeddings", embeddings),
    web.get("/features", features),
    web.get("/extensions", extensions),
    web.get("/users", users),
]
