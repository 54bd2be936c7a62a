"""Listens to ComfyUI's WebSocket.

The drill itself polls /history; this is for looking at whether a service says what browsers need.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from colordrill.errors import ServiceProblem

CONNECT_LIMIT_S = 5.0
CLOSE_LIMIT_S = 5.0
MESSAGE_BYTES_MAX = 64 * 1024 * 1024


@dataclass(slots=True)
class Listener:
    """What one client has been told so far."""

    messages: list[Mapping[str, Any]] = field(default_factory=list)


@contextmanager
def listening(base_url: str, client_id: str) -> Iterator[Listener]:
    """Listen as *client_id* for the length of the block.

    Raises:
        ServiceProblem: the service opens no WebSocket.
    """
    # http becomes ws, https becomes wss
    address = f"ws{base_url.removeprefix('http').rstrip('/')}/ws?clientId={quote(client_id)}"
    with ExitStack() as stack:
        try:
            opened = connect(
                address,
                open_timeout=CONNECT_LIMIT_S,
                close_timeout=CLOSE_LIMIT_S,
                max_size=MESSAGE_BYTES_MAX,
                # a proxy of the environment must never stand between a drill and its stack
                proxy=None,
            )
            connection = stack.enter_context(opened)
        except (OSError, ValueError, WebSocketException) as error:
            raise ServiceProblem(
                f"/ws of {base_url} opens no WebSocket: {error}",
                "if a proxy stands in between, let it pass the Upgrade header on",
            ) from error
        listener = Listener()
        thread = threading.Thread(
            target=_listen, args=(connection, listener), name="websocket", daemon=True
        )
        thread.start()
        try:
            yield listener
        finally:
            connection.close()
            thread.join(CLOSE_LIMIT_S)


def _listen(connection: ClientConnection, listener: Listener) -> None:
    # the connection's end, from whichever side, is the listener's end, and so is nonsense
    with suppress(WebSocketException, ValueError):
        for message in connection:
            parsed = json.loads(message) if isinstance(message, str) else None
            if isinstance(parsed, dict):
                listener.messages.append(parsed)
