"""Reading checkpoint files: which forms there are, and what a damaged one raises."""

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

# A classifier left over in the published files, never used.
_IGNORED = re.compile(r"^encoder\.arch\.head_cls\.")


class CheckpointError(Exception):
    """A checkpoint cannot be used: it is unreadable, or not a DDColor of a known form."""


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a state dictionary as fp32.

    Args:
        path: a ``.safetensors`` file, or a torch file with the dictionary itself or with it under
            the key ``"params"``, as published.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is corrupt, or holds something else than tensors by name.
    """
    if not path.is_file():
        message = f"no checkpoint at {path}"
        raise FileNotFoundError(message)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if isinstance(content, dict) and isinstance(content.get("params"), dict):
        content = content["params"]
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(v, Tensor) for v in content.values())
    ):
        message = f"{path.name} holds no state dictionary (tensors by name)"
        raise CheckpointError(message)
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in content.items()
        if not _IGNORED.match(name)
    }


def _read_safetensors(path: Path) -> object:
    # Imported here: a service that is given torch files needs no safetensors.
    from safetensors import SafetensorError  # noqa: PLC0415 (see above)
    from safetensors.torch import load_file  # noqa: PLC0415 (see above)

    try:
        return load_file(path)
    except SafetensorError as error:
        message = f"{path.name} is not a readable safetensors file: {error}"
        raise CheckpointError(message) from error


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # A damaged file fails in whichever layer meets the damage first: zip, pickle or storage.
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        message = f"{path.name} is not a readable torch checkpoint: {error}"
        raise CheckpointError(message) from error
