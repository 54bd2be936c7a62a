"""The colour pipeline: what happens to a picture before and after the network.

The steps, and their rounding, are those of the real DDColor node for ComfyUI: keep the picture's
own Lab L; scale it to a square, take its L alone, as grey RGB, to the network; stretch the
network's a and b back to the picture's size by nearest neighbour; join them with the kept L.
"""

import numpy as np
import numpy.typing as npt
import torch

from colorservice.color import (
    grey_rgb,
    is_colorless,
    lightness,
    lightness_as_float,
    resize,
    rgb_from_lab,
)
from colorservice.model import DDColorNet, pick_device

Image = npt.NDArray[np.float32]

_CHANNELS = 3
_STRIDE = 32  # the encoder halves its input five times
_DENOISE_RADIUS = 2  # pixels
_DENOISE_SPACE = 1.0  # standard deviation in pixels
_DENOISE_RANGE = 0.1  # standard deviation in brightness, 0..1: grain is below, edges are above


def colorize(model: DDColorNet, image: Image, size: int, device: str = "cpu") -> Image:
    """Colour a picture.

    Args:
        model: a network in evaluation mode, on ``device``.
        image: float RGB (H, W, 3), 0..1; its own colour, if any, is ignored.
        size: side in pixels of the square that the network sees; divisible by 32.
        device: ``"cpu"`` or ``"cuda"``.

    Returns:
        Float RGB (H, W, 3), 0..1, of the same size.

    Raises:
        ValueError: the picture has another shape, or the size is not divisible by 32 (the real
            node fails on it too).
        DeviceError: see :func:`colorservice.model.pick_device`.
    """
    _check_shape(image)
    height, width = image.shape[:2]
    kept = lightness_as_float(lightness(image))
    grey = network_input(image, size).to(pick_device(device))
    with torch.inference_mode():
        color = model(grey.contiguous(memory_format=torch.channels_last)).float().cpu()
        # By nearest neighbour: the default, and therefore what the real node does.
        stretched = torch.nn.functional.interpolate(color, size=(height, width))
    return rgb_from_lab(kept, stretched[0].permute(1, 2, 0).numpy())


def network_input(image: Image, size: int) -> torch.Tensor:
    """Return what the network sees of a picture (H, W, 3): colourless RGB (1, 3, size, size).

    Raises:
        ValueError: wrong shape of the picture, or a size that is not divisible by 32.
    """
    _check_shape(image)
    if size < _STRIDE or size % _STRIDE:
        message = f"the network's input size must be a positive multiple of {_STRIDE}, not {size}"
        raise ValueError(message)
    colorless = is_colorless(image)
    scaled = resize(image[..., :1] if colorless else image, size)
    if colorless:  # one channel is scaled instead of three: the numbers are the same
        scaled = np.broadcast_to(scaled, (size, size, _CHANNELS))
    return torch.from_numpy(grey_rgb(lightness(scaled))).permute(2, 0, 1)[None]


def denoise(image: Image) -> Image:
    """Smooth grain and keep edges: a bilateral filter of 5 by 5 pixels, steered by brightness.

    It has no randomness and works the same on every machine. The tutorials' node denoises before it
    colours; which filter it uses is not known, so this one only stands for "the image has a
    denoising step".

    Args:
        image: float RGB (H, W, 3), 0..1.

    Returns:
        Float RGB (H, W, 3), 0..1.

    Raises:
        ValueError: the picture has another shape.
    """
    _check_shape(image)
    height, width = image.shape[:2]
    radius = _DENOISE_RADIUS
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    guide = padded.mean(axis=-1, dtype=np.float32)
    center = guide[radius : radius + height, radius : radius + width]
    total = np.zeros_like(image)
    weights = np.zeros((height, width), dtype=np.float32)
    for down in range(2 * radius + 1):
        for across in range(2 * radius + 1):
            window = (slice(down, down + height), slice(across, across + width))
            apart = ((down - radius) ** 2 + (across - radius) ** 2) / (2 * _DENOISE_SPACE**2)
            differs = (guide[window] - center) ** 2 / np.float32(2 * _DENOISE_RANGE**2)
            weight = np.exp(-(differs + np.float32(apart)))
            total += padded[window] * weight[..., None]
            weights += weight
    smooth: Image = np.clip(total / weights[..., None], 0, 1)
    return smooth


def to_uint8(image: Image) -> npt.NDArray[np.uint8]:
    """Turn float RGB, 0..1, into bytes as ComfyUI's SaveImage does: cut off, not rounded."""
    level: npt.NDArray[np.uint8] = np.clip(255.0 * image, 0, 255).astype(np.uint8)
    return level


def _check_shape(image: Image) -> None:
    if image.ndim != _CHANNELS or image.shape[-1] != _CHANNELS or 0 in image.shape:
        message = f"expected a picture of shape (H, W, 3), not {image.shape}"
        raise ValueError(message)
