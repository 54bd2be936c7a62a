"""What the process was told: environment, folders, and the markers baked into its image."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMFYUI_VERSION = "0.3.64"
"""The release whose behaviour this service imitates; reported by ``/system_stats``."""

UPLOAD_BYTES_MAX = 100 * 1024 * 1024
"""Largest request body accepted, as in ComfyUI."""

MODEL_SIZE_DEFAULT = 512
MODEL_SIZE_MIN = 32
MODEL_SIZE_MAX = 4096


class SettingsError(ValueError):
    """An environment variable or build marker that makes no sense; the message names it."""


def read_denoise_marker(environment: Mapping[str, str], build_file: Path) -> bool:
    """Say whether this image carries the denoising module.

    ``DENOISE`` wins over ``build.json`` (key ``denoise``); an image with neither has the module.
    It is a property of the image and not of a request: a half-year-old image lacks it, and no
    client can tell except by looking at the pictures.

    Raises:
        SettingsError: ``build.json`` is unreadable, or ``DENOISE`` is neither 0 nor 1.
    """
    value = environment.get("DENOISE")
    if value is not None and value != "":
        if value not in {"0", "1"}:
            message = f"DENOISE must be 0 or 1, not {value!r}"
            raise SettingsError(message)
        return value == "1"
    try:
        marker = json.loads(build_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError) as error:
        message = f"{build_file.name} of the package cannot be read: {error}"
        raise SettingsError(message) from error
    return bool(marker.get("denoise", True)) if isinstance(marker, dict) else True


def read_model_size(environment: Mapping[str, str]) -> int:
    """Read ``MODEL_SIZE`` in pixels, the default size of the ``DDColor-ddcolorize`` node.

    Raises:
        SettingsError: not an integer from 32 to 4096.
    """
    text = environment.get("MODEL_SIZE", "").strip()
    if not text:
        return MODEL_SIZE_DEFAULT
    try:
        size = int(text)
    except ValueError as error:
        message = f"MODEL_SIZE must be an integer, not {text!r}"
        raise SettingsError(message) from error
    if not MODEL_SIZE_MIN <= size <= MODEL_SIZE_MAX:
        message = f"MODEL_SIZE must be {MODEL_SIZE_MIN} to {MODEL_SIZE_MAX}, not {size}"
        raise SettingsError(message)
    return size


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders and switches of one running service; immutable after start.

    Attributes:
        base: the absolute base directory that holds every folder below.
        device: ``DEVICE`` in lower case. Not checked here: a missing CUDA device is an error of
            the node that needs it, because the HTTP side of the real service stays up too.
        model_size_px: default of the ``size`` input.
        denoises: whether this image carries the denoising module.
    """

    base: Path
    device: str = "cpu"
    model_size_px: int = MODEL_SIZE_DEFAULT
    denoises: bool = True

    @property
    def input(self) -> Path:
        """Uploaded photos."""
        return self.base / "input"

    @property
    def output(self) -> Path:
        """Finished pictures."""
        return self.base / "output"

    @property
    def temp(self) -> Path:
        """Previews."""
        return self.base / "temp"

    @property
    def user(self) -> Path:
        """The only user's own files; workflows lie in ``workflows/`` below it."""
        return self.base / "user" / "default"

    @property
    def models(self) -> Path:
        """Model files by kind."""
        return self.base / "models"

    @property
    def ddcolor_models(self) -> Path:
        """Checkpoints that ``DDColor-ddcolorize`` offers."""
        return self.models / "ddcolor"

    @property
    def pack_checkpoints(self) -> Path:
        """Where the real node pack of ``DDColor_Colorize`` keeps its weights."""
        return self.base / "custom_nodes" / "ComfyUI-DDColor" / "checkpoints"

    def folder(self, kind: str) -> Path | None:
        """Return the folder that ``type=`` names in the file API, or None for an unknown one."""
        return {"input": self.input, "output": self.output, "temp": self.temp}.get(kind)

    def create_folders(self) -> list[str]:
        """Create the missing folders and return a complaint for each that could not be made.

        A folder that cannot be made is no reason to stay down: a read-only volume has to fail
        at the operation that writes, as it does in the real service.
        """
        complaints = []
        wanted = (self.input, self.output, self.temp, self.user / "workflows")
        for path in (*wanted, self.ddcolor_models, self.pack_checkpoints):
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                complaints.append(f"folder {path} is unusable: {error.strerror or error}")
        return complaints


def read_settings(base: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of this process.

    Args:
        base: base directory; made absolute, symlinks resolved.
        environment: where ``DEVICE``, ``MODEL_SIZE`` and ``DENOISE`` are looked up.

    Raises:
        SettingsError: a variable or marker makes no sense.
    """
    return Settings(
        base=base.resolve(),
        device=environment.get("DEVICE", "").strip().lower() or "cpu",
        model_size_px=read_model_size(environment),
        denoises=read_denoise_marker(environment, Path(__file__).with_name("build.json")),
    )
