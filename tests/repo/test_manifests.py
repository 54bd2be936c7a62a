"""Data files are what their manifests say, and nothing lies beside them that no manifest names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from repo.tree import ROOT, expect_none, files_under, place, sample

MANIFEST = "MANIFEST.json"
NOT_DATA = frozenset({MANIFEST, "README.md", "BOUNDS.json"})
FOLDERS = ("fixtures/models", "fixtures/photos", "golden_images/ddcolor_nano")


def listed_hashes(manifest: Path) -> dict[str, str]:
    """SHA-256 by file: a list of entries with ``file``, or entries by their file's name."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    entries = next((content[key] for key in ("photos", "goldens") if key in content), None)
    if entries is None:
        return {name: str(entry["sha256"]) for name, entry in content.items()}
    return {str(entry["file"]): str(entry["sha256"]) for entry in entries}


def differences(folder: Path, files: Iterable[Path]) -> list[str]:
    """What is wrong between the manifest of *folder* and the *files* below it."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return [f"{place(manifest)} is missing"]
    listed = listed_hashes(manifest)
    if not listed:
        return [f"{place(manifest)} lists nothing"]
    present = {
        path.relative_to(folder).as_posix(): path for path in files if path.name not in NOT_DATA
    }
    found = [f"{place(folder / name)} is in no manifest" for name in present.keys() - listed.keys()]
    for name, sha256 in listed.items():
        if name not in present:
            found.append(f"{place(folder / name)} is missing")
        elif hashlib.sha256(present[name].read_bytes()).hexdigest() != sha256:
            found.append(f"{place(folder / name)} is not what the manifest says")
    return sorted(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_what_their_manifest_says(folder: str) -> None:
    expect_none(differences(ROOT / folder, files_under(folder)))


def test_every_set_of_goldens_is_checked() -> None:
    sets = {place(path.parent) for path in files_under("golden_images", suffix=MANIFEST)}
    assert sets <= set(FOLDERS)


def test_differences_are_found(tmp_path: Path) -> None:
    good = sample(tmp_path, "person/a.png", "a")
    changed = sample(tmp_path, "b.png", "b")
    stray = sample(tmp_path, "c.png", "c")
    sha256 = hashlib.sha256(b"a").hexdigest()
    entries = [{"file": name, "sha256": sha256} for name in ("person/a.png", "b.png", "gone.png")]
    sample(tmp_path, MANIFEST, json.dumps({"goldens": entries}))
    found = differences(tmp_path, [good, changed, stray])
    assert [each.split("/")[-1] for each in found] == [
        "b.png is not what the manifest says",
        "c.png is in no manifest",
        "gone.png is missing",
    ]


def test_a_missing_or_empty_manifest_is_found(tmp_path: Path) -> None:
    assert differences(tmp_path, [])
    sample(tmp_path, MANIFEST, "{}")
    assert differences(tmp_path, [])
