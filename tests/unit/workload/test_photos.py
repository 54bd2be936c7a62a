from __future__ import annotations

import io
import json
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem
from colordrill.workload.photos import CROP_MAX_PX, CROP_MIN_PX, Photo, crop, encode, load_photos


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundled photos that a test may damage."""
    return Path(shutil.copytree(fixtures() / "photos", tmp_path / "photos"))


def test_every_bundled_photo_is_what_its_manifest_says_and_has_no_colour() -> None:
    photos = load_photos(fixtures() / "photos")

    assert {"astronaut", "china"} <= set(photos)
    for photo in photos.values():
        with Image.open(io.BytesIO(photo.content)) as image:
            red, green, blue = image.convert("RGB").split()
            assert red.tobytes() == green.tobytes() == blue.tobytes(), photo.name


def test_a_changed_photo_is_refused_by_name(copied: Path) -> None:
    with (copied / "china.png").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(EnvironmentProblem, match="not what its manifest says") as caught:
        load_photos(copied)

    assert "china.png" in caught.value.cause
    assert caught.value.next_step


def test_an_absent_photo_is_refused(copied: Path) -> None:
    (copied / "china.png").unlink()

    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        load_photos(copied)


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "null",
        "{}",
        "{",
        '{"photos": 5}',
        '{"photos": [5]}',
        '{"photos": [{"file": "x"}]}',
    ],
)
def test_a_malformed_manifest_is_refused(copied: Path, manifest: str) -> None:
    (copied / "MANIFEST.json").write_text(manifest)

    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        load_photos(copied)


def test_no_manifest_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        load_photos(tmp_path)


def test_the_manifest_tells_source_and_licence_of_every_photo() -> None:
    entries = json.loads((fixtures() / "photos" / "MANIFEST.json").read_text())["photos"]

    assert all(entry["source"] and entry["license"] for entry in entries)


def test_a_crop_is_drawn_by_the_seed_alone_and_lies_within_its_bounds() -> None:
    photo = load_photos(fixtures() / "photos")["astronaut"]

    crops = [crop(photo, random.Random(seed), "crop.png") for seed in range(30)]
    again = [crop(photo, random.Random(seed), "crop.png") for seed in range(30)]

    assert crops == again
    assert len({each.content for each in crops}) == 30
    for each in crops:
        with Image.open(io.BytesIO(each.content)) as image:
            assert CROP_MIN_PX <= min(image.size) <= max(image.size) <= CROP_MAX_PX


def test_the_smallest_photo_that_can_be_cropped_is_taken_whole() -> None:
    small = encode("small.png", Image.new("L", (CROP_MIN_PX, CROP_MIN_PX), 7))

    with Image.open(io.BytesIO(crop(small, random.Random(1), "c").content)) as image:
        assert image.size == (CROP_MIN_PX, CROP_MIN_PX)


def test_an_encoded_photo_keeps_its_pixels() -> None:
    image = Image.linear_gradient("L").convert("RGB")

    photo = encode("a.png", image)

    assert photo == Photo("a.png", photo.content)
    with Image.open(io.BytesIO(photo.content)) as decoded:
        assert decoded.tobytes() == image.tobytes()
