"""What every client must end up with: a coloured picture of the photo's size."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from colordrill.picture import decode, embedded_prompt, prompts_match, refuse_weak_golden

ROOT = Path(__file__).parents[2]
WORKFLOW_NAME = "DDColor人物黑白修复.json"
API_WORKFLOW = ROOT / "fixtures" / "workflows" / "api" / WORKFLOW_NAME
UI_WORKFLOW = ROOT / "fixtures" / "workflows" / WORKFLOW_NAME
PHOTO = ROOT / "fixtures" / "photos" / "astronaut.png"
PHOTO_SIDE_PX = 128


def small_photo() -> bytes:
    """Shrink the bundled photo of a person: what is tested is the way, not the picture."""
    buffer = io.BytesIO()
    with Image.open(PHOTO) as photo:
        photo.resize((PHOTO_SIDE_PX, PHOTO_SIDE_PX)).save(buffer, "PNG")
    return buffer.getvalue()


def api_workflow(photo_name: str, prefix: str) -> dict[str, Any]:
    """Return the person workflow in API form, for a photo and a prefix of its own."""
    workflow: dict[str, Any] = json.loads(API_WORKFLOW.read_text(encoding="utf-8"))
    for node in workflow.values():
        if node["class_type"] == "LoadImage":
            node["inputs"]["image"] = photo_name
        if node["class_type"] == "SaveImage":
            node["inputs"]["filename_prefix"] = prefix
    return workflow


def ui_workflow(photo_name: str, prefix: str) -> dict[str, Any]:
    """Return the person workflow as the web page saves it."""
    workflow: dict[str, Any] = json.loads(UI_WORKFLOW.read_text(encoding="utf-8"))
    for node in workflow["nodes"]:
        if node["type"] == "LoadImage":
            node["widgets_values"][0] = photo_name
        if node["type"] == "SaveImage":
            node["widgets_values"][0] = prefix
    return workflow


def expect_coloured(picture: bytes, prompt: Mapping[str, Any] | None = None) -> None:
    """Fail unless a file is a whole coloured PNG of the photo's size.

    Args:
        picture: the file that the client came back with.
        prompt: what it must embed; None where the client does not hand over the original file.

    Raises:
        PictureProblem: it does not decode to the last byte.
        GoldenProblem: it is hardly coloured.
    """
    pixels = decode(picture)
    height, width = pixels.shape[:2]
    assert (width, height) == (PHOTO_SIDE_PX, PHOTO_SIDE_PX), f"{width} x {height} px"
    # The measure that goldens are held to: without its colours it would be another picture.
    refuse_weak_golden(pixels)
    if prompt is not None:
        embedded = embedded_prompt(picture)
        assert embedded is not None
        assert prompts_match(embedded, prompt)
