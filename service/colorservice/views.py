"""``/view``: a file as it is (also a truncated one), as a smaller preview, or some channels.

Pictures are encoded on the event loop, as in ComfyUI: a large one keeps every other client waiting.
What raises here is answered 500.
"""

import io
import mimetypes
from pathlib import Path

from aiohttp import web

from colorservice.paths import RefusedNameError, is_file, named_folder
from colorservice.state import SERVICE

_PREVIEW_QUALITY = 90
_SCRIPT_TYPES = frozenset(
    {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"},
)
# ComfyUI's own additions to what the system knows; the first one keeps scripts of this name out
# of the list above.
mimetypes.add_type("application/javascript; charset=utf-8", ".js")
mimetypes.add_type("image/webp", ".webp")


async def view(request: web.Request) -> web.StreamResponse:
    """Serve a file of the output folder, or of the one that ``type`` names.

    Raises:
        OSError: a preview is wanted of what is no picture.
        ValueError: the preview's quality, or a character of the name, cannot be used.
    """
    query = request.query
    if "filename" not in query:
        return web.Response(status=404)
    settings = request.app[SERVICE].settings
    kind, subfolder = query.get("type", "output"), query.get("subfolder", "")
    try:
        name, folder = named_folder(settings, query["filename"], kind, subfolder)
    except RefusedNameError as refusal:
        return web.Response(status=refusal.status)
    name = name.rpartition("/")[2]
    path = folder / name
    if not is_file(path):
        return web.Response(status=404)
    headers = {"Content-Disposition": f'filename="{name}"'}
    if "preview" in query:
        kind, body = _preview(path, query["preview"], query.get("channel", ""))
        return web.Response(body=body, content_type=kind, headers=headers)
    channel = query.get("channel", "rgba")
    if channel in {"rgb", "a"}:
        body = _channels(path, channel)
        return web.Response(body=body, content_type="image/png", headers=headers)
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers["Content-Type"] = "application/octet-stream" if guessed in _SCRIPT_TYPES else guessed
    return web.FileResponse(path, headers=headers)


def _preview(path: Path, wanted: str, channel: str) -> tuple[str, bytes]:
    """Encode as ``format;quality``, for instance ``webp;90``."""
    from PIL import Image  # noqa: PLC0415 - not needed to start

    parts = wanted.split(";")
    encoding = parts[0] if parts[0] in {"webp", "jpeg"} and "a" not in channel else "webp"
    # Not isdecimal(): "²" is a digit, and no number.
    quality = int(parts[-1]) if parts[-1].isdigit() else _PREVIEW_QUALITY
    buffer = io.BytesIO()
    with Image.open(path) as opened:
        picture: Image.Image = opened
        if encoding == "jpeg" or channel == "rgb":
            picture = opened.convert("RGB")
        picture.save(buffer, format=encoding, quality=quality)
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
