"""``/models`` and ``/embeddings``: the model files by kind, listed anew for every request."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType

from aiohttp import web

from colorservice.settings import Settings
from colorservice.state import SERVICE

_WEIGHTS = frozenset(
    {".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"},
)
_ANY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where the files of one kind lie.

    Attributes:
        folders: relative to the base directory.
        suffixes: of the files that count, in lower case; all count when there are none.
    """

    folders: tuple[str, ...]
    suffixes: frozenset[str] = _WEIGHTS


def _models(*folders: str) -> _Kind:
    return _Kind(tuple(f"models/{folder}" for folder in folders))


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "checkpoints": _models("checkpoints"),
        "configs": _Kind(("models/configs",), frozenset({".yaml"})),
        "loras": _models("loras"),
        "vae": _models("vae"),
        "text_encoders": _models("text_encoders", "clip"),
        "diffusion_models": _models("unet", "diffusion_models"),
        "clip_vision": _models("clip_vision"),
        "style_models": _models("style_models"),
        "embeddings": _models("embeddings"),
        # A kind of folders and not of files: nothing in it has this suffix.
        "diffusers": _Kind(("models/diffusers",), frozenset({"folder"})),
        "vae_approx": _models("vae_approx"),
        "controlnet": _models("controlnet", "t2i_adapter"),
        "gligen": _models("gligen"),
        "upscale_models": _models("upscale_models"),
        "custom_nodes": _Kind(("custom_nodes",), _ANY),
        "hypernetworks": _models("hypernetworks"),
        "photomaker": _models("photomaker"),
        "classifiers": _Kind(("models/classifiers",), frozenset({""})),
        "model_patches": _models("model_patches"),
        "audio_encoders": _models("audio_encoders"),
        # The reference's own: the checkpoints of DDColor-ddcolorize.
        "ddcolor": _models("ddcolor"),
    }
)
MODEL_FOLDERS = tuple(_KINDS)
"""The kinds of models, in the order of ``/models``."""


def folders_of(settings: Settings, kind: str) -> list[Path]:
    """Return the folders of one of ``MODEL_FOLDERS``; they need not exist."""
    return [settings.base / folder for folder in _KINDS[kind].folders]


def _names(settings: Settings, kind: _Kind) -> list[str]:
    """List the files of one kind, sorted, with ``/`` in names of subfolders; links are followed."""
    found = {
        name
        for folder in kind.folders
        for name in _walk(settings.base / folder)
        if not kind.suffixes or PurePath(name).suffix.lower() in kind.suffixes
    }
    return sorted(found)


def _walk(folder: Path) -> Iterator[str]:
    for parent, below, files in os.walk(folder, followlinks=True):
        below[:] = [name for name in below if name != ".git"]
        for name in files:
            yield os.path.relpath(Path(parent) / name, folder)


async def model_folders(_request: web.Request) -> web.Response:
    """List the kinds of models."""
    return web.json_response(list(MODEL_FOLDERS))


async def models_in(request: web.Request) -> web.Response:
    """List the model files of one kind; 404 for an unknown kind."""
    kind = _KINDS.get(request.match_info["folder"])
    if kind is None:
        return web.Response(status=404)
    return web.json_response(_names(request.app[SERVICE].settings, kind))


async def embeddings(request: web.Request) -> web.Response:
    """List embeddings without their suffixes."""
    names = _names(request.app[SERVICE].settings, _KINDS["embeddings"])
    return web.json_response([str(PurePath(name).with_suffix("")) for name in names])


ROUTES = [
    web.get("/models", model_folders),
    web.get("/models/{folder}", models_in),
    web.get("/embeddings", embeddings),
]
