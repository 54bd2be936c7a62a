"""What is drilled: the colorization image, and how it differs from the bundled one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class ColorizeNode:
    """The node that colours, as the service names it; the workflows are written for it.

    Attributes:
        class_type: node class, as ``/object_info`` lists it.
        image_input: name of the input that takes the picture.
        size_input: name of the input that takes the network's size in pixels.
        model_input: name of the input that takes the checkpoint's file name.
        checkpoint: that file name.
        person_size_px: size for people.
        building_size_px: size for buildings.
    """

    class_type: str = "DDColor-ddcolorize"
    image_input: str = "image"
    size_input: str = "size"
    model_input: str = "model"
    checkpoint: str = "ddcolor_nano.safetensors"
    person_size_px: int = 680
    building_size_px: int = 1280


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the service keeps its data inside its container: absolute paths.

    Attributes:
        input: uploaded photos.
        output: finished pictures.
        workflows: the users' workflow files.
        models: the folder with checkpoints (some node packs keep them in a folder of their own).
    """

    input: str = "/comfyui/input"
    output: str = "/comfyui/output"
    workflows: str = "/comfyui/user/default/workflows"
    models: str = "/comfyui/models"


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The service that is drilled; the defaults are the bundled reference service.

    Attributes:
        image: image reference; None is the bundled one, built here.
        layout: the named set of values that the others were laid over.
        entrypoint: replaces the image's own, and then the image's command is gone too; empty
            leaves it.
        command: replaces the image's own; empty leaves it.
        port: where the service listens inside its container.
        user: ``UID[:GID]`` to run as; None leaves the image's own.
        environment: further variables.
        mounts: where its data lies.
        node: the node that colours.
        checkpoint_file: the checkpoint on this machine that is put into the models folder;
            ``bundled`` is the reference service's, ``image`` means that the image brings its own.
        checkpoint_path: where the checkpoint lies, relative to the models folder.
        goldens: directory of golden images with their manifest; None is the bundled one.
        workflows: directory of workflows; None is the bundled one.
    """

    image: str | None = None
    layout: str = "reference"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port: int = 8188
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mounts = field(default_factory=Mounts)
    node: ColorizeNode = field(default_factory=ColorizeNode)
    checkpoint_file: Path | Literal["bundled", "image"] = "bundled"
    checkpoint_path: str = "ddcolor/ddcolor_nano.safetensors"
    goldens: Path | None = None
    workflows: Path | None = None
