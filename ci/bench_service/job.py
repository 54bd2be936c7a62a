"""One colorization by the service, without anything of a drill's around it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Mapping
from typing import Any

from PIL import Image

from colordrill.stack.comfyui import ComfyClient

CHECKPOINT = "ddcolor_nano.safetensors"
JOB_S_MAX = 120.0
POLL_EVERY_S = 0.02
"""Each poll takes time from the job that it asks after; a drill polls five times less often."""


def resized(content: bytes, side_px: int) -> bytes:
    """A photo as a square PNG."""
    with Image.open(io.BytesIO(content)) as photo:
        buffer = io.BytesIO()
        photo.convert("RGB").resize((side_px, side_px)).save(buffer, "PNG")
    return buffer.getvalue()


def prompt(photo: str, size: int, steps: int = 1) -> dict[str, Any]:
    """Load, colour (*steps* times one after the other), save."""
    nodes: dict[str, Any] = {"load": {"class_type": "LoadImage", "inputs": {"image": photo}}}
    last = "load"
    for step in range(steps):
        inputs = {"image": [last, 0], "model": CHECKPOINT, "size": size}
        nodes[f"colour{step}"] = {"class_type": "DDColor-ddcolorize", "inputs": inputs}
        last = f"colour{step}"
    inputs = {"images": [last, 0], "filename_prefix": f"bench-{uuid.uuid4()}"}
    nodes["save"] = {"class_type": "SaveImage", "inputs": inputs}
    return nodes


def submit(client: ComfyClient, nodes: Mapping[str, Any]) -> str:
    """Submit a prompt; returns its id."""
    prompt_id = str(uuid.uuid4())
    client.submit(nodes, prompt_id, timeout_s=JOB_S_MAX)
    return prompt_id


def await_picture(client: ComfyClient, prompt_id: str) -> bytes:
    """Wait for a job and fetch its picture."""
    deadline_s = time.monotonic() + JOB_S_MAX
    while True:
        finished = client.finished(prompt_id, timeout_s=JOB_S_MAX)
        if finished is not None:
            if not finished.succeeded:
                raise SystemExit(f"a job of the benchmark failed: {finished.messages}")
            subfolder, name = finished.outputs[0]
            return client.view("output", subfolder, name, timeout_s=JOB_S_MAX).body
        if time.monotonic() > deadline_s:
            raise SystemExit(f"a job of the benchmark did not end in {JOB_S_MAX:g} s")
        time.sleep(POLL_EVERY_S)


def coloured(client: ComfyClient, content: bytes, size: int) -> tuple[bytes, dict[str, Any]]:
    """Upload under a fresh name, colour, fetch: the picture and the prompt that made it."""
    nodes = prompt(client.upload(f"{uuid.uuid4()}.png", content, timeout_s=JOB_S_MAX), size)
    return await_picture(client, submit(client, nodes)), nodes
