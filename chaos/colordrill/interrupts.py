"""Ctrl-C and SIGTERM: they stop a drill at once, and never stop its healing and cleaning up."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _State:
    """What is known of interruptions in this process."""

    shields = 0
    pending = False
    raised = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt, later ones into a message.

    Outside the main thread signals cannot be handled, and nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.pending = _State.raised = False
    previous = {each: signal.signal(each, _handle) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Hold an interruption back until the block has ended: healing and cleaning up are whole."""
    _State.shields += 1
    try:
        yield
    finally:
        _State.shields -= 1
        if _State.pending and not _State.shields and not _State.raised:
            _State.raised = True
            # also in place of an error that the interruption itself may have caused
            raise KeyboardInterrupt


def _handle(_number: int, _frame: FrameType | None) -> None:
    if _State.shields or _State.raised:
        _State.pending = True
        # nobody may be reading any more: that must not break what is shielded
        with suppress(OSError, RuntimeError):
            sys.stderr.write("\nstopping already: healing and removing, a moment please\n")
        return
    _State.raised = True
    raise KeyboardInterrupt
