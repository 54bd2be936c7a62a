"""Hand-made pictures and PNG streams."""

from __future__ import annotations

import io
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage.color
import skimage.data
import skimage.filters
import skimage.metrics
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colordrill.picture import (
    Pixels,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}, "2": {"size": 960}}


@dataclass(frozen=True, slots=True)
class Limits:
    chroma_ssim_min: float = 0.985
    chroma_tile_min: float = 0.90
    luma_ssim_min: float = 0.99
    delta_e_max: float = 1.0


def png(pixels: Pixels, prompt: object = None, **options: Any) -> bytes:
    texts = PngInfo()
    if prompt is not None:
        texts.add_text("prompt", prompt if isinstance(prompt, str) else json.dumps(prompt))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", pnginfo=texts, **options)
    return file.getvalue()


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(
        ">I", zlib.crc32(kind + payload)
    )  # fmt: skip


def raw_png(width: int, height: int, stream: bytes, *, depth: int = 8, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    )


def altered(picture: Pixels, change: Callable[[Any], Any]) -> Pixels:
    lab = change(skimage.color.rgb2lab(picture))
    return np.asarray(np.rint(np.clip(skimage.color.lab2rgb(lab), 0, 1) * 255), dtype=np.uint8)
