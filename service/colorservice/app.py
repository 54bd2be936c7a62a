"""The web application: every route at its own path and again under ``/api``."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from colorservice import (
    files,
    internal_routes,
    page_routes,
    prompt_routes,
    system,
    userdata,
    web_page,
)
from colorservice.settings import UPLOAD_BYTES_MAX
from colorservice.state import SERVICE, Service

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_foreign(host_header: str, origin_header: str | None) -> bool:
    """Tell whether a page of another origin asks.

    Raises:
        ValueError: a port that is no number; answered 500, as ComfyUI does.
    """
    if origin_header is None:
        return False
    host, origin = urlsplit(f"//{host_header}"), urlsplit(origin_header)
    # A port that one side leaves out is not compared.
    same_port = origin.port is None or host.port is None or origin.port == host.port
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
    middlewares = [web_page.cache_control, refuse_foreign_pages]
    app = web.Application(client_max_size=UPLOAD_BYTES_MAX, middlewares=middlewares)
    app[SERVICE] = service
    app[internal_routes.LOGS] = internal_routes.LogBuffer(service.hub)
    app.cleanup_ctx.append(internal_routes.keep_logs)
    for module in (web_page, page_routes, system, prompt_routes, files, userdata):
        for route in module.ROUTES:
            mirrored = web.RouteDef(route.method, f"/api{route.path}", route.handler, {})
            app.router.add_routes([route, mirrored])
    app.router.add_routes([*page_routes.UNMIRRORED_ROUTES, *internal_routes.ROUTES])
    web_page.add_page(app, web_page.find_page())
    return app
