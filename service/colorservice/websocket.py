"""``/ws``: one message hub for all connected clients."""

import asyncio
import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class Hub:
    """Delivers messages to WebSocket clients in the order in which they were sent.

    Attributes:
        client_id: who submitted the prompt that is running, None if unnamed.
        last_node_id: the node that is running, for clients that reconnect.
    """

    def __init__(self, features: dict[str, Any]) -> None:
        """Make a hub; ``features`` is what ``feature_flags`` is answered with."""
        self.client_id: Any = None
        self.last_node_id: str | None = None
        self.remaining: Callable[[], int] = lambda: 0
        self._features = features
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._messages: asyncio.Queue[tuple[str, dict[str, Any], Any]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop that delivers; before that, messages are dropped."""
        self._loop = loop

    def send(self, event: str, data: dict[str, Any], sid: Any = None) -> None:
        """Queue a message, from any thread; to every client when ``sid`` is None."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._messages.put_nowait, (event, data, sid))

    def queue_changed(self) -> None:
        """Tell every client how many jobs remain."""
        self.send("status", {"status": self._queue_info()})

    async def deliver_forever(self) -> None:
        """Deliver queued messages until cancelled."""
        while True:
            event, data, sid = await self._messages.get()
            try:
                await self._deliver(event, data, sid)
            except Exception:  # noqa: BLE001 - one strange client id must not silence the others
                _LOG.warning("message %s could not be delivered", event, exc_info=True)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until the client leaves."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query.get("clientId") or uuid.uuid4().hex
        self._sockets[sid] = socket
        try:
            await self._deliver("status", {"status": self._queue_info(), "sid": sid}, sid)
            if self.client_id == sid and self.last_node_id is not None:
                await self._deliver("executing", {"node": self.last_node_id}, sid)
            await self._listen(socket, sid)
        finally:
            # Weakness kept on purpose: also when a newer connection has taken the name over, which
            # then hears nothing any more.
            self._sockets.pop(sid, None)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, sid: str) -> None:
        first = True
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                content = json.loads(message.data)
            except (ValueError, RecursionError):
                _LOG.warning("a client sent invalid JSON over its WebSocket")
                continue
            if not isinstance(content, dict):
                _LOG.warning("a client sent no object over its WebSocket")
                continue
            if first and content.get("type") == "feature_flags":
                await self._deliver("feature_flags", self._features, sid)
            first = False

    async def _deliver(self, event: str, data: dict[str, Any], sid: Any) -> None:
        text = json.dumps({"type": event, "data": data})
        if sid is None:
            targets = list(self._sockets.values())
        else:
            found = self._sockets.get(sid) if isinstance(sid, str) else None
            targets = [found] if found else []
        for target in targets:
            try:
                await target.send_str(text)
            except (ConnectionError, RuntimeError) as error:
                _LOG.warning("send error: %s", error)

    def _queue_info(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self.remaining()}}
