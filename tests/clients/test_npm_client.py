"""A client that others wrote in JavaScript, under Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from clients.expectation import api_workflow, expect_coloured
from clients.reference import Reference

FOLDER = Path(__file__).parent / "npm"
JOB_S_MAX = 60.0


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("needs Node.js and the client's package: run ci/prepare --dev")
    return found


def test_stable_canvas_client_uploads_submits_and_waits(
    node: str, reference: Reference, photo: bytes, tmp_path: Path
) -> None:
    photo_file = tmp_path / f"{uuid.uuid4()}.png"
    photo_file.write_bytes(photo)
    prompt = api_workflow(photo_file.name, "npm")
    workflow_file, picture_file = tmp_path / "workflow.json", tmp_path / "picture.png"
    workflow_file.write_text(json.dumps(prompt), encoding="utf-8")
    command = [node, str(FOLDER / "colorize.mjs"), reference.address]

    ended = subprocess.run(
        [*command, str(workflow_file), str(photo_file), str(picture_file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=JOB_S_MAX,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    expect_coloured(picture_file.read_bytes(), prompt)
