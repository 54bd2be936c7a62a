"""DDColor's building blocks, imported without the cost of the package around them.

``spandrel_extra_arches`` holds the architecture's published source. Importing it the plain way runs
the ``__init__`` of two packages that register some fifty other architectures and pull in
torchvision, which costs seconds, and a service's start-up time is part of its RTO. Only DDColor's
own subpackage is needed here, and that needs nothing but torch and ``spandrel.util``. So the parent
packages are stood in for by empty ones that only know their folder, the subpackage is imported in
the ordinary way, and the stand-ins are taken away again: a later ``import spandrel`` gets the real
package.

Source of the architecture: Kang et al., "DDColor: Towards Photo-Realistic Image Colorization via
Dual Decoders" (2023).
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

_PARENTS = (
    "spandrel",
    "spandrel_extra_arches",
    "spandrel_extra_arches.architectures",
    "spandrel_extra_arches.architectures.DDColor",
)
_SUBPACKAGE = "spandrel_extra_arches.architectures.DDColor.__arch"


def _folder_of(package: str) -> str:
    """Return the folder of an installed package or subpackage, without running any of its code."""
    root, _, inner = package.partition(".")
    spec = importlib.util.find_spec(root)
    if spec is None or not spec.submodule_search_locations:
        message = f"{root!r} is not installed; needed: spandrel and spandrel_extra_arches"
        raise ModuleNotFoundError(message, name=root)
    folder = spec.submodule_search_locations[0]
    return "/".join([folder, *inner.split(".")]) if inner else folder


def _loaded() -> list[str]:
    return [
        name for name in sys.modules if name.split(".")[0] in {"spandrel", "spandrel_extra_arches"}
    ]


@contextmanager
def _stand_in_parents() -> Iterator[None]:
    """Put empty parent packages in place for a block; then remove all that lies beneath them."""
    # All folders are looked up first: a stand-in would hide its package from the look-up.
    folders = {name: _folder_of(name) for name in _PARENTS}
    for name, folder in folders.items():
        stand_in = types.ModuleType(name)
        stand_in.__path__ = [folder]
        sys.modules[name] = stand_in
    try:
        yield
    finally:
        for name in _loaded():
            del sys.modules[name]


@cache
def import_parts() -> tuple[types.ModuleType, types.ModuleType, types.ModuleType]:
    """Import the architecture's modules ``ddcolor``, ``convnext`` and ``unet``.

    Raises:
        ModuleNotFoundError: ``spandrel`` or ``spandrel_extra_arches`` is not installed.
    """
    # Where somebody imported the packages the plain way already, theirs are used.
    with nullcontext() if _loaded() else _stand_in_parents():
        ddcolor, convnext, unet = (
            importlib.import_module(f"{_SUBPACKAGE}.{name}")
            for name in ("ddcolor", "convnext", "unet")
        )
    return ddcolor, convnext, unet
