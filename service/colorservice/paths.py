"""Names that clients send, turned into paths that stay where they belong."""

import stat
from pathlib import Path

from colorservice.settings import Settings

_ANNOTATIONS = {"[output]": "output", "[input]": "input", "[temp]": "temp"}


class PathEscapeError(Exception):
    """A name leads outside its folder, or can be no file name at all."""


def inside(root: Path, relative: str) -> Path:
    """Join a client's name to a folder.

    Symlinks are followed before the comparison, so a link that leads outside is an escape too.

    Args:
        root: the folder that must not be left; may itself be a symlink or absent.
        relative: the client's path; may be empty (the folder itself).

    Raises:
        PathEscapeError: the result would lie outside ``root``, or the name holds a NUL.
    """
    if "\0" in relative:
        message = "a name may not contain NUL"
        raise PathEscapeError(message)
    anchor = root.resolve()
    try:
        path = (anchor / relative).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise PathEscapeError(str(error)) from error
    if not path.is_relative_to(anchor):
        message = "the path leaves its folder"
        raise PathEscapeError(message)
    return path


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


def input_image(settings: Settings, name: str) -> Path | None:
    """Find the file that a LoadImage node names, or None when there is no such file.

    The real service would follow ``../`` here; this one treats it as a missing image, because
    nothing in a drill depends on reading foreign files.
    """
    plain, kind = split_annotation(name)
    root = settings.folder(kind or "input")
    if root is None or not plain:
        return None
    try:
        path = inside(root, plain)
    except PathEscapeError:
        return None
    return path if is_file(path) else None
