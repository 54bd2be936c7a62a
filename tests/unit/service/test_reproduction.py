"""The goldens come out of a script that shares no code with this project, and only these do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[3]
SCRIPT = REPOSITORY / "ci" / "reproduce_goldens.py"
GOLDEN = "golden_images/ddcolor_nano/person/astronaut.png"
MANIFEST = "golden_images/ddcolor_nano/MANIFEST.json"
LIMIT_S = 300.0

Bytes = npt.NDArray[np.uint8]


def reproduce(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", SCRIPT, "--root", root],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        # on a busy machine threads that spin while they wait take many times as long
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data of one golden, to be spoilt."""
    manifest = json.loads((REPOSITORY / MANIFEST).read_text(encoding="utf-8"))
    manifest["goldens"] = [each for each in manifest["goldens"] if each["photo"] == "astronaut"]
    weights = f"fixtures/models/{manifest['weights']['file']}"
    for name in (GOLDEN, weights, "fixtures/photos/astronaut.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return tmp_path


def add_golden(root: Path, name: str, spoil: Callable[[Bytes], None]) -> None:
    """Put a spoilt copy of the golden beside it, with an entry that agrees with it."""
    with Image.open(root / GOLDEN) as opened:
        pixels = np.array(opened)
    spoil(pixels)
    path = root / GOLDEN.replace("astronaut", name)
    Image.fromarray(pixels).save(path)
    manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = manifest["goldens"][0] | {"file": f"person/{name}.png", "sha256": sha256}
    manifest["goldens"].append(entry)
    (root / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def put_one_byte_far_off(pixels: Bytes) -> None:
    pixels[200, 200, 0] = (int(pixels[200, 200, 0]) + 128) % 256


def put_a_corner_one_level_off(pixels: Bytes) -> None:
    corner = pixels[:4, :16]
    corner[...] = np.where(corner > 0, corner - 1, 1)


def test_every_golden_is_reproduced() -> None:
    done = reproduce(REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": reproduced") == 2


def test_changed_goldens_are_not_reproduced(root: Path) -> None:
    add_golden(root, "byte", put_one_byte_far_off)
    add_golden(root, "corner", put_a_corner_one_level_off)
    done = reproduce(root)
    assert done.returncode == 1
    told = {line.split(":")[0]: line for line in done.stdout.splitlines()}
    assert [name for name, line in told.items() if line.endswith("not reproduced")] == [
        "person/byte.png",
        "person/corner.png",
    ]


def test_a_file_that_its_manifest_does_not_know_is_refused(root: Path) -> None:
    (root / "fixtures/photos/astronaut.png").write_bytes(b"another photo")
    done = reproduce(root)
    assert done.returncode == 1
    assert "not what its manifest says" in done.stderr
