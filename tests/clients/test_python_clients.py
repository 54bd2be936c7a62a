"""Clients that others wrote in Python, each waiting in its own way, against the reference."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper  # type: ignore[import-untyped] # ships no types
from comfyui_utils.comfy import Callbacks, ComfyAPI  # type: ignore[import-untyped] # ships no types
from comfyuiclient import ComfyUIClientAsync  # type: ignore[import-untyped] # ships no types
from PIL import Image

from clients.expectation import api_workflow, expect_coloured, ui_workflow
from clients.reference import Reference

JOB_S_MAX = 60.0


@pytest.fixture
def stored_photo(reference: Reference, photo: bytes) -> str:
    # A fresh name, so that no client is answered from the cache of another's job.
    return reference.upload(f"{uuid.uuid4()}.png", photo)


def test_comfy_api_simplified_uploads_submits_and_waits(
    reference: Reference, photo: bytes, tmp_path: Path
) -> None:
    file = tmp_path / f"{uuid.uuid4()}.png"
    file.write_bytes(photo)
    client = ComfyApiWrapper(reference.url)
    stored = client.upload_image(file)
    workflow = ComfyWorkflowWrapper(api_workflow("", "simplified"))
    workflow.set_node_param("Load Image", "image", f"{stored['subfolder']}/{stored['name']}")

    pictures = client.queue_and_wait_images(workflow, "Save Image")

    assert list(pictures) == ["simplified_00001_.png"]
    expect_coloured(pictures["simplified_00001_.png"], workflow)


class _Listener(Callbacks):  # type: ignore[misc] # the package has no types
    def __init__(self) -> None:
        self.nodes: list[int] = []
        self.outputs: dict[str, Any] = {}
        self.cached = True

    async def queue_position(self, position: int) -> None:
        """Ignored: whether the job waits depends on what ran before."""

    async def in_progress(self, node_id: int, _progress: int, _total: int) -> None:
        self.nodes.append(node_id)

    async def completed(self, outputs: dict[str, Any], cached: bool) -> None:
        self.outputs, self.cached = outputs, cached


def test_comfyui_utils_follows_the_nodes_and_fetches(
    reference: Reference, stored_photo: str
) -> None:
    prompt = api_workflow(stored_photo, "utils")
    client, listener = ComfyAPI(reference.address), _Listener()
    fetched: list[bytes] = []

    async def keep(file: io.BytesIO) -> None:
        fetched.append(file.getvalue())

    async def colorize() -> None:
        async with asyncio.timeout(JOB_S_MAX):
            await client.submit(prompt, listener)
            await client.fetch(listener.outputs["images"][0], keep)

    asyncio.run(colorize())

    assert not listener.cached
    assert listener.nodes[-1] == 3
    expect_coloured(fetched[0], prompt)


def test_comfyui_workflow_client_uploads_and_waits(
    reference: Reference, photo: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(api_workflow("", "workflow-client")), encoding="utf-8")

    async def colorize() -> Image.Image:
        client = ComfyUIClientAsync(reference.address, str(file))
        async with asyncio.timeout(JOB_S_MAX):
            await client.connect()
            try:
                await client.set_data(key="Load Image", image=Image.open(io.BytesIO(photo)))
                found: dict[str, Image.Image] = await client.generate(["Save Image"])
            finally:
                await client.close()
        return found["Save Image"]

    picture = asyncio.run(colorize())

    # The client hands over a decoded picture, not the file.
    file_again = io.BytesIO()
    picture.save(file_again, "PNG")
    expect_coloured(file_again.getvalue())


@pytest.mark.parametrize("form", ["api", "ui"])
def test_comfy_cli_runs_both_forms_of_the_workflow(
    form: str, reference: Reference, stored_photo: str, tmp_path: Path
) -> None:
    prompt = api_workflow(stored_photo, f"cli-{form}")
    wanted = prompt if form == "api" else ui_workflow(stored_photo, f"cli-{form}")
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(wanted), encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    # A home of its own, and no telemetry: nothing of the user is read, nothing leaves the machine.
    quiet = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "comfy_cli", "--skip-prompt", "run", "--wait", "--json"]
    command += ["--workflow", str(file), "--host", "127.0.0.1", "--port", str(reference.port)]
    environment = {**os.environ, **quiet, "COMFY_NO_TELEMETRY": "1", "COMFY_NO_WATCH": "1"}

    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=JOB_S_MAX
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    envelope = json.loads(ended.stdout.splitlines()[-1])
    assert envelope["data"]["status"] == "completed"
    assert envelope["data"]["executed_node_ids"] == ["1", "2", "3"]
    [url] = envelope["data"]["outputs"]
    picture = reference.fetch(url)
    expect_coloured(picture, prompt if form == "api" else None)
