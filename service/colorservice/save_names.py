"""Names of saved pictures: ``prefix_00001_.png``, one above the highest number in the folder."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from colorservice.paths import PathEscapeError, inside


@dataclass(frozen=True, slots=True)
class SaveTarget:
    """Where one batch goes.

    Attributes:
        folder: existing folder to write to.
        stem: the prefix without folders.
        counter: number of the first picture.
        subfolder: folder below the output folder, as clients need it for ``/view``.
    """

    folder: Path
    stem: str
    counter: int
    subfolder: str

    def name(self, offset: int) -> str:
        """Return the file name of the picture at this place in the batch."""
        stem = self.stem.replace("%batch_num%", str(offset))
        return f"{stem}_{self.counter + offset:05}_.png"


def resolve(prefix: str, root: Path, width_px: int, height_px: int) -> SaveTarget:
    """Decide where a batch of pictures goes, creating the subfolder if needed.

    *Weakness* kept on purpose: the number is the folder's maximum plus one, found by listing it,
    so a name comes back once its file was deleted. Where the prefix is not what the files are
    called by (it is empty, ends with a slash, or holds ``%batch_num%``), nothing is found and the
    first number is used again: every job replaces the picture of the one before.

    Args:
        prefix: the node's ``filename_prefix``; may hold ``%width%``, ``%year%`` and so on.
        root: the output folder.
        width_px: picture width for ``%width%``.
        height_px: picture height for ``%height%``.

    Raises:
        Exception: the prefix leads outside the folder; this type is what clients are told.
        OSError: the folder cannot be listed or made.
    """
    expanded = _expand(prefix, width_px, height_px)
    subfolder, stem = os.path.split(os.path.normpath(expanded))
    try:
        inside(root, subfolder)
    except PathEscapeError as error:
        message = f"Saving image outside the output folder is not allowed: {prefix!r}"
        raise Exception(message) from error  # noqa: TRY002 - clients are told the type
    folder = root / subfolder
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        names = []
    counter = _next_number(names, stem, len(expanded.rpartition("/")[2]))
    return SaveTarget(folder, stem, counter, subfolder)


def _next_number(names: list[str], stem: str, length: int) -> int:
    """Return the highest number of the files called ``stem_``, plus one.

    ``length`` is that of the prefix as the client wrote it: not the stem's, if it was tidied up.
    """
    numbered = [name for name in names if name[: length + 1] == f"{stem}_"]
    return max((_number(name[length + 1 :]) for name in numbered), default=0) + 1


def _number(rest: str) -> int:
    try:
        return int(rest.partition("_")[0])
    except ValueError:
        return 0


def _expand(prefix: str, width_px: int, height_px: int) -> str:
    if "%" not in prefix:
        return prefix
    now = time.localtime()
    values = {
        "width": str(width_px),
        "height": str(height_px),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix
