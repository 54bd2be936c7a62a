"""Where the suite's data lie: in a checkout at its top, in a wheel inside the package."""

from __future__ import annotations

from pathlib import Path

from colordrill.errors import EnvironmentProblem

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def data_root() -> Path:
    """The directory that holds ``fixtures/``, ``golden_images/`` and ``service/``.

    Raises:
        EnvironmentProblem: neither a checkout nor a complete wheel is around this package.
    """
    for root in (_PACKAGE / "_data", _CHECKOUT):
        if (root / "fixtures" / "stack" / "compose.yaml").is_file():
            return root
    raise EnvironmentProblem(
        f"colordrill's data files are not beside {_PACKAGE}", "install the wheel again"
    )


def fixtures() -> Path:
    """The fixtures directory."""
    return data_root() / "fixtures"


def golden_images() -> Path:
    """The bundled golden images."""
    return data_root() / "golden_images"
