"""Reading PNG files strictly: the pixels to the last byte, and the prompt that ComfyUI embeds.

Part of the foundation; ``colordrill.picture`` is what other modules use.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from colordrill.errors import ColordrillError

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 4_194_304
"""2048 x 2048; keeps a comparison within the scoring worker's 600 MB, and refuses bombs."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH = 8  # bits per channel
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_FRAME_BYTES = 12  # length, type and checksum of a chunk
_ORIENTATION_TAG = 0x0112
_TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height


class PictureProblem(ColordrillError):
    """A picture that is not whole, or that cannot be compared."""


def decode(data: bytes) -> Pixels:
    """The pixels of an 8-bit PNG, (height, width, 3), strict to the last byte.

    Every chunk's checksum, the compressed stream's length and checksum, and the end of the file
    are verified here, because Pillow passes over some of them and because its tolerance of
    truncated files is a switch that any library in the process may turn on. Interlaced and
    16-bit files are refused (nothing that is judged writes them), and so is transparency.

    Raises:
        PictureProblem: not such a PNG, truncated, altered, with trailing bytes, or too large.
    """
    _verify(data)
    with _opened(data, ("PNG",)) as image:
        clear = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
        if clear and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            raise PictureProblem("it has transparent pixels")
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


def embedded_prompt(data: bytes) -> Mapping[str, Any] | None:
    """The prompt that SaveImage wrote into a PNG's text chunks; None where there is none.

    Raises:
        PictureProblem: not a PNG, or the text is not a JSON object.
    """
    with _opened(data, ("PNG",)) as image:
        text = image.info.get("prompt")
    if text is None:
        return None
    try:
        prompt = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise PictureProblem(f"the embedded prompt is not JSON: {error}") from error
    if not isinstance(prompt, dict):
        raise PictureProblem("the embedded prompt is not an object of nodes")
    return prompt


def prompts_match(embedded: Mapping[str, Any], submitted: Mapping[str, Any]) -> bool:
    """Whether both prompts are the same, but for the ``is_changed`` that ComfyUI adds to nodes."""
    if embedded.keys() != submitted.keys():
        return False
    return all(
        _canonical(_without_injected(embedded[node], submitted[node]))
        == _canonical(submitted[node])
        for node in submitted
    )


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height as ComfyUI's LoadImage sees them: EXIF orientation applied, any format.

    Raises:
        PictureProblem: not a picture.
    """
    with _opened(data, None) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION_TAG) in _TURNED
    return (height, width) if turned else (width, height)


def _canonical(node: object) -> str:
    # text, because in Python 1 == 1.0 == True, and a size of 960.0 is not what was submitted
    return json.dumps(node, sort_keys=True, ensure_ascii=False, default=str)


def _without_injected(embedded: object, submitted: object) -> object:
    if not isinstance(embedded, Mapping) or not isinstance(submitted, Mapping):
        return embedded
    if "is_changed" in submitted:
        return embedded
    return {key: value for key, value in embedded.items() if key != "is_changed"}


@contextlib.contextmanager
def _opened(data: bytes, formats: tuple[str, ...] | None) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureProblem(_too_large(image.width, image.height))
            if formats is not None:
                image.load()  # text chunks may follow the pixels
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureProblem(f"it does not decode: {error}") from error


def _too_large(width: int, height: int) -> str:
    return f"{width}x{height} pixels are more than the {MAX_PIXELS} that are compared"


def _verify(data: bytes) -> None:
    parts: list[memoryview] = []
    expected: int | None = None
    for kind, payload in _chunks(data):
        if expected is None:
            expected = _scanline_bytes(kind, payload)
        elif kind == b"IDAT":
            parts.append(payload)
    if expected is None:
        raise PictureProblem("it has no header")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(b"".join(parts), expected + 1)
    except zlib.error as error:
        raise PictureProblem(f"its pixels are damaged: {error}") from error
    if len(raw) != expected or not inflater.eof or inflater.unused_data:
        raise PictureProblem(f"its pixels are not the {expected} bytes that its header announces")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    if not data.startswith(_SIGNATURE):
        raise PictureProblem("it is not a PNG")
    view, at, kind = memoryview(data), len(_SIGNATURE), b""
    while kind != b"IEND":
        if len(data) - at < _FRAME_BYTES:
            raise PictureProblem(f"it is truncated after {len(data)} bytes")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _FRAME_BYTES + length
        if end > len(data):
            raise PictureProblem(f"it is truncated after {len(data)} bytes, in chunk {kind!r}")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise PictureProblem(f"chunk {kind!r} at byte {at} fails its checksum")
        yield kind, view[at + 8 : end - 4]
        at = end
    if at != len(data):
        raise PictureProblem(f"{len(data) - at} bytes follow the end of the picture")


def _scanline_bytes(kind: bytes, header: memoryview) -> int:
    if kind != b"IHDR" or len(header) != struct.calcsize(">IIBBBBB"):
        raise PictureProblem("it does not begin with a header")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if width * height > MAX_PIXELS:
        raise PictureProblem(_too_large(width, height))
    if depth != _DEPTH or colour not in _CHANNELS or interlace:
        raise PictureProblem(f"not an 8-bit plain PNG: depth {depth}, interlace {interlace}")
    return int(height * (1 + width * _CHANNELS[colour]))
