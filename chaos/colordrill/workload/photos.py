"""The bundled photos, and the seeded crops that make every upload a picture of its own."""

from __future__ import annotations

import hashlib
import io
import json
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from colordrill.errors import EnvironmentProblem

CROP_MIN_PX = 96
CROP_MAX_PX = 192


@dataclass(frozen=True, slots=True)
class Photo:
    """A colourless photo: its name and its PNG bytes."""

    name: str
    content: bytes


def load_photos(directory: Path) -> dict[str, Photo]:
    """Every photo that the directory's MANIFEST.json lists, by stem; hashes are checked.

    Raises:
        EnvironmentProblem: a file is absent or not what the manifest says.
    """
    try:
        manifest = json.loads((directory / "MANIFEST.json").read_text(encoding="utf-8"))
        photos = {}
        for entry in manifest["photos"]:
            name = str(entry["file"])
            content = (directory / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                raise EnvironmentProblem(
                    f"photo {directory / name} is not what its manifest says",
                    "restore the file from version control",
                )
            photos[Path(name).stem] = Photo(name, content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentProblem(f"the photos in {directory} cannot be read: {error}") from error
    return photos


def crop(photo: Photo, rng: random.Random, name: str) -> Photo:
    """A crop of *photo* at a place and of a size that *rng* draws (96 to 192 px a side)."""
    with Image.open(io.BytesIO(photo.content)) as image:
        width = rng.randint(CROP_MIN_PX, min(CROP_MAX_PX, image.width))
        height = rng.randint(CROP_MIN_PX, min(CROP_MAX_PX, image.height))
        left = rng.randint(0, image.width - width)
        top = rng.randint(0, image.height - height)
        return encode(name, image.crop((left, top, left + width, top + height)))


def encode(name: str, image: Image.Image) -> Photo:
    """*image* as a PNG photo called *name*."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return Photo(name, buffer.getvalue())
