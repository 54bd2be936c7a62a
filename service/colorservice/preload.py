"""The default checkpoint, loaded and warmed before the first job asks for it.

Start-up is part of the recovery time. A checkpoint that lies in its place when the service starts
is read while the client is still uploading; the first job then takes the finished network. One
that is put there later, as in a disaster-recovery site that starts on empty volumes, or that
changed since, is read by the job itself, with all that can go wrong there.
"""

import logging
import threading
import time
from pathlib import Path

import torch

from colorservice.model import DDColorNet, load_model
from colorservice.node_specs import checkpoint_names
from colorservice.settings import Settings

_LOG = logging.getLogger(__name__)
_WARM_PX = 64

_Identity = tuple[int, int, int]


class Preload:
    """At most one network, loaded in advance; safe between threads."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._ready: tuple[Path, str, _Identity, DDColorNet] | None = None

    def load(self, settings: Settings) -> None:
        """Load the default checkpoint, if there is one, and warm it up while nobody waits for it.

        A checkpoint that cannot be used is left to the job that asks for it: it has to fail there.
        """
        path = default_checkpoint(settings)
        if path is None:
            return
        with self._lock:
            started = time.monotonic()
            try:
                identity = _identity(path)
                model = load_model(path, settings.device)
                if not self._wanted.is_set():
                    _warm(model, settings.device)
            except Exception as error:  # noqa: BLE001 - the job that needs it says what is wrong
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                _LOG.info("%s is not preloaded: %s", path.name, reason)
            else:
                self._ready = (path, settings.device, identity, model)
                _LOG.info("%s preloaded in %.2f s", path.name, time.monotonic() - started)

    def take(self, path: Path, device: str) -> DDColorNet:
        """Hand the network over if it is of this file as it is now; load it otherwise.

        Raises:
            Exception: as :func:`colorservice.model.load_model`.
        """
        self._wanted.set()
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None and path.is_file():
            loaded_path, loaded_device, identity, model = ready
            if (loaded_path, loaded_device, identity) == (path, device, _identity(path)):
                return model
        return load_model(path, device)


def _warm(model: DDColorNet, device: str) -> None:
    with torch.inference_mode():
        grey = torch.zeros(1, 3, _WARM_PX, _WARM_PX, device=device)
        model(grey.contiguous(memory_format=torch.channels_last))


def default_checkpoint(settings: Settings) -> Path | None:
    """Return the file that ``DDColor-ddcolorize`` uses by default, None when there is none.

    The other node's files have a way of their own to be loaded, with traps of its own.
    """
    names = checkpoint_names(settings.ddcolor_models)
    return settings.ddcolor_models / names[0] if names else None


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


PRELOADED = Preload()
"""The process's own: node instances come and go, the first of them takes the network."""
