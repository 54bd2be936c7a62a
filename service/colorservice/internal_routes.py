"""``/internal``: what the page's panels show of the server, above all its log.

For the page only; nothing else should depend on it. Not repeated under ``/api``.
"""

import logging
import os
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from colorservice import websocket
from colorservice.model_lists import MODEL_FOLDERS, folders_of
from colorservice.state import SERVICE

_LINES_MAX = 300
_LISTENERS_MAX = 64
_TERMINAL = {"cols": 80, "rows": 24}
"""The terminal that the page draws; a container has none of its own."""


class LogBuffer(logging.Handler):
    """The last log lines, and the clients that want to see new ones as they come."""

    def __init__(self, hub: websocket.Hub) -> None:
        """Make a buffer that tells its listeners through a hub."""
        super().__init__()
        self.entries: deque[dict[str, str]] = deque(maxlen=_LINES_MAX)
        self._hub = hub
        # Clients leave without a word: the longest listeners are dropped.
        self._listeners: dict[str, None] = {}

    def listen(self, client_id: str, *, enabled: bool) -> None:
        """Begin or end telling a client about new lines."""
        self._listeners.pop(client_id, None)
        if enabled:
            self._listeners[client_id] = None
        while len(self._listeners) > _LISTENERS_MAX:
            del self._listeners[next(iter(self._listeners))]

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; called with the handler's lock held, from any thread."""
        when = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
        entry = {"t": when.isoformat(), "m": f"{self.format(record)}\n"}
        self.entries.append(entry)
        if record.name == websocket.__name__:
            return  # a line about a failed delivery must not cause another delivery
        for client_id in list(self._listeners):
            self._hub.send("logs", {"entries": [entry], "size": None}, client_id)


LOGS = web.AppKey("logs", LogBuffer)


async def keep_logs(app: web.Application) -> AsyncIterator[None]:
    """Collect log lines for as long as the application runs."""
    logging.getLogger().addHandler(app[LOGS])
    yield
    logging.getLogger().removeHandler(app[LOGS])


async def logs(request: web.Request) -> web.Response:
    """Return the last log lines as one text."""
    entries = list(request.app[LOGS].entries)
    return web.json_response("".join(f"{entry['t']} - {entry['m']}" for entry in entries))


async def raw_logs(request: web.Request) -> web.Response:
    """Return the last log lines, each with its time."""
    return web.json_response({"entries": list(request.app[LOGS].entries), "size": _TERMINAL})


async def subscribe(request: web.Request) -> web.Response:
    """Begin or end sending new lines to a client's WebSocket."""
    wanted = await request.json()
    request.app[LOGS].listen(str(wanted["clientId"]), enabled=bool(wanted["enabled"]))
    return web.Response()


async def folder_paths(request: web.Request) -> web.Response:
    """Return where models of each kind lie."""
    settings = request.app[SERVICE].settings
    return web.json_response(
        {kind: [str(folder) for folder in folders_of(settings, kind)] for kind in MODEL_FOLDERS}
    )


def _newest_first(folder: Path) -> list[str]:
    with os.scandir(folder) as found:
        files = [entry for entry in found if entry.is_file()]
    return [entry.name for entry in sorted(files, key=lambda entry: -entry.stat().st_mtime)]


async def files(request: web.Request) -> web.Response:
    """List the files of the input, output or temp folder, the newest first."""
    folder = request.app[SERVICE].settings.folder(request.match_info["directory_type"])
    if folder is None:
        return web.json_response({"error": "Invalid directory type"}, status=400)
    return web.json_response(_newest_first(folder))


ROUTES = [
    web.get("/internal/logs", logs),
    web.get("/internal/logs/raw", raw_logs),
    web.patch("/internal/logs/subscribe", subscribe),
    web.get("/internal/folder_paths", folder_paths),
    web.get("/internal/files/{directory_type}", files),
]
