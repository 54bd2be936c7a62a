"""``/userdata``: the user's files, above all the workflows. What raises here is answered 500."""

import glob
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from colorservice.paths import PathEscapeError, exists, inside, is_file
from colorservice.state import SERVICE

_LOG = logging.getLogger(__name__)
_BAD_NAME = "Invalid filename: it may be a folder, too long, or the volume full or read-only"


def _is_true(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _may_overwrite(request: web.Request) -> bool:
    return request.query.get("overwrite", "true") != "false"


def _user_root(request: web.Request) -> Path:
    return request.app[SERVICE].settings.user


def _resolve(request: web.Request, name: str, *, makes_parent: bool = True) -> Path | None:
    """Return the path of a user file, None when it leads outside.

    *Weakness* kept on purpose: the folder above is created, even to find that there is no file.

    Raises:
        OSError: that folder cannot be made.
        ValueError: its name cannot be one.
    """
    try:
        path = inside(_user_root(request), unquote(name) if "%" in name else name)
    except PathEscapeError:
        return None
    if makes_parent and not exists(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _shown(path: Path, relative_to: Path) -> str:
    return os.path.relpath(path, relative_to)


def _describe(path: Path, relative_to: Path) -> dict[str, Any]:
    """Describe a file: times in seconds since 1970, size in bytes."""
    status = path.stat()
    return {
        "path": _shown(path, relative_to),
        "size": status.st_size,
        "modified": status.st_mtime,
        "created": status.st_ctime,
    }


def _answer(request: web.Request, path: Path) -> web.Response:
    root = _user_root(request)
    if _is_true(request, "full_info"):
        return web.json_response(_describe(path, root))
    return web.json_response(_shown(path, root))


async def list_directory(request: web.Request) -> web.Response:
    """List the files of ``dir``; ``recurse``, ``full_info`` and ``split`` choose the form."""
    directory = request.query.get("dir", "")
    if not directory:
        return web.Response(status=400, text="Directory not provided")
    folder = _resolve(request, directory)
    if folder is None:
        return web.Response(status=403, text="Invalid directory")
    if not exists(folder):
        return web.Response(status=404, text="Directory not found")
    files = _files_in(folder, recursive=_is_true(request, "recurse"))
    if _is_true(request, "full_info"):
        return web.json_response([_describe(path, folder) for path in files])
    names = [_shown(path, folder) for path in files]
    if _is_true(request, "split"):
        return web.json_response([[name, *name.split("/")] for name in names])
    return web.json_response(names)


def _files_in(folder: Path, *, recursive: bool) -> list[Path]:
    """List files, but not hidden ones nor those below hidden folders; links are followed."""
    pattern = f"{glob.escape(str(folder))}/{'**/' if recursive else ''}*"
    found = glob.glob(pattern, recursive=recursive)  # noqa: PTH207 - Path.glob shows hidden files
    return [path for path in map(Path, found) if is_file(path)]


async def list_tree(request: web.Request) -> web.Response:
    """List everything below ``path``, folders first (``/v2/userdata``)."""
    root = _user_root(request)
    wanted = unquote(request.query.get("path", ""))
    folder = _resolve(request, wanted, makes_parent=False) if wanted else root
    if folder is None:
        return web.Response(status=400, text="Invalid path requested")
    if not exists(folder):
        if folder == root:
            return web.json_response([])
        return web.Response(status=404, text="Requested path not found")
    if not folder.is_dir():
        return web.Response(status=400, text="Requested path is not a directory")
    entries = list(_tree_entries(folder, root))
    entries.sort(key=lambda entry: (entry["type"] != "directory", entry["name"].lower()))
    return web.json_response(entries)


def _tree_entries(folder: Path, root: Path) -> Iterator[dict[str, Any]]:
    for parent, folders, files in os.walk(folder):
        for name in folders:
            shown = _shown(Path(parent) / name, root)
            yield {"name": name, "path": shown, "type": "directory"}
        for name in files:
            path = Path(parent) / name
            entry: dict[str, Any] = {"name": name, "path": _shown(path, root)}
            entry["type"] = "file"
            try:
                status = path.stat()
            except OSError:  # a dangling link is listed without its size
                yield entry
            else:
                yield {**entry, "size": status.st_size, "modified": status.st_mtime}


async def read_file(request: web.Request) -> web.StreamResponse:
    """Serve one file."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not exists(path):
        return web.Response(status=404)
    return web.FileResponse(path)


async def write_file(request: web.Request) -> web.Response:
    """Store the body under a name, in place; ``overwrite=false`` refuses an existing one."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not _may_overwrite(request) and exists(path):
        return web.Response(status=409, text="File already exists")
    body = await request.read()
    try:
        path.write_bytes(body)
    except OSError as error:
        # Weakness kept on purpose: a full disk is answered like a bad name.
        _LOG.warning("the user file %s cannot be written: %s", path, error)
        return web.Response(status=400, reason=_BAD_NAME)
    return _answer(request, path)


async def delete_file(request: web.Request) -> web.Response:
    """Delete one file."""
    path = _resolve(request, request.match_info["file"])
    if path is None:
        return web.Response(status=403)
    if not exists(path):
        return web.Response(status=404)
    path.unlink()
    return web.Response(status=204)


async def move_file(request: web.Request) -> web.Response:
    """Rename a file or folder; ``overwrite=false`` refuses an existing destination.

    Raises:
        PathEscapeError: the destination leads outside; ComfyUI answers 500 there.
        OSError: it cannot be moved.
    """
    source = _resolve(request, request.match_info["file"])
    if source is None:
        return web.Response(status=403)
    if not exists(source):
        return web.Response(status=404)
    target = _resolve(request, request.match_info["dest"])
    if target is None:
        message = "the destination leaves the user's folder"
        raise PathEscapeError(message)
    if not _may_overwrite(request) and exists(target):
        return web.Response(status=409, text="File already exists")
    shutil.move(source, target)
    return _answer(request, target)


ROUTES = [
    web.get("/userdata", list_directory),
    web.get("/v2/userdata", list_tree),
    web.get("/userdata/{file}", read_file),
    web.post("/userdata/{file}", write_file),
    web.delete("/userdata/{file}", delete_file),
    web.post("/userdata/{file}/move/{dest}", move_file),
]
