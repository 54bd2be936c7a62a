"""The picture that ``/upload/mask`` stores: the original with the upload's alpha channel."""

import io
import json
from pathlib import Path
from typing import Any

from colorservice.paths import RefusedNameError, is_file, named_folder
from colorservice.settings import Settings


def write_masked(settings: Settings, reference: Any, mask: bytes, path: Path) -> None:
    """Write the original with the mask's alpha, in the format that the name's suffix says.

    *Weakness* kept on purpose: where the original is refused or missing, nothing is written, and
    the upload is answered 200 with a name that leads nowhere.

    Args:
        settings: where the folders are.
        reference: JSON with ``filename``, ``type`` and ``subfolder`` of the original.
        mask: the uploaded picture.
        path: where to write.

    Raises:
        TypeError: the reference is missing, or no object.
        KeyError: the reference names no file.
        AttributeError: the file name is no text.
        ValueError: no JSON, or pictures that do not fit together or into this format.
        OSError: a picture cannot be read or written.
    """
    original = json.loads(reference)
    name, kind = original["filename"], original.get("type", "output")
    subfolder = original.get("subfolder", "")
    try:
        name, folder = named_folder(settings, name, str(kind), subfolder)
    except RefusedNameError:
        return
    if is_file(folder / name):
        _combine(folder / name, mask, path)


def _combine(original: Path, mask: bytes, path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - not needed to start
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - not needed to start

    notes = PngInfo()
    with Image.open(original) as source, Image.open(io.BytesIO(mask)) as opened:
        for key, text in getattr(source, "text", {}).items():
            notes.add_text(key, text)
        masked = source.convert("RGBA")
        masked.putalpha(opened.convert("RGBA").getchannel("A"))
        masked.save(path, compress_level=4, pnginfo=notes)
