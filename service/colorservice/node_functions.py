"""What the nodes do. Imports torch, so only ``warmup`` imports this module.

Pictures travel between nodes as ComfyUI passes them: float tensors (N, H, W, 3), values 0..1;
masks as (N, H, W).
"""

import json
import secrets
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from colorservice import save_names
from colorservice.model import (
    LARGE,
    NANO,
    TINY,
    DDColorNet,
    Layout,
    build_model,
    load_model,
    pick_device,
)
from colorservice.node_specs import PACK_CHECKPOINTS, NodeResult, RunnableNode
from colorservice.paths import PathEscapeError, input_image, inside
from colorservice.pipeline import colorize, denoise, to_uint8
from colorservice.settings import Settings

_SIZE_STEP = 32
_WIDE_GREY_MAX = 65535


class LoadImage:
    """Reads a picture from the input folder: an RGB tensor and the inverted alpha as mask."""

    def __init__(self, settings: Settings) -> None:
        """Remember the folders."""
        self._settings = settings

    def run(self, image: str) -> NodeResult:
        """Read every frame that has the size of the first one.

        Raises:
            FileNotFoundError: the file went away after validation.
            OSError: it is no picture, or a truncated one.
        """
        path = input_image(self._settings, image)
        if path is None:
            raise FileNotFoundError(image)
        pictures: list[Tensor] = []
        masks: list[Tensor] = []
        size: tuple[int, int] | None = None
        with Image.open(path) as opened:
            for frame in ImageSequence.Iterator(opened):
                upright = ImageOps.exif_transpose(frame)
                rgb = _to_rgb(upright)
                size = size or rgb.size
                if rgb.size != size:
                    continue
                pictures.append(torch.from_numpy(np.asarray(rgb, np.float32) / 255.0)[None])
                masks.append(_mask(upright)[None])
                if opened.format == "MPO":
                    break
        return NodeResult((torch.cat(pictures), torch.cat(masks)))


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Convert any mode to RGB; 16-bit grey is scaled, not clipped."""
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        wide = np.asarray(picture).astype(np.float64)
        scaled = np.clip(wide, 0, _WIDE_GREY_MAX) * (255.0 / _WIDE_GREY_MAX)
        picture = Image.fromarray(scaled.astype(np.uint8))
    return picture.convert("RGB")


def _mask(picture: Image.Image) -> Tensor:
    if "A" in picture.getbands():
        alpha = picture.getchannel("A")
    elif picture.mode == "P" and "transparency" in picture.info:
        alpha = picture.convert("RGBA").getchannel("A")
    else:
        return torch.zeros((64, 64))
    return 1.0 - torch.from_numpy(np.asarray(alpha, np.float32) / 255.0)


class SaveImage:
    """Writes pictures as PNG under running numbers."""

    _kind = "output"
    _compress_level = 4
    _suffix = ""

    def __init__(self, settings: Settings) -> None:
        """Remember the folders."""
        self._settings = settings

    def run(
        self,
        images: Tensor,
        filename_prefix: str = "ComfyUI",
        prompt: object = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> NodeResult:
        """Write each picture of the batch.

        Raises:
            OSError: the folder is read-only, full or gone; a partly written file stays.
            ValueError: the prefix leads outside the folder.
        """
        root = self._settings.folder(self._kind)
        assert root is not None  # noqa: S101 - both kinds exist
        height, width = int(images.shape[1]), int(images.shape[2])
        target = save_names.resolve(filename_prefix + self._suffix, root, width, height)
        notes = PngInfo()
        if prompt is not None:
            notes.add_text("prompt", json.dumps(prompt))
        if extra_pnginfo is not None:
            for key in extra_pnginfo:
                notes.add_text(key, json.dumps(extra_pnginfo[key]))
        saved = []
        for offset, picture in enumerate(images):
            name = target.name(offset)
            self._write(target.folder / name, picture, notes)
            entry = {"filename": name, "subfolder": target.subfolder, "type": self._kind}
            saved.append(entry)
        return NodeResult(ui={"images": saved})

    def _write(self, path: Path, picture: Tensor, notes: PngInfo) -> None:
        pixels = to_uint8(picture.cpu().numpy())
        # Weakness kept on purpose: in place, no temporary name, no fsync. A kill or a full disk
        # leaves a truncated PNG behind. (Opened here: Pillow would delete it after an error.)
        with path.open("wb") as file:
            Image.fromarray(pixels).save(
                file, format="PNG", pnginfo=notes, compress_level=self._compress_level
            )


class PreviewImage(SaveImage):
    """Writes to the temp folder under random names."""

    _kind = "temp"
    _compress_level = 1

    def __init__(self, settings: Settings) -> None:
        """Draw the name part that keeps two previews apart."""
        super().__init__(settings)
        letters = (secrets.choice(string.ascii_lowercase) for _ in range(5))
        self._suffix = "_temp_" + "".join(letters)


class _Colorizer:
    """Keeps one model between runs, together with the weakness of the real node.

    *Weakness* kept on purpose: when a checkpoint cannot be loaded the node fails, but a network
    with random weights stays behind under that checkpoint's name. The next run finds it and
    succeeds, with nonsense colours, even after the file was repaired.
    """

    def __init__(self, settings: Settings) -> None:
        """Load nothing yet: a DR container starts before its volumes are filled."""
        self._settings = settings
        self._model: DDColorNet | None = None
        self._loaded_name: str | None = None

    def _path(self, name: str) -> Path:
        try:
            return inside(self._settings.ddcolor_models, name)
        except PathEscapeError as error:
            raise FileNotFoundError(name) from error

    def _get_model(self, name: str) -> DDColorNet:
        device = self._settings.device
        pick_device(device)
        if self._model is None or self._loaded_name != name:
            self._loaded_name = name
            try:
                self._model = load_model(self._path(name), device)
            except Exception:
                self._model = build_model(_expected_layout(name), device)
                raise
        return self._model

    def _colorize(self, images: Tensor, name: str, size: int, *, cleans: bool) -> NodeResult:
        model = self._get_model(name)
        colored = []
        for picture in images:
            pixels = picture.cpu().numpy().astype(np.float32)
            if cleans:
                pixels = denoise(pixels)
            with torch.inference_mode():
                result = colorize(model, pixels, size, self._settings.device)
            colored.append(torch.from_numpy(np.ascontiguousarray(result)))
        return NodeResult((torch.stack(colored).float(),))


class DDColorColorize(_Colorizer):
    """``DDColor_Colorize`` of the real node pack: sizes must be divisible by 32, no denoising."""

    def _path(self, name: str) -> Path:
        in_pack = self._settings.pack_checkpoints / name
        return in_pack if in_pack.is_file() else super()._path(name)

    def run(self, image: Tensor, model_input_size: int, checkpoint: str) -> NodeResult:
        """Colour each picture of the batch.

        Raises:
            ValueError: the size is not divisible by 32.
            Exception: the checkpoint or the device is unusable.
        """
        return self._colorize(image, checkpoint, model_input_size, cleans=False)


class DDColorDdcolorize(_Colorizer):
    """``DDColor-ddcolorize``: rounds the size up to a multiple of 32 and denoises first."""

    def run(self, image: Tensor, model: str, size: int) -> NodeResult:
        """Colour each picture of the batch.

        Raises:
            Exception: the checkpoint or the device is unusable.
        """
        rounded = -(-size // _SIZE_STEP) * _SIZE_STEP
        return self._colorize(image, model, rounded, cleans=self._settings.denoises)


def _expected_layout(name: str) -> Layout:
    """Guess the network that a checkpoint is for by its name, when its content cannot be read."""
    if name not in PACK_CHECKPOINTS:
        return NANO
    return TINY if "tiny" in name else LARGE


_CLASSES: dict[str, Callable[[Settings], Any]] = {
    "LoadImage": LoadImage,
    "SaveImage": SaveImage,
    "PreviewImage": PreviewImage,
    "DDColor_Colorize": DDColorColorize,
    "DDColor-ddcolorize": DDColorDdcolorize,
}


def create_node(class_type: str, settings: Settings) -> RunnableNode:
    """Make an instance of a node class.

    Raises:
        KeyError: no such class; validation never lets one through.
    """
    node: RunnableNode = _CLASSES[class_type](settings)
    return node
