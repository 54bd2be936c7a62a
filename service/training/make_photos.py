"""Make ``fixtures/photos/``: colourless photos from images that two Python packages ship.

The wheels of scikit-image and scikit-learn contain a few freely licensed colour photos, so nothing
is downloaded. Each is scaled down where it is larger than needed and then robbed of its colour:
Lab's L is kept, a and b are dropped, and the result is stored as an RGB PNG with R=G=B. The same
steps give the training script its pairs.

Run from the repository's root::

    PYTHONPATH=service python -m training.make_photos
"""

import argparse
import hashlib
import importlib.util
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorservice.color import linear_from_srgb, srgb_from_linear

FloatImage = npt.NDArray[np.float32]
ByteImage = npt.NDArray[np.uint8]

_CC_BY = "CC BY 2.0, https://creativecommons.org/licenses/by/2.0/"
_CC0 = "CC0 1.0"
_WHITE = np.array([0.950456, 1.0, 1.088754])
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: where it comes from and what becomes of it.

    Attributes:
        name: stem of the file under ``fixtures/photos/``.
        shows: ``"person"``, ``"building"`` or ``"other"``.
        distribution: the distribution on PyPI whose wheel holds the file.
        module: the package that the file lies in.
        file: path inside that package.
        license: licence and, where it asks for one, attribution.
        width_max: width in pixels that it is scaled down to, if it is wider.
    """

    name: str
    shows: str
    distribution: str
    module: str
    file: str
    license: str
    width_max: int


PHOTOS = (
    Photo(
        "astronaut", "person", "scikit-image", "skimage", "data/astronaut.png",
        "public domain (NASA, Eileen Collins)", 512,
    ),
    Photo(
        "china", "building", "scikit-learn", "sklearn", "datasets/images/china.jpg",
        f"{_CC_BY}; https://www.flickr.com/photos/danielbuechele/6061409035/", 640,
    ),
    Photo(
        "coffee", "other", "scikit-image", "skimage", "data/coffee.png",
        f"{_CC0}; photo by Rachel Michetti", 320,
    ),
    Photo(
        "chelsea", "other", "scikit-image", "skimage", "data/chelsea.png",
        f"{_CC0}; photo by Stefan van der Walt", 320,
    ),
    Photo(
        "rocket", "other", "scikit-image", "skimage", "data/rocket.jpg",
        "public domain (SpaceX)", 320,
    ),
    Photo(
        "flower", "other", "scikit-learn", "sklearn", "datasets/images/flower.jpg",
        f"{_CC_BY}; https://www.flickr.com/photos/vultilion/6056698931/", 320,
    ),
)  # fmt: skip


def source_path(photo: Photo) -> Path:
    """Return the file inside the installed package.

    Raises:
        FileNotFoundError: the package is not installed, or its wheel lacks the file.
    """
    spec = importlib.util.find_spec(photo.module)
    if spec is None or spec.origin is None:
        message = f"{photo.distribution} is not installed; it ships {photo.file}"
        raise FileNotFoundError(message)
    path = Path(spec.origin).parent / photo.file
    if not path.is_file():
        message = f"{photo.distribution} {version(photo.distribution)} does not ship {photo.file}"
        raise FileNotFoundError(message)
    return path


def color_photo(photo: Photo) -> ByteImage:
    """Return the colour photo at its final size, (H, W, 3)."""
    with Image.open(source_path(photo)) as opened:
        image = opened.convert("RGB")
    if image.width > photo.width_max:
        height = round(image.height * photo.width_max / image.width)
        image = image.resize((photo.width_max, height), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.uint8)


def lab_from_rgb(image: FloatImage) -> FloatImage:
    """Convert sRGB (H, W, 3), 0..1, to CIE Lab (D65) by the textbook formula."""
    xyz = linear_from_srgb(image.astype(np.float64)) @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def grey_photo(color: ByteImage) -> ByteImage:
    """Return the colourless version (H, W, 3), R=G=B: the same Lab L, rounded to bytes."""
    luminance = lab_from_rgb(color.astype(np.float32) / np.float32(255))[..., 0].astype(np.float64)
    root = (luminance + 16) / 116
    linear = np.where(luminance > 8, root**3, luminance * 27 / 24389)  # noqa: PLR2004 - Lab's knee
    level = np.clip(np.rint(srgb_from_linear(linear) * 255), 0, 255).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=-1)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_photo(photo: Photo, folder: Path) -> dict[str, Any]:
    """Write one colourless photo and return its entry in the manifest."""
    grey = grey_photo(color_photo(photo))
    target = folder / f"{photo.name}.png"
    # No metadata and a fixed compression level: the same Pillow writes the same bytes.
    Image.fromarray(grey).save(target, format="PNG", optimize=False, compress_level=9)
    height, width = grey.shape[:2]
    return {
        "file": target.name,
        "sha256": sha256(target.read_bytes()),
        "pixels_sha256": sha256(grey.tobytes()),
        "width": width,
        "height": height,
        "shows": photo.shows,
        "source": {
            "package": f"{photo.distribution} {version(photo.distribution)}",
            "file": f"{photo.module}/{photo.file}",
            "sha256": sha256(source_path(photo).read_bytes()),
        },
        "license": photo.license,
        "derived": f"at most {photo.width_max} px wide (Lanczos), a and b of Lab dropped, R=G=B",
    }


def main() -> None:
    """Write all photos and their manifest."""
    parser = argparse.ArgumentParser(
        description="Make the colourless photos under fixtures/photos/."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("fixtures/photos"), help="folder to write to"
    )
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "made_by": "PYTHONPATH=service python -m training.make_photos",
        "pillow": version("pillow"),
        "photos": [write_photo(photo, folder) for photo in PHOTOS],
    }
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
