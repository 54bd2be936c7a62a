"""Names that clients send, turned into paths that stay where they belong."""

import os
import stat
from pathlib import Path

from colorservice.settings import Settings

_ANNOTATIONS = {"[output]": "output", "[input]": "input", "[temp]": "temp"}


class PathEscapeError(Exception):
    """A name leads outside its folder."""


class RefusedNameError(Exception):
    """A name that a client may not ask for; carries the HTTP status that says so."""

    def __init__(self, status: int) -> None:
        """Remember the status."""
        super().__init__(f"answered with {status}")
        self.status = status


def inside(root: Path, relative: str) -> Path:
    """Join a client's name to a folder and tidy up the result.

    Names are compared and links are not followed, as in ComfyUI: an operator's link to another
    volume is part of the folder. No client can make a link.

    Args:
        root: the absolute folder that must not be left.
        relative: the client's path; may be empty (the folder itself).

    Raises:
        PathEscapeError: the result would lie outside ``root``.
    """
    anchor = os.path.normpath(root)
    path = os.path.normpath(root / relative)
    if os.path.commonpath((anchor, path)) != anchor:
        message = "the path leaves its folder"
        raise PathEscapeError(message)
    return Path(path)


def exists(path: Path) -> bool:
    """Tell whether there is anything at a path; what cannot be asked is not there."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def is_file(path: Path) -> bool:
    """Tell whether a path is a regular file; anything that cannot be asked is none."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def split_annotation(name: str) -> tuple[str, str | None]:
    """Split ``"a.png [input]"`` into the name and the folder kind, None when it says nothing."""
    for suffix, kind in _ANNOTATIONS.items():
        if name.endswith(suffix):
            # One more character than the suffix: ComfyUI expects a blank before it.
            return name[: -len(suffix) - 1], kind
    return name, None


def named_folder(settings: Settings, name: str, kind: str, subfolder: str) -> tuple[str, Path]:
    """Find the folder that ``/view`` or a mask's ``original_ref`` means.

    Args:
        settings: where the folders are.
        name: the file name, perhaps with an annotation, which wins over ``kind``.
        kind: ``input``, ``output`` or ``temp``.
        subfolder: path below that folder.

    Returns:
        The name without its annotation, and the folder, which need not exist.

    Raises:
        RefusedNameError: 400 for the name or an unknown kind, 403 for the subfolder.
    """
    plain, annotated = split_annotation(name)
    if not plain or plain.startswith("/") or ".." in plain:
        raise RefusedNameError(400)
    root = settings.folder(annotated or kind)
    if root is None:
        raise RefusedNameError(400)
    try:
        inside(root, subfolder)
    except PathEscapeError as error:
        raise RefusedNameError(403) from error
    return plain, root / subfolder


def input_image(settings: Settings, name: str) -> Path | None:
    """Find what a LoadImage node names, or None when there is nothing of that name.

    *Weakness* kept on purpose: ``../`` and absolute names are followed, and a folder counts.
    """
    plain, kind = split_annotation(name)
    root = settings.folder(kind or "input")
    assert root is not None  # noqa: S101 - an annotation names an existing kind
    # Joined as text: a Path would drop a trailing slash, and so find "a.png/".
    joined = os.path.join(root, plain)  # noqa: PTH118 - see above
    return Path(joined) if os.path.exists(joined) else None  # noqa: PTH110 - see above
