"""Imports torch and loads the default checkpoint in the background, once the server listens.

Start-up is part of the recovery time: the first prompt must not wait for an import that could
have happened while the client was still uploading.
"""

import importlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from colorservice.node_specs import RunnableNode
    from colorservice.settings import Settings

_LOG = logging.getLogger(__name__)
_IMPORT_WAIT_S_MAX = 600.0


class NodeFunctions(Protocol):
    """What is used of the module ``node_functions``."""

    def create_node(self, class_type: str, settings: "Settings") -> "RunnableNode":
        """Make an instance of a node class."""
        ...

    def preload(self, settings: "Settings") -> None:
        """Load the default checkpoint ahead of the first job."""
        ...


class Warmup:
    """One background import; ``wait`` gives its result to whoever needs it."""

    def __init__(self, settings: "Settings") -> None:
        """Prepare; nothing is imported before ``start``."""
        self._settings = settings
        self._done = threading.Event()
        self._module: NodeFunctions | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin to import; returns at once."""
        threading.Thread(target=self._import, name="warmup", daemon=True).start()

    def ready(self) -> bool:
        """Tell whether the import is over and went well."""
        return self._module is not None

    def wait(self) -> NodeFunctions:
        """Return the imported module.

        Raises:
            RuntimeError: the import failed (a broken image), or takes longer than 600 s.
        """
        if not self._done.wait(_IMPORT_WAIT_S_MAX):
            message = f"importing torch took longer than {_IMPORT_WAIT_S_MAX:.0f} s"
            raise RuntimeError(message)
        if self._module is None:
            message = f"the colorization modules cannot be imported: {self._error!r}"
            raise RuntimeError(message) from self._error
        return self._module

    def _import(self) -> None:
        started = time.monotonic()
        # Read by OpenMP when torch is loaded. Its threads would otherwise spin while they wait for
        # each other: on two busy cores that was measured to more than double the CPU time of a
        # picture. The pixels are the same.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            module = importlib.import_module("colorservice.node_functions")
            self._module = cast("NodeFunctions", module)
        except BaseException as error:  # noqa: BLE001 - kept for the prompt that needs it
            self._error = error
            _LOG.exception("import failed")
        else:
            _LOG.info("torch and DDColor imported in %.2f s", time.monotonic() - started)
        finally:
            self._done.set()
        if self._module is not None:
            self._module.preload(self._settings)
