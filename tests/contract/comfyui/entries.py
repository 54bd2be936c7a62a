"""What a test reads out of a history entry or a picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def messages_of(entry: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The data of every message of one kind."""
    return [data for event, data in entry["status"]["messages"] if event == kind]


def error_of(entry: dict[str, Any]) -> dict[str, Any]:
    """The ``execution_error`` of a job that must have failed."""
    assert entry["status"]["status_str"] == "error", entry["status"]
    return messages_of(entry, "execution_error")[0]


def cached(entry: dict[str, Any]) -> set[str]:
    """The nodes that a job took from the cache."""
    return set(messages_of(entry, "execution_cached")[0]["nodes"])


def saved(entry: dict[str, Any], node: str = "save") -> dict[str, str]:
    """What a job says about the picture that it saved: filename, subfolder, type."""
    assert entry["status"]["status_str"] == "success", entry["status"]
    return dict(entry["outputs"][node]["images"][0])


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    """The pixels of a picture as RGB."""
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def same_pixels(first: bytes, second: bytes) -> bool:
    """Whether two pictures show the same."""
    return bool(np.array_equal(pixels(first), pixels(second)))


def noise(width_px: int, height_px: int) -> bytes:
    """A PNG that does not compress."""
    buffer = io.BytesIO()
    drawn = np.random.default_rng(0).integers(0, 255, (height_px, width_px, 3), np.uint8)
    Image.fromarray(drawn).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
