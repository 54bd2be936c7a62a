"""The web page: ComfyUI's own where its package is installed, a plain one elsewhere.

``comfyui-frontend-package`` is the page that the real service serves. Nothing of it is imported:
its folder of static files is looked up, and handed out as the real service does.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

_LOG = logging.getLogger(__name__)
PAGE_PACKAGE = "comfyui_frontend_package"
PAGE_ROOT = web.AppKey("page_root", Path)

_DAY_S = 86_400
_HOUR_S = 3_600
_PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".ppm",
    ".bmp",
    ".pgm",
    ".tif",
    ".tiff",
    ".webp",
)
_KEPT_STATUSES = frozenset({200, 201, 202, 203, 204, 205, 206, 301, 308})
_REDIRECTED_STATUSES = frozenset({302, 303, 307})
_NEVER_STORED = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0"}
_PLAIN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ComfyUI reference service</title></head>
<body><h1>Colorization reference service</h1>
<p>This server speaks ComfyUI's API and colours photos with DDColor.</p>
<ul><li><a href="system_stats">system</a></li><li><a href="object_info">nodes</a></li>
<li><a href="queue">queue</a></li><li><a href="history">history</a></li></ul></body></html>
"""


def find_page(package: str = PAGE_PACKAGE) -> Path | None:
    """Return the folder of the installed page, None where there is none to serve."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent / "static"
    if (root / "index.html").is_file():
        return root
    _LOG.warning("the package %s holds no page; reinstall it to have one", package)
    return None


def _cache_header(path: str, status: int) -> str | None:
    """Say how long an answer may be kept: scripts are asked for again, pictures stay a day."""
    name = path.rsplit("/", 1)[-1]
    if path.endswith((".js", ".css")) or (name.startswith("index") and name.endswith(".json")):
        return "no-cache"
    if not path.lower().endswith(_PICTURE_SUFFIXES):
        return None
    if status == web.HTTPNotFound.status_code:
        return f"public, max-age={_HOUR_S}"
    if status in _KEPT_STATUSES:
        return f"public, max-age={_DAY_S}"
    return "no-cache" if status in _REDIRECTED_STATUSES else None


@web.middleware
async def cache_control(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add ``Cache-Control`` by the path's suffix, unless the answer has one."""
    response = await handler(request)
    header = _cache_header(request.path, response.status)
    # A WebSocket's head is on its way already, and nobody keeps one.
    if header is not None and not response.prepared:
        response.headers.setdefault("Cache-Control", header)
    return response


async def page(request: web.Request) -> web.StreamResponse:
    """Serve the web page."""
    root = request.app.get(PAGE_ROOT)
    if root is None:
        return web.Response(text=_PLAIN_PAGE, content_type="text/html", headers=_NEVER_STORED)
    return web.FileResponse(root / "index.html", headers=_NEVER_STORED)


async def extensions(request: web.Request) -> web.Response:
    """List the scripts that the page loads as its extensions."""
    root = request.app.get(PAGE_ROOT)
    if root is None:
        return web.json_response([])
    scripts = sorted((root / "extensions").rglob("*.js"))
    return web.json_response([f"/{quote(path.relative_to(root).as_posix())}" for path in scripts])


ROUTES = [web.get("/", page), web.get("/extensions", extensions)]


def add_page(app: web.Application, root: Path | None) -> None:
    """Serve the page's files at ``/``; call it last, for it answers whatever is left.

    Args:
        app: the application, whose routes have all been added.
        root: what ``find_page`` returned.
    """
    if root is not None:
        app[PAGE_ROOT] = root
        app.router.add_static("/", root)
