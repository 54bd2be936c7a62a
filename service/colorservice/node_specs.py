"""The nodes that exist: what they accept, what they return, what ``/object_info`` says of them.

Nothing here imports torch, because validation and ``/object_info`` must answer while torch is
still being imported. What the nodes do is in ``node_functions``.
"""

import hashlib
import mimetypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colorservice.paths import input_image
from colorservice.settings import MODEL_SIZE_MAX, MODEL_SIZE_MIN, Settings

CHECKPOINT_SUFFIXES = frozenset(
    {".ckpt", ".pt", ".bin", ".pth", ".safetensors", ".pkl", ".sft"},
)
PACK_CHECKPOINTS = (
    "ddcolor_paper_tiny.pth",
    "ddcolor_paper.pth",
    "ddcolor_modelscope.pth",
    "ddcolor_artistic.pth",
)


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What one node returned: values by output slot, and what the page is told (``ui``)."""

    outputs: tuple[object, ...] = ()
    ui: dict[str, list[Any]] = field(default_factory=dict)


class RunnableNode(Protocol):
    """One instance of a node; it lives as long as its id stays in the submitted prompts."""

    def run(self, **inputs: Any) -> NodeResult:
        """Run once; any exception becomes the ``execution_error`` of this node."""
        ...


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: a type name, or the list of values that a combo box offers."""

    kind: str | list[str]
    options: dict[str, Any] = field(default_factory=dict)

    def config(self) -> list[Any]:
        """Return it as ComfyUI puts it into JSON: ``[kind, options]``."""
        return [self.kind, self.options]


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node class.

    Attributes:
        required: input name → function that describes it as of now (file lists change).
        hidden: inputs that the server fills in: ``PROMPT`` or ``EXTRA_PNGINFO`` by name.
        check: input name → function that returns a complaint about its value, or None.
        fingerprint: hash of what lies behind the inputs; a changed one re-runs the node.
    """

    class_type: str
    display_name: str
    category: str
    description: str
    outputs: tuple[tuple[str, str], ...]
    required: Mapping[str, Callable[[Settings], InputSpec]]
    python_module: str = "nodes"
    output_node: bool = False
    hidden: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, Callable[[Settings, object], str | None]] = field(default_factory=dict)
    fingerprint: Callable[[Settings, Mapping[str, Any]], str] | None = None

    @property
    def return_types(self) -> tuple[str, ...]:
        """The types of the output slots."""
        return tuple(kind for kind, _name in self.outputs)

    def inputs(self, settings: Settings) -> dict[str, InputSpec]:
        """Describe the inputs as of now.

        Raises:
            OSError: a folder that an input lists cannot be read.
        """
        return {name: describe(settings) for name, describe in self.required.items()}


def checkpoint_names(folder: Path) -> list[str]:
    """List the checkpoint files below a folder, sorted, with ``/`` in names of subfolders.

    Raises:
        OSError: the folder exists and cannot be read.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in CHECKPOINT_SUFFIXES and path.is_file()
    )


def _fixed(kind: str, **options: Any) -> Callable[[Settings], InputSpec]:
    """Describe an input that does not depend on any folder."""
    spec = InputSpec(kind, options)
    return lambda _settings: spec


def _describe_photo(settings: Settings) -> InputSpec:
    with os.scandir(settings.input) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    pictures = [n for n in names if (mimetypes.guess_type(n)[0] or "").startswith("image/")]
    return InputSpec(pictures, {"image_upload": True})


def _check_image(settings: Settings, value: object) -> str | None:
    if not isinstance(value, str):
        text = f"{type(value).__name__!r} object has no attribute 'endswith'"
        raise AttributeError(text)  # noqa: TRY004 - ComfyUI's own, which clients are told
    return None if input_image(settings, value) else f"Invalid image file: {value}"


def _image_fingerprint(settings: Settings, inputs: Mapping[str, Any]) -> str:
    path = input_image(settings, inputs["image"])
    if path is None:
        raise FileNotFoundError(inputs["image"])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _describe_checkpoint(settings: Settings) -> InputSpec:
    extra = (n for n in checkpoint_names(settings.ddcolor_models) if n not in PACK_CHECKPOINTS)
    return InputSpec([*PACK_CHECKPOINTS, *extra], {"default": PACK_CHECKPOINTS[0]})


def _describe_model(settings: Settings) -> InputSpec:
    return InputSpec(checkpoint_names(settings.ddcolor_models))


def _describe_size(settings: Settings) -> InputSpec:
    # Step 1, not 32: the web page rounds to the step, and people type 680.
    bounds = {"min": MODEL_SIZE_MIN, "max": MODEL_SIZE_MAX, "step": 1}
    return InputSpec("INT", {"default": settings.model_size_px, **bounds})


_PREFIX_TIP = "The prefix for the file to save."
_SAVE_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_PACK_MODULE = "custom_nodes.ComfyUI-DDColor"

NODE_SPECS: dict[str, NodeSpec] = {
    spec.class_type: spec
    for spec in (
        NodeSpec(
            class_type="LoadImage",
            display_name="Load Image",
            category="image",
            description="Reads a picture from the input folder.",
            outputs=(("IMAGE", "IMAGE"), ("MASK", "MASK")),
            required={"image": _describe_photo},
            check={"image": _check_image},
            fingerprint=_image_fingerprint,
        ),
        NodeSpec(
            class_type="SaveImage",
            display_name="Save Image",
            category="image",
            description="Saves the input images to the output folder.",
            outputs=(),
            required={
                "images": _fixed("IMAGE", tooltip="The images to save."),
                "filename_prefix": _fixed("STRING", default="ComfyUI", tooltip=_PREFIX_TIP),
            },
            output_node=True,
            hidden=_SAVE_HIDDEN,
        ),
        NodeSpec(
            class_type="PreviewImage",
            display_name="Preview Image",
            category="image",
            description="Saves the input images to the temp folder.",
            outputs=(),
            required={"images": _fixed("IMAGE")},
            output_node=True,
            hidden=_SAVE_HIDDEN,
        ),
        NodeSpec(
            class_type="DDColor_Colorize",
            display_name="DDColor_Colorize",
            category="DDColor",
            description="",
            outputs=(("IMAGE", "colorized_image"),),
            required={
                "image": _fixed("IMAGE"),
                "model_input_size": _fixed(
                    "INT", default=512, min=MODEL_SIZE_MIN, max=MODEL_SIZE_MAX, step=32
                ),
                "checkpoint": _describe_checkpoint,
            },
            python_module=_PACK_MODULE,
        ),
        NodeSpec(
            class_type="DDColor-ddcolorize",
            display_name="DDColor-ddcolorize",
            category="DDColor",
            description="Denoises and colours a photo; size is rounded up to a multiple of 32.",
            outputs=(("IMAGE", "IMAGE"),),
            required={
                "image": _fixed("IMAGE"),
                "model": _describe_model,
                "size": _describe_size,
            },
            python_module=_PACK_MODULE,
        ),
    )
}
"""Every node class by its name."""
