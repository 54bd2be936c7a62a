"""What ComfyUI's web page asks for besides the API of prompts and files.

Settings, the user, translations, templates and the browser of model files. The page works without
extensions of node packs, so there are no translations and no templates of theirs.
"""

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

from aiohttp import web

from colorservice.model_lists import MODEL_FOLDERS, folders_of
from colorservice.node_specs import checkpoint_names
from colorservice.paths import PathEscapeError, inside, is_file
from colorservice.settings import Settings
from colorservice.state import SERVICE

_LOG = logging.getLogger(__name__)
_SETTINGS_FILE = "comfy.settings.json"
_LENGTH_BYTES = 8
_HEADER_BYTES_MAX = 1024 * 1024
"""Of the part of a safetensors file that describes it; a longer one is not read, as in ComfyUI."""

_NOT_BROWSED = frozenset({"configs", "custom_nodes"})


def _settings_file(request: web.Request) -> Path:
    return request.app[SERVICE].settings.user / _SETTINGS_FILE


def _read_settings(path: Path) -> dict[str, Any]:
    """Read the page's settings; what cannot be read counts as none, as in ComfyUI (*weakness*)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _LOG.error("the user settings file %s is corrupted: %s", path, error)
        return {}
    return content if isinstance(content, dict) else {}


def _write_settings(path: Path, values: dict[str, Any]) -> None:
    """Store the page's settings in place (*weakness*: a kill in mid-write truncates them)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=4), encoding="utf-8")


async def read_settings(request: web.Request) -> web.Response:
    """Return every setting of the page."""
    return web.json_response(_read_settings(_settings_file(request)))


async def read_setting(request: web.Request) -> web.Response:
    """Return one setting, null when it was never made."""
    values = _read_settings(_settings_file(request))
    return web.json_response(values.get(request.match_info["id"]))


async def write_settings(request: web.Request) -> web.Response:
    """Add settings to those that are there."""
    path = _settings_file(request)
    _write_settings(path, {**_read_settings(path), **await request.json()})
    return web.Response()


async def write_setting(request: web.Request) -> web.Response:
    """Store one setting; the body is its value."""
    path = _settings_file(request)
    value = await request.json()
    _write_settings(path, {**_read_settings(path), request.match_info["id"]: value})
    return web.Response()


async def users(request: web.Request) -> web.Response:
    """Say that there is one user, whose settings live on the server."""
    migrated = request.app[SERVICE].settings.user.exists()
    return web.json_response({"storage": "server", "migrated": migrated})


async def nothing(_request: web.Request) -> web.Response:
    """Answer an empty map: no translations, no templates of node packs."""
    return web.json_response({})


async def core_templates(_request: web.Request) -> web.Response:
    """List the templates of ComfyUI's own package of them, which is not installed here."""
    return web.json_response([])


async def model_browser(request: web.Request) -> web.Response:
    """List the kinds of models with their folders."""
    settings = request.app[SERVICE].settings
    return web.json_response(
        [
            {"name": kind, "folders": [str(folder) for folder in folders_of(settings, kind)]}
            for kind in MODEL_FOLDERS
            if kind not in _NOT_BROWSED
        ]
    )


def _model_entries(settings: Settings, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for index, folder in enumerate(folders_of(settings, kind)):
        for name in checkpoint_names(folder):
            try:
                status = (folder / name).stat()
            except OSError as error:
                _LOG.warning("model file %s is left out: %s", name, error)
                continue
            times = {"modified": status.st_mtime, "created": status.st_ctime}
            entries.append({"name": name, "pathIndex": index, **times, "size": status.st_size})
    return entries


async def models_of_kind(request: web.Request) -> web.Response:
    """Describe the model files of one kind; 404 for an unknown kind."""
    kind = request.match_info["folder"]
    if kind not in MODEL_FOLDERS:
        return web.Response(status=404)
    return web.json_response(_model_entries(request.app[SERVICE].settings, kind))


async def no_preview(_request: web.Request) -> web.Response:
    """Answer 404: no model here has a preview."""
    return web.Response(status=404)


def _safetensors_metadata(path: Path) -> Any:
    """Read what a checkpoint says of itself, None when it says nothing or is no safetensors."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if size > _HEADER_BYTES_MAX:
                return None
            return json.loads(file.read(size)).get("__metadata__")
    except (OSError, ValueError, AttributeError) as error:
        _LOG.warning("the metadata of %s cannot be read: %s", path.name, error)
        return None


async def view_metadata(request: web.Request) -> web.Response:
    """Return a checkpoint's own metadata; 404 where there is none."""
    kind, name = request.match_info["folder"], request.query.get("filename", "")
    if kind in MODEL_FOLDERS and name.endswith(".safetensors"):
        for folder in folders_of(request.app[SERVICE].settings, kind):
            with contextlib.suppress(PathEscapeError):
                path = inside(folder, name)
                found = _safetensors_metadata(path) if is_file(path) else None
                if found is not None:
                    return web.json_response(found)
    return web.Response(status=404)


ROUTES = [
    web.get("/settings", read_settings),
    web.post("/settings", write_settings),
    web.get("/settings/{id}", read_setting),
    web.post("/settings/{id}", write_setting),
    web.get("/users", users),
    web.get("/i18n", nothing),
    web.get("/workflow_templates", nothing),
    web.get("/view_metadata/{folder}", view_metadata),
    web.get("/experiment/models", model_browser),
    web.get("/experiment/models/{folder}", models_of_kind),
    web.get("/experiment/models/preview/{folder}/{path_index}/{filename:.*}", no_preview),
]

UNMIRRORED_ROUTES = [web.get("/templates/index.json", core_templates)]
"""What the real service does not repeat under ``/api``."""
