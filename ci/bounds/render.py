"""Colours photos by the reference pipeline under chosen conditions. A process of its own.

Thread counts, processor capabilities and releases of torch are fixed when a process starts, so
``derive_bounds.py`` starts one for each set of conditions and hands it a job as JSON on standard
input: ``{"weights": path, "out": folder, "conditions": {...}, "photos": [{"name", "file",
"size"}]}``. It writes ``<name>.png`` for each photo and prints the software as JSON. The harness
never imports the service; this is the one script that does, and it imports nothing of the harness.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from colorservice import pipeline
from colorservice.model import NANO, build_model, infer_layout, load_model, read_checkpoint

_STRIDE = 32
_TF32_DROPPED_BITS = 13  # of the 23 bits of a float32's fraction
_INT8_MAX = 127.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under what a photo is coloured; the defaults are the reference service's own.

    Attributes:
        threads: of torch.
        onednn: whether torch may use oneDNN's kernels.
        layout: ``channels_last`` or ``contiguous``.
        tf32: round what enters convolutions and matrix products to 10 bits, as GPUs do.
        device: ``cpu`` or ``cuda``.
        weights: ``as_is``, ``bfloat16``, ``int8`` (per tensor) or ``random``.
        denoise: whether the photo is denoised first.
        stretch: how a and b are brought to the photo's size.
    """

    threads: int = 2
    onednn: bool = True
    layout: str = "channels_last"
    tf32: bool = False
    device: str = "cpu"
    weights: str = "as_is"
    denoise: bool = True
    stretch: str = "nearest"


def rounded_to_tf32(values: torch.Tensor) -> torch.Tensor:
    """Round to the nearest number with 10 bits of fraction."""
    half = 1 << (_TF32_DROPPED_BITS - 1)
    bits = values.contiguous().view(torch.int32) + half
    return (bits >> _TF32_DROPPED_BITS << _TF32_DROPPED_BITS).view(torch.float32)


def emulate_tf32(model: torch.nn.Module) -> None:
    """Round inputs and weights of every convolution and linear layer, as a GPU's tensor cores."""

    def round_operands(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
        # in each call, because spectral norm computes the weight anew before this hook
        module.weight.data = rounded_to_tf32(module.weight.data)
        return tuple(rounded_to_tf32(each) for each in inputs)

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_pre_hook(round_operands)


def changed(weights: torch.Tensor, how: str) -> torch.Tensor:
    """The weights as a file of lower precision would give them back."""
    if not weights.is_floating_point():
        return weights
    if how == "bfloat16":
        return weights.bfloat16().float()
    step = weights.abs().max() / _INT8_MAX
    return (weights / step).round() * step if step > 0 else weights


def loaded(path: Path, conditions: Conditions) -> torch.nn.Module:
    """The network under these conditions."""
    if conditions.weights == "random":
        return build_model(NANO, conditions.device, seed=1)
    if conditions.weights == "as_is":
        model = load_model(path, conditions.device)
    else:
        state = read_checkpoint(path)
        model = build_model(infer_layout(state), conditions.device)
        model.load_state_dict({k: changed(v, conditions.weights) for k, v in state.items()})
    if conditions.tf32:
        emulate_tf32(model)
    return model


def colour(model: torch.nn.Module, file: Path, size: int, conditions: Conditions) -> Image.Image:
    """What the reference service would save for a photo."""
    with Image.open(file) as opened:
        picture = np.asarray(opened.convert("RGB"), np.float32) / np.float32(255)
    if conditions.denoise:
        picture = pipeline.denoise(picture)
    network: Any = model
    if conditions.layout == "contiguous":
        network = lambda grey: model(grey.contiguous(memory_format=torch.contiguous_format))  # noqa: E731 (a one-line adapter)
    rounded = -(-size // _STRIDE) * _STRIDE
    result = pipeline.colorize(network, picture, rounded, conditions.device)
    return Image.fromarray(pipeline.to_uint8(result))


def stretch_by(mode: str) -> None:
    """Make the pipeline stretch a and b by another rule than nearest neighbour."""
    interpolate = torch.nn.functional.interpolate
    torch.nn.functional.interpolate = partial(interpolate, mode=mode)


def main() -> None:
    """Do the job on standard input."""
    job = json.load(sys.stdin)
    conditions = Conditions(**job["conditions"])
    torch.set_num_threads(conditions.threads)
    torch.backends.mkldnn.set_flags(_enabled=conditions.onednn)
    if conditions.stretch != "nearest":
        stretch_by(conditions.stretch)
    model = loaded(Path(job["weights"]), conditions)
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    for photo in job["photos"]:
        picture = colour(model, Path(photo["file"]), photo["size"], conditions)
        picture.save(out / f"{photo['name']}.png", compress_level=1)
    software = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "numpy": np.__version__,
    }
    print(json.dumps(software))


if __name__ == "__main__":
    main()
