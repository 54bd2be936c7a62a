"""The colour pipeline: what happens to a picture before and after the network."""

import numpy as np
import numpy.typing as npt

from colorservice.model import DDColorNet

Image = npt.NDArray[np.float32]


def colorize(model: DDColorNet, image: Image, size: int, device: str = "cpu") -> Image:
    """Colour a picture: float RGB (H, W, 3), 0..1, in and out; ``size`` is the network's input side, divisible by 32.

    Raises:
        ValueError: wrong shape of the picture, or a size that is not divisible by 32.
    """
    raise NotImplementedError


def denoise(image: Image) -> Image:
    """Smooth grain lightly and deterministically, keeping edges: float RGB (H, W, 3), 0..1, in and out."""
    raise NotImplementedError


def to_uint8(image: Image) -> npt.NDArray[np.uint8]:
    """Round as ComfyUI's SaveImage does: times 255, clipped, truncated."""
    raise NotImplementedError
