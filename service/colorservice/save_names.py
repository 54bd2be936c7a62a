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
    so a name comes back once its file was deleted.

    Args:
        prefix: the node's ``filename_prefix``; may hold ``%width%``, ``%year%`` and so on.
        root: the output folder.
        width_px: picture width for ``%width%``.
        height_px: picture height for ``%height%``.

    Raises:
        ValueError: the prefix leads outside the folder.
        OSError: the folder cannot be listed or made.
    """
    normal = os.path.normpath(_expand(prefix, width_px, height_px))
    subfolder, stem = os.path.split(normal)
    try:
        folder = inside(root, subfolder)
    except PathEscapeError as error:
        message = f"Saving image outside the output folder is not allowed: {prefix!r}"
        raise ValueError(message) from error
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        names = []
    numbers = [_number(name, stem) for name in names if name.startswith(f"{stem}_")]
    return SaveTarget(folder, stem, max(numbers, default=0) + 1, subfolder)


def _number(name: str, stem: str) -> int:
    digits = name[len(stem) + 1 :].partition("_")[0]
    return int(digits) if digits.isdecimal() else 0


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
