"""The web application: every route at its own path and again under ``/api``."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from colorservice import files, prompt_routes, system, userdata
from colorservice.settings import UPLOAD_BYTES_MAX
from colorservice.state import SERVICE, Service

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_foreign(host_header: str, origin_header: str | None) -> bool:
    """Tell whether a page of another origin asks; a nonsensical header counts as one."""
    if origin_header is None:
        return False
    try:
        host, origin = urlsplit(f"//{host_header}"), urlsplit(origin_header)
        # A port that one side leaves out is not compared.
        same_port = origin.port is None or host.port is None or origin.port == host.port
    except ValueError:
        return True
    if host.hostname not in _LOOPBACK or not origin.hostname:
        return False
    return origin.hostname != host.hostname or not same_port


@web.middleware
async def refuse_foreign_pages(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer 403 when a page from elsewhere talks to a service on loopback, as ComfyUI does."""
    if _is_foreign(request.headers.get("Host", ""), request.headers.get("Origin")):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    return await handler(request)


def build_app(service: Service) -> web.Application:
    """Build the application around a service; neither is started."""
    app = web.Application(client_max_size=UPLOAD_BYTES_MAX, middlewares=[refuse_foreign_pages])
    app[SERVICE] = service
    for module in (system, prompt_routes, files, userdata):
        for route in module.ROUTES:
            mirrored = web.RouteDef(route.method, f"/api{route.path}", route.handler, {})
            app.router.add_routes([route, mirrored])
    return app
