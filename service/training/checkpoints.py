"""Writing the trained weights, and what ``fixtures/models/MANIFEST.json`` says about them."""

import json
import shlex
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from colorservice.model import NANO, DDColorNet
from training.make_photos import PHOTOS, sha256, source_path


def write_checkpoint(model: DDColorNet, target: Path) -> None:
    """Write fp16 safetensors, names sorted, so that equal weights give equal bytes."""
    state = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in sorted(model.state_dict().items())
    }
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            message = f"{name} does not fit into fp16"
            raise ValueError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(save(state))
    partial.replace(target)


def record(target: Path, history: dict[str, Any]) -> None:
    """Put a checkpoint's entry into ``MANIFEST.json`` beside it, keeping the other entries.

    A run that goes on from an earlier checkpoint of the same name is added to that one's runs.

    Args:
        target: the checkpoint.
        history: how it was trained: seed, steps and time.
    """
    command = "PYTHONPATH=service python -m training.train_nano " + shlex.join(sys.argv[1:])
    run = {"command": command, **history, "torch": version("torch")}
    path = target.parent / "MANIFEST.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    earlier = manifest.get(target.name, {}).get("runs", []) if "--start" in sys.argv else []
    manifest[target.name] = {
        "sha256": sha256(target.read_bytes()),
        "architecture": {"name": "DDColor", "layout": asdict(NANO), "precision": "fp16"},
        "runs": [*earlier, run],
        "data": [
            {
                "photo": photo.name,
                "file": f"{photo.module}/{photo.file}",
                "package": f"{photo.distribution} {version(photo.distribution)}",
                "sha256": sha256(source_path(photo).read_bytes()),
                "license": photo.license,
            }
            for photo in PHOTOS
        ],
    }
    path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n", encoding="utf-8")
