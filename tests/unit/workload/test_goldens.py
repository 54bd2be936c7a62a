from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from colordrill.errors import ExitCode, GoldenProblem
from colordrill.workload.goldens import MANIFEST, load_goldens

CONTENT = b"a golden picture"
WEIGHTS = b"a checkpoint"
MADE_WITH = {"sha256": hashlib.sha256(WEIGHTS).hexdigest()}


def goldens(directory: Path, **changes: Any) -> Path:
    """A directory with one golden; *changes* alter its manifest's entry (None removes a key)."""
    (directory / "person").mkdir()
    (directory / "person" / "a.png").write_bytes(CONTENT)
    entry = {
        "file": "person/a.png",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "workflow": "person",
        "photo": "a",
        **changes,
    }
    kept = {key: value for key, value in entry.items() if value is not None}
    (directory / MANIFEST).write_text(json.dumps({"weights": MADE_WITH, "goldens": [kept]}))
    return directory


def test_a_golden_is_read_with_what_it_answers(tmp_path: Path) -> None:
    (golden,) = load_goldens(goldens(tmp_path), WEIGHTS)

    assert (golden.workflow, golden.photo, golden.content) == ("person", "a", CONTENT)


def test_a_golden_whose_hash_differs_is_refused_with_what_to_do(tmp_path: Path) -> None:
    goldens(tmp_path)
    (tmp_path / "person" / "a.png").write_bytes(CONTENT + b"!")

    with pytest.raises(GoldenProblem, match="not what its manifest says") as caught:
        load_goldens(tmp_path, WEIGHTS)

    assert "golden capture" in caught.value.next_step
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


@pytest.mark.parametrize("key", ["file", "sha256", "workflow", "photo"])
def test_an_entry_that_lacks_a_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(GoldenProblem, match="cannot be read"):
        load_goldens(goldens(tmp_path, **{key: None}), WEIGHTS)


@pytest.mark.parametrize("name", ["absent.png", "person", "", 5, "\x00"])
def test_an_entry_that_names_no_file_is_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(GoldenProblem, match="cannot be read"):
        load_goldens(goldens(tmp_path, file=name), WEIGHTS)


@pytest.mark.parametrize(
    "manifest",
    ["", "{", "[]", "null", "{}", '{"goldens": 5}', '{"goldens": [5]}', '{"goldens": null}'],
)
def test_a_malformed_manifest_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / MANIFEST).write_text(manifest)

    with pytest.raises(GoldenProblem) as caught:
        load_goldens(tmp_path, WEIGHTS)

    assert caught.value.next_step


def test_a_manifest_without_goldens_is_refused(tmp_path: Path) -> None:
    """No golden is no canary; a drill without canaries proves nothing."""
    (tmp_path / MANIFEST).write_text(json.dumps({"weights": MADE_WITH, "goldens": []}))

    with pytest.raises(GoldenProblem):
        load_goldens(tmp_path, WEIGHTS)


def test_no_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenProblem, match="cannot be read"):
        load_goldens(tmp_path, WEIGHTS)


def test_goldens_of_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenProblem, match="another checkpoint"):
        load_goldens(goldens(tmp_path), WEIGHTS + b"!")
