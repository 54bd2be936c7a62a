"""``/userdata``: the user's files, above all the workflows."""

import asyncio
import mimetypes
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from colorservice.paths import PathEscapeError, inside, is_file
from colorservice.state import SERVICE

_SCRIPT_TYPES = frozenset(
    {"text/html", "application/xhtml+xml", "text/javascript", "application/javascript"},
)


def _is_true(request: web.Request, name: str, default: str = "") -> bool:
    return request.query.get(name, default).lower() == "true"


def _user_root(request: web.Request) -> Path:
    return request.app[SERVICE].settings.user


def _resolve(request: web.Request, name: str) -> Path | None:
    """Return the path of a user file, None when it leads outside."""
    try:
        return inside(_user_root(request), unquote(name) if "%" in name else name)
    except PathEscapeError:
        return None


def _describe(path: Path, root: Path) -> dict[str, Any]:
    """Describe a file as the page expects it: times in milliseconds, size in bytes."""
    status = path.stat()
    return {
        "path": path.relative_to(root.resolve()).as_posix(),
        "size": status.st_size,
        "modified": int(status.st_mtime * 1000),
        "created": int(status.st_ctime * 1000),
    }


def _answer(request: web.Request, path: Path) -> web.Response:
    root = _user_root(request)
    if _is_true(request, "full_info"):
        return web.json_response(_describe(path, root))
    return web.json_response(path.relative_to(root.resolve()).as_posix())


async def list_directory(request: web.Request) -> web.Response:
    """List the files of ``dir``; ``recurse``, ``full_info`` and ``split`` choose the form."""
    directory = request.query.get("dir", "")
    if not directory:
        return web.Response(status=400, text="Directory not provided")
    folder = _resolve(request, directory)
    if folder is None:
        return web.Response(status=403, text="Invalid directory")
    if not folder.is_dir():
        return web.Response(status=404, text="Directory not found")
    found = folder.rglob("*") if _is_true(request, "recurse") else folder.iterdir()
    files = sorted(path for path in found if is_file(path) and not path.name.startswith("."))
    if _is_true(request, "full_info"):
        return web.json_response([_describe(path, folder) for path in files])
    names = [path.relative_to(folder).as_posix() for path in files]
    if _is_true(request, "split"):
        return web.json_response([[name, *name.split("/")] for name in names])
    return web.json_response(names)


async def list_tree(request: web.Request) -> web.Response:
    """List everything below ``path``, folders first (``/v2/userdata``)."""
    root = _user_root(request)
    wanted = request.query.get("path", "")
    folder = _resolve(request, wanted)
    if folder is None:
        return web.Response(status=400, text="Invalid path requested")
    if not folder.exists():
        if folder == root.resolve():
            return web.json_response([])
        return web.Response(status=404, text="Requested path not found")
    if not folder.is_dir():
        return web.Response(status=400, text="Requested path is not a directory")
    entries = [_tree_entry(path, root.resolve()) for path in folder.rglob("*")]
    entries.sort(key=lambda entry: (entry["type"] != "directory", entry["name"].lower()))
    return web.json_response(entries)


def _tree_entry(path: Path, root: Path) -> dict[str, Any]:
    shown = path.relative_to(root).as_posix()
    if path.is_dir():
        return {"name": path.name, "path": shown, "type": "directory"}
    entry: dict[str, Any] = {"name": path.name, "path": shown, "type": "file"}
    try:
        status = path.stat()
    except OSError:  # a dangling link is listed without its size
        return entry
    return {**entry, "size": status.st_size, "modified": status.st_mtime}


async def read_file(request: web.Request) -> web.StreamResponse:
    """Serve one file."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not is_file(path):
        return web.Response(status=404)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind in _SCRIPT_TYPES:
        kind = "application/octet-stream"
    headers = {"Content-Type": kind, "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(path, headers=headers)


async def write_file(request: web.Request) -> web.Response:
    """Store the body under a name, in place; ``overwrite=false`` refuses an existing one."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not _is_true(request, "overwrite", "true") and path.exists():
        return web.Response(status=409, text="File already exists")
    if path.is_dir():
        return web.Response(status=400, text="The name is a folder")
    body = await request.read()

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    await asyncio.to_thread(write)
    return _answer(request, path)


async def delete_file(request: web.Request) -> web.Response:
    """Delete one file."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not is_file(path):
        return web.Response(status=404)
    path.unlink()
    return web.Response(status=204)


async def move_file(request: web.Request) -> web.Response:
    """Rename a file; ``overwrite=false`` refuses an existing destination."""
    source = _resolve(request, request.match_info["file"])
    target = _resolve(request, request.match_info["dest"])
    if source is None or target is None:
        return web.Response(status=403)
    if not is_file(source):
        return web.Response(status=404)
    if not _is_true(request, "overwrite", "true") and target.exists():
        return web.Response(status=409, text="File already exists")
    if target.is_dir():
        return web.Response(status=400, text="The name is a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(shutil.move, source, target)
    return _answer(request, target)


ROUTES = [
    web.get("/userdata", list_directory),
    web.get("/v2/userdata", list_tree),
    web.get("/userdata/{file}", read_file),
    web.post("/userdata/{file}", write_file),
    web.delete("/userdata/{file}", delete_file),
    web.post("/userdata/{file}/move/{dest}", move_file),
]
