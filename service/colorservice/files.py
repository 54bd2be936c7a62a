"""``/upload/image`` and ``/upload/mask``.

Everything happens on the event loop, as in ComfyUI: uploads never run at the same time, and a
large one keeps every other client waiting. What raises here is answered 500.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from colorservice.masks import write_masked
from colorservice.paths import PathEscapeError, exists, inside
from colorservice.settings import Settings
from colorservice.state import SERVICE
from colorservice.views import view

_Writer = Callable[[bytes, Path], None]


async def upload_image(request: web.Request) -> web.Response:
    """Store an upload as it is; nothing checks that it is a picture."""
    form = await request.post()
    return _upload(request.app[SERVICE].settings, form, _write_in_place)


async def upload_mask(request: web.Request) -> web.Response:
    """Store the picture that ``original_ref`` names with the alpha channel of the upload."""
    form = await request.post()
    settings = request.app[SERVICE].settings

    def write(content: bytes, path: Path) -> None:
        write_masked(settings, form.get("original_ref"), content, path)

    return _upload(settings, form, write)


def _upload(settings: Settings, form: Mapping[str, Any], write: _Writer) -> web.Response:
    """Store the form's file under a free name and tell which.

    Raises:
        LookupError: there is no folder of this type.
        TypeError: the field ``image`` is text.
        OSError: the file cannot be written, for instance below a folder that is not there.
        ValueError: the name cannot be one, or there is no way to write such a picture.
    """
    kind = form.get("type", "input")
    root = settings.folder(kind)
    if root is None:
        message = f"there is no folder of type {kind!r}"
        raise LookupError(message)
    image = form.get("image")
    if not image:
        return web.Response(status=400)
    if not isinstance(image, FileField):
        message = "the field image holds text and no file"
        raise TypeError(message)
    name = image.filename
    subfolder = form.get("subfolder", "")
    folder = root / os.path.normpath(subfolder)
    try:
        path = inside(root, str(folder / name))
    except PathEscapeError:
        return web.Response(status=400)
    # ComfyUI makes the subfolder wherever it lies, if only the name leads back ("../new" with
    # "../input/a.png"). No client sees those folders, and outside ours there are none made here.
    if folder.is_relative_to(root):
        folder.mkdir(parents=True, exist_ok=True)
    content = image.file.read()
    known = False
    if form.get("overwrite") not in {"true", "1"}:
        name, path, known = _free_name(folder, name, path, content)
    if not known:
        write(content, path)
    return web.json_response({"name": name, "subfolder": subfolder, "type": kind})


def _free_name(folder: Path, name: str, path: Path, content: bytes) -> tuple[str, Path, bool]:
    """Return the name to store under, its path, and whether that holds the same content already.

    Raises:
        OSError: what has this name cannot be read; it may be a folder.
    """
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - the name may hold folders
    number = 1
    while exists(path):
        if path.read_bytes() == content:
            return name, path, True
        name = f"{stem} ({number}){suffix}"
        path = Path(os.path.normpath(folder / name))
        number += 1
    return name, path, False


def _write_in_place(content: bytes, path: Path) -> None:
    # Weakness kept on purpose: in place, no fsync.
    path.write_bytes(content)


ROUTES = [
    web.post("/upload/image", upload_image),
    web.post("/upload/mask", upload_mask),
    web.get("/view", view),
]
