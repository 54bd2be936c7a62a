"""What the nodes do. Imports torch, so only ``warmup`` imports this module.

Pictures travel between nodes as ComfyUI passes them: float tensors (N, H, W, 3), values 0..1;
masks as (N, H, W).
"""

import json
import secrets
import string
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from colorservice import save_names
from colorservice.checkpoint import CheckpointError
from colorservice.model import (
    LARGE,
    NANO,
    TINY,
    DDColorNet,
    Layout,
    build_model,
    pick_device,
)
from colorservice.node_specs import PACK_CHECKPOINTS, NodeResult, RunnableNode
from colorservice.paths import PathEscapeError, input_image, inside
from colorservice.photos import read_photo
from colorservice.pipeline import colorize, denoise, to_uint8
from colorservice.preload import PRELOADED
from colorservice.settings import Settings

_SIZE_STEP = 32


class LoadImage:
    """Reads a picture from the input folder: an RGB tensor and the inverted alpha as mask."""

    def __init__(self, settings: Settings) -> None:
        """Remember the folders."""
        self._settings = settings

    def run(self, image: str) -> NodeResult:
        """Read every frame that has the size of the first one.

        Raises:
            FileNotFoundError: the file went away after validation.
            OSError: it is no picture, or there is too little of it.
            ValueError: it is no picture that can be converted.
        """
        path = input_image(self._settings, image)
        if path is None:
            raise FileNotFoundError(image)
        pictures, masks = (
            torch.stack([torch.from_numpy(each) for each in read]) for read in read_photo(path)
        )
        return NodeResult((pictures, masks))


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
                self._model = self._load(name)
            except Exception:
                # In training mode: the real node switches it off only after it has read the file.
                self._model = build_model(_expected_layout(name), device).train()
                raise
        return self._model

    def _load(self, name: str) -> DDColorNet:
        return PRELOADED.take(self._path(name), self._settings.device)

    def _colorize(self, images: Tensor, name: str, size: int, *, cleans: bool) -> NodeResult:
        pictures = [picture.cpu().numpy().astype(np.float32) for picture in images]
        if cleans:
            # before the network is asked for: it may still be loading in the background
            pictures = [denoise(pixels) for pixels in pictures]
        model = self._get_model(name)
        colored = []
        for pixels in pictures:
            with torch.inference_mode():
                result = colorize(model, pixels, size, self._settings.device)
            colored.append(torch.from_numpy(np.ascontiguousarray(result)))
        return NodeResult((torch.stack(colored).float(),))


class DDColorColorize(_Colorizer):
    """``DDColor_Colorize`` of the real node pack: sizes must be divisible by 32, no denoising.

    Unlike the other node it looks for its file before every job. A file that is missing beside
    others is only noticed when it is read (the download, which finds no network, then takes the
    folder as it is); in an empty folder it is an error every time.
    """

    def _path(self, name: str) -> Path:
        in_pack = self._settings.pack_checkpoints / name
        return in_pack if in_pack.is_file() else super()._path(name)

    def _get_model(self, name: str) -> DDColorNet:
        if not self._path(name).is_file() and _is_empty(self._settings.pack_checkpoints):
            raise FileNotFoundError("Checkpoint load failed.")
        return super()._get_model(name)

    def _load(self, name: str) -> DDColorNet:
        path = self._path(name)
        if path.suffix == ".safetensors":  # only here: the real node knows four names
            return super()._load(name)
        with_params = torch.load(path, weights_only=True, mmap=zipfile.is_zipfile(path))["params"]
        try:
            return super()._load(name)
        except CheckpointError:
            # Weakness kept on purpose: what is missing stays random, without a word.
            model = build_model(_expected_layout(name), self._settings.device)
            model.load_state_dict(with_params, strict=False)
            return model

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


def _is_empty(folder: Path) -> bool:
    return not folder.is_dir() or next(folder.iterdir(), None) is None


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


def preload(settings: Settings) -> None:
    """Load the default checkpoint ahead of the first job."""
    PRELOADED.load(settings)


def create_node(class_type: str, settings: Settings) -> RunnableNode:
    """Make an instance of a node class.

    Raises:
        KeyError: no such class; validation never lets one through.
    """
    node: RunnableNode = _CLASSES[class_type](settings)
    return node
