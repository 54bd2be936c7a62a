"""Reproduces the bundled goldens with none of this project's code: an independent proof.

The network is put together from spandrel_extra_arches' DDColor parts by the shapes of the
checkpoint's tensors. The pipeline around it is written here once more, from the description of the
real node and by the textbook's formulas in double precision; only what is no textbook is imitated:
OpenCV's lightness by table, nearest neighbour, bytes cut off. The photos are grey, which keeps it
short.

Threads, processors and releases of torch change single bytes by one level, because they add in
another order. More than that is exit code 1, and so is a file that its manifest does not know.

    python ci/reproduce_goldens.py [--root DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.interpolate import CubicSpline
from spandrel_extra_arches.architectures.DDColor.__arch import convnext, ddcolor, unet
from torch import nn

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

SIDES = {"person": 704, "building": 1280}
"""What the network sees, in pixels: the workflows' 680 as a multiple of 32, and 1280."""

DIFFERING_BYTES_MAX = 40
"""Of some 800,000; other processors and releases of torch were seen to change up to 9."""

LEVELS_MAX = 1

TABLE_CELLS, TABLE_UNIT = 32, 1 << 14
RGB_OF_XYZ = np.array(
    [
        [3.240479, -1.53715, -0.498535],
        [-0.969256, 1.875991, 0.041556],
        [0.055648, -0.204043, 1.057311],
    ]
)
WHITE = np.array([0.950456, 1.0, 1.088754])


class Network(nn.Module):
    """DDColor of whatever sizes a checkpoint has."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()

        def size(name: str, axis: int = 0) -> int:
            return int(state[name].shape[axis])

        def count(prefix: str) -> int:
            depth = prefix.count(".") + 1
            return len({name.split(".")[depth] for name in state if name.startswith(f"{prefix}.")})

        color = "decoder.color_decoder"
        stages = [f"encoder.arch.stages.{number}" for number in range(4)]
        width = 2 * size("decoder.last_shuf.conv.0.weight_orig", 1)
        queries = size(f"{color}.query_feat.weight")
        self.encoder = nn.Module()
        self.encoder.arch = convnext.ConvNeXt(
            depths=[count(stage) for stage in stages],
            dims=[size(f"{stage}.0.norm.weight") for stage in stages],
        )
        hooks = [unet.Hook(getattr(self.encoder.arch, f"norm{number}")) for number in range(4)]
        self.encoder.arch(torch.zeros(1, 3, 64, 64))  # the decoder asks the hooks for channels
        self.decoder = ddcolor.Decoder(hooks, nf=width, last_norm="Spectral", dec_layers=1)
        self.decoder.color_decoder = ddcolor.MultiScaleColorDecoder(
            in_channels=[width, width, width // 2],
            hidden_dim=size(f"{color}.query_feat.weight", 1),
            num_queries=queries,
            dim_feedforward=size(f"{color}.transformer_ffn_layers.0.linear1.weight"),
            dec_layers=count(f"{color}.transformer_ffn_layers"),
            color_embed_dim=width // 2,
        )
        last = unet.custom_conv_layer(
            queries + 3, 2, ks=1, use_activ=False, norm_type=unet.NormType.Spectral
        )
        self.refine_net = nn.Sequential(last)
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.register_buffer("std", torch.ones(1, 3, 1, 1))
        self.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        self.eval()

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Return Lab's a and b."""
        normal = (grey - self.mean) / self.std
        self.encoder.arch(normal)
        return self.refine_net(torch.cat([self.decoder(), normal], dim=1))


def linear(srgb: Floats) -> Floats:
    """Undo sRGB's gamma curve."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 (the standard's)


@cache
def gamma_curve() -> CubicSpline:
    """The gamma curve of sRGB as OpenCV has it: a natural spline through 1,025 of its points."""
    light = np.arange(1025) / 1024
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004 (the standard's)
    return CubicSpline(light, srgb.astype(np.float32), bc_type="natural")


def lightness_table() -> Integers:
    """L of the grid's corners, in units of 100 / 2^14; in single precision, as OpenCV's is."""
    axis = linear(np.arange(TABLE_CELLS + 1) / TABLE_CELLS).astype(np.float32)
    red, green, blue = np.meshgrid(axis, axis, axis, indexing="ij")
    shares = np.array([0.212671, 0.715160, 0.072169], dtype=np.float32)
    y = blue * shares[2] + green * shares[1] + red * shares[0]
    root = np.cbrt(y.astype(np.float64)).astype(np.float32)
    light = np.where(y > 216 / 24389, 116 * root - 16, y * np.float32(24389 / 27))
    return np.rint(TABLE_UNIT * light / 100).astype(np.int64)


def lightness(grey: Floats, table: Integers) -> Floats:
    """L of grey levels 0..1 as OpenCV finds it: in its grid, with weights of a sixteenth."""
    steps = np.rint(np.clip(grey, 0, 1) * TABLE_UNIT).astype(np.int64) >> 5
    cell, part = steps >> 4, steps & 15
    total = np.zeros_like(steps)
    for corner in product((0, 1), repeat=3):
        share = np.prod([part if side else 16 - part for side in corner], axis=0)
        at = [np.minimum(cell + side, TABLE_CELLS) for side in corner]
        total += share * table[at[0], at[1], at[2]]
    return ((total + 2048) >> 12) * (100 / TABLE_UNIT)


def rgb(light: Floats, a: Floats, b: Floats) -> Floats:
    """RGB (H, W, 3) of Lab."""

    def undo(root: Floats) -> Floats:
        return np.where(root > 6 / 29, root**3, (root - 16 / 116) / 7.787)

    dark = light <= 8  # noqa: PLR2004 (Lab's knee)
    root = np.where(dark, 7.787 * light / 903.3 + 16 / 116, (light + 16) / 116)
    y = np.where(dark, light / 903.3, root**3)
    xyz = np.stack([undo(root + a / 500), y, undo(root - b / 200)], axis=-1) * WHITE
    result: Floats = gamma_curve()(np.clip(xyz @ RGB_OF_XYZ.T, 0, 1))
    return result


def denoised(grey: Singles) -> Floats:
    """A bilateral filter of 5 by 5 pixels; deviations 1 pixel, and 0.1 in brightness.

    In single precision, as in the service: half a step of the table above is soon crossed.
    """
    height, width = grey.shape
    padded = np.pad(grey, 2, mode="edge")
    total, weights = np.zeros_like(grey), np.zeros_like(grey)
    for down, across in product(range(5), repeat=2):
        window = padded[down : down + height, across : across + width]
        apart = np.float32(((down - 2) ** 2 + (across - 2) ** 2) / 2)
        weight = np.exp(-((window - grey) ** 2 / np.float32(2 * 0.1**2) + apart))
        total, weights = total + window * weight, weights + weight
    return np.clip(total / weights, 0, 1).astype(np.float64)


def coloured(photo: Path, network: Network, side: int) -> npt.NDArray[np.uint8]:
    """The picture that the service should make of a grey photo."""
    table = lightness_table()
    with Image.open(photo) as opened:
        grey = denoised(np.asarray(opened.convert("L"), dtype=np.float32) / np.float32(255))
    square = nn.functional.interpolate(
        torch.from_numpy(grey)[None, None], size=(side, side), mode="bilinear"
    )
    seen = lightness(square[0, 0].numpy(), table)
    none = np.zeros_like(seen)
    shown = torch.from_numpy(rgb(seen, none, none)).float().permute(2, 0, 1)[None]
    with torch.inference_mode():
        # the layout decides in which order torch adds; the service's is this one
        color = network(shown.contiguous(memory_format=torch.channels_last))
        color = nn.functional.interpolate(color, size=grey.shape, mode="nearest")[0].double()
    picture = rgb(lightness(grey, table), color[0].numpy(), color[1].numpy())
    # single precision before the cut, as in the service: in double, white is 0.9999999999999999
    return np.clip(picture.astype(np.float32) * np.float32(255), 0, 255).astype(np.uint8)


def checked(path: Path, sha256: str) -> Path:
    """The path of a file that is what its manifest says.

    Raises:
        ValueError: it is another file.
    """
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{path} is not what its manifest says: restore it from version control")
    return path


def reproduced(root: Path, entry: dict[str, Any], network: Network) -> bool:
    """Whether the golden of *entry* is what comes out; prints how far it is from it."""
    photo = checked(root / f"fixtures/photos/{entry['photo']}.png", entry["photo_sha256"])
    golden = checked(root / "golden_images/ddcolor_nano" / entry["file"], entry["sha256"])
    ours = coloured(photo, network, SIDES[entry["workflow"]])
    with Image.open(golden) as opened:
        theirs = np.asarray(opened.convert("RGB"))
    if ours.shape != theirs.shape:
        print(f"{entry['file']}: {theirs.shape} instead of {ours.shape}")
        return False
    apart = np.abs(ours.astype(np.int64) - theirs)
    differing, levels = int(np.count_nonzero(apart)), int(apart.max())
    same = differing <= DIFFERING_BYTES_MAX and levels <= LEVELS_MAX
    verdict = "reproduced" if same else "not reproduced"
    print(f"{entry['file']}: {differing} of {apart.size} bytes by at most {levels}: {verdict}")
    return same


def main() -> int:
    """Reproduce every golden; 0 when all come out."""
    parser = argparse.ArgumentParser(description="Reproduce the goldens independently.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    root: Path = parser.parse_args().root
    try:
        text = (root / "golden_images/ddcolor_nano/MANIFEST.json").read_text(encoding="utf-8")
        manifest = json.loads(text)
        weights = root / "fixtures/models" / manifest["weights"]["file"]
        network = Network(load_file(checked(weights, manifest["weights"]["sha256"])))
        results = [reproduced(root, entry, network) for entry in manifest["goldens"]]
    except (OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
