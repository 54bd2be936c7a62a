"""``/upload/image``, ``/upload/mask`` and ``/view``."""

import asyncio
import io
import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import FileField

from colorservice.paths import PathEscapeError, inside, is_file, split_annotation
from colorservice.settings import Settings
from colorservice.state import SERVICE

_PREVIEW_QUALITY = 90
_SCRIPT_TYPES = frozenset(
    {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"},
)

_Writer = Callable[[bytes, Path], None]


class _RefusedError(Exception):
    """A request that gets a bare status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def upload_image(request: web.Request) -> web.Response:
    """Store an upload as it is; nothing checks that it is a picture."""
    return await _upload(request, lambda _form: _write_in_place)


async def upload_mask(request: web.Request) -> web.Response:
    """Store the picture that ``original_ref`` names with the alpha channel of the upload."""
    settings = request.app[SERVICE].settings
    return await _upload(request, lambda form: _mask_writer(settings, form))


async def _upload(
    request: web.Request, choose_writer: Callable[[dict[str, Any]], _Writer]
) -> web.Response:
    form = dict(await request.post())
    image = form.get("image")
    if not isinstance(image, FileField) or not image.filename:
        return web.Response(status=400)
    settings = request.app[SERVICE].settings
    try:
        writer = choose_writer(form)
        content = image.file.read()
        answer = await asyncio.to_thread(_store, settings, form, image.filename, content, writer)
    except _RefusedError as refusal:
        return web.Response(status=refusal.status)
    return web.json_response(answer)


def _store(
    settings: Settings,
    form: dict[str, Any],
    name: str,
    content: bytes,
    writer: _Writer,
) -> dict[str, str]:
    kind = str(form.get("type") or "input")
    subfolder = str(form.get("subfolder") or "")
    root = settings.folder(kind)
    if root is None:
        raise _RefusedError(400)
    try:
        folder = inside(root, subfolder)
        path = inside(folder, name)
    except PathEscapeError as error:
        raise _RefusedError(400) from error
    if path.is_dir():
        raise _RefusedError(400)
    folder.mkdir(parents=True, exist_ok=True)
    if str(form.get("overwrite")) not in {"true", "1"}:
        path, already_there = _free_name(path, content)
        if already_there:
            return {"name": path.name, "subfolder": subfolder, "type": kind}
    try:
        writer(content, path)
    except FileNotFoundError as error:  # a folder inside the file name
        raise _RefusedError(400) from error
    return {"name": path.name, "subfolder": subfolder, "type": kind}


def _free_name(path: Path, content: bytes) -> tuple[Path, bool]:
    """Return where to store, and whether the very same content is there already."""
    candidate = path
    number = 1
    while candidate.exists():
        if is_file(candidate) and candidate.read_bytes() == content:
            return candidate, True
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return candidate, False


def _write_in_place(content: bytes, path: Path) -> None:
    # Weakness kept on purpose: in place, no fsync.
    path.write_bytes(content)


def _mask_writer(settings: Settings, form: dict[str, Any]) -> _Writer:
    try:
        reference = json.loads(form["original_ref"])
        name, kind = split_annotation(str(reference["filename"]))
        subfolder = str(reference.get("subfolder") or "")
        kind = kind or str(reference.get("type") or "output")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _RefusedError(400) from error
    original = _locate(settings, name, kind, subfolder)

    def write(content: bytes, path: Path) -> None:
        from PIL import Image  # noqa: PLC0415 - not needed to start
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - not needed to start

        notes = PngInfo()
        with Image.open(original) as source, Image.open(io.BytesIO(content)) as mask:
            for key, text in getattr(source, "text", {}).items():
                notes.add_text(key, text)
            masked = source.convert("RGBA")
            masked.putalpha(mask.convert("RGBA").getchannel("A"))
            masked.save(path, format="PNG", compress_level=4, pnginfo=notes)

    return write


def _locate(settings: Settings, name: str, kind: str, subfolder: str) -> Path:
    if not name or name.startswith("/") or ".." in name or "\0" in name:
        raise _RefusedError(400)
    root = settings.folder(kind)
    if root is None:
        raise _RefusedError(400)
    try:
        path = inside(inside(root, subfolder), Path(name).name)
        # A link in a subfolder may still lead back into the root, so ask again from there.
        inside(root, str(path.relative_to(root.resolve())))
    except (PathEscapeError, ValueError) as error:
        raise _RefusedError(403) from error
    if not is_file(path):
        raise _RefusedError(404)
    return path


async def view(request: web.Request) -> web.StreamResponse:
    """Serve a file: as it is (also a truncated one), as a smaller preview, or some channels."""
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    name, kind = split_annotation(query["filename"])
    kind = kind or query.get("type", "output")
    settings = request.app[SERVICE].settings
    try:
        path = _locate(settings, name, kind, query.get("subfolder", ""))
    except _RefusedError as refusal:
        return web.Response(status=refusal.status)
    headers = {"Content-Disposition": f'filename="{quote(path.name, safe=" ()[]")}"'}
    channel = query.get("channel", "rgba")
    if "preview" in query:
        wanted = query["preview"]
        kind, body = await asyncio.to_thread(_preview, path, wanted, query.get("channel", ""))
        return web.Response(body=body, content_type=kind, headers=headers)
    if channel in {"rgb", "a"}:
        body = await asyncio.to_thread(_channels, path, channel)
        return web.Response(body=body, content_type="image/png", headers=headers)
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers["Content-Type"] = "application/octet-stream" if guessed in _SCRIPT_TYPES else guessed
    return web.FileResponse(path, headers=headers)


def _preview(path: Path, wanted: str, channel: str) -> tuple[str, bytes]:
    """Encode as ``format;quality``, for instance ``webp;90``; an undecodable file is a 500."""
    from PIL import Image  # noqa: PLC0415 - not needed to start

    parts = wanted.split(";")
    encoding = parts[0] if parts[0] in {"webp", "jpeg"} and "a" not in channel else "webp"
    quality = int(parts[-1]) if parts[-1].isdecimal() else _PREVIEW_QUALITY
    buffer = io.BytesIO()
    with Image.open(path) as opened:
        picture: Image.Image = opened
        if encoding == "jpeg" or channel == "rgb":
            picture = opened.convert("RGB")
        picture.save(buffer, format=encoding, quality=min(quality, 100))
    return f"image/{encoding}", buffer.getvalue()


def _channels(path: Path, channel: str) -> bytes:
    from PIL import Image  # noqa: PLC0415 - not needed to start

    buffer = io.BytesIO()
    with Image.open(path) as opened:
        if channel == "rgb":
            result = opened.convert("RGB")
        else:
            alpha = opened.getchannel("A") if opened.mode == "RGBA" else None
            result = Image.new("RGBA", opened.size)
            result.putalpha(alpha or Image.new("L", opened.size, 255))
        result.save(buffer, format="PNG")
    return buffer.getvalue()


ROUTES = [
    web.post("/upload/image", upload_image),
    web.post("/upload/mask", upload_mask),
    web.get("/view", view),
]
