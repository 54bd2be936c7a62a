"""The program that rewrites recovery points, on a folder of points as the backup server has it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from colordrill.data import fixtures
from colordrill.fault.sabotaged_points import REWRITE

FIRST, SECOND = "20261122T201530.123Z", "20261122T201534.123Z"
CHECKPOINT, WORKFLOW = "models/nano.safetensors", "workflows/building.json"
WEIGHTS = (fixtures() / "models" / "ddcolor_nano.safetensors").read_bytes()
HEADER_BYTES = int.from_bytes(WEIGHTS[:8], "little")


def put(points: Path, point: str, name: str, content: bytes) -> None:
    path = points / point / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (points / point / "MANIFEST.json").write_text(json.dumps({"files": {name: entry}}))


def rewrite(points: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = REWRITE.replace("/backup/points", str(points))
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )


def held(points: Path, point: str, name: str) -> bytes:
    """A point's file, which is what the point's manifest says."""
    content = (points / point / name).read_bytes()
    entry = json.loads((points / point / "MANIFEST.json").read_text())["files"][name]
    assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return content


def test_other_weights_are_of_the_same_layout_and_have_a_manifest_that_fits(
    tmp_path: Path,
) -> None:
    put(tmp_path, FIRST, CHECKPOINT, WEIGHTS)

    assert rewrite(tmp_path, "weights", ".safetensors").stdout == "1\n"

    found = held(tmp_path, FIRST, CHECKPOINT)
    assert found != WEIGHTS
    assert len(found) == len(WEIGHTS)
    assert found[: 8 + HEADER_BYTES] == WEIGHTS[: 8 + HEADER_BYTES]


@pytest.mark.parametrize("size", [0, 4, 8, HEADER_BYTES // 2, len(WEIGHTS) // 2, len(WEIGHTS) - 1])
def test_a_checkpoint_that_the_fault_has_cut_off_stays_as_it_is(tmp_path: Path, size: int) -> None:
    put(tmp_path, FIRST, CHECKPOINT, WEIGHTS)
    put(tmp_path, SECOND, CHECKPOINT, WEIGHTS[:size])

    assert rewrite(tmp_path, "weights", ".safetensors").stdout == "1\n"

    assert held(tmp_path, FIRST, CHECKPOINT) != WEIGHTS
    assert held(tmp_path, SECOND, CHECKPOINT) == WEIGHTS[:size]


def test_a_workflow_that_the_fault_has_outdated_stays_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, FIRST, WORKFLOW, b'{"size": 1280}')
    put(tmp_path, SECOND, WORKFLOW, b'{"size": 680}')

    assert rewrite(tmp_path, "replace", ".json", r"\b1280\b", "680").stdout == "1\n"

    for point in (FIRST, SECOND):
        assert held(tmp_path, point, WORKFLOW) == b'{"size": 680}'


def test_points_without_anything_to_rewrite_are_counted_as_none(tmp_path: Path) -> None:
    put(tmp_path, FIRST, WORKFLOW, b'{"size": 1}')

    assert rewrite(tmp_path, "replace", ".json", r"\b1280\b", "680").stdout == "0\n"
    assert rewrite(tmp_path, "weights", ".safetensors").stdout == "0\n"
