"""Latent defects of the DR site's container: its image, its variables, its mounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from colordrill.errors import UsageProblem
from colordrill.fault.configuration_dr import (
    CURE,
    EVIDENCE,
    SIZE_MAX_PX,
    SIZE_MIN_PX,
    TARGETS,
    DrFault,
)
from colordrill.fault.parameters import choice, member, text, whole
from colordrill.fault.protocol import About, Evidence
from colordrill.stack.images import ensure_images
from colordrill.stack.parts import SiteFolder
from colordrill.stack.target import PartChanges, Target

STALE_BUILD = {"service": {"DENOISE": "0"}}
DEVICES = ("cpu", "cuda")


@dataclass
class DrImageStale(DrFault):
    """An image of half a year ago, without the denoising step.

    Attributes:
        image: its reference; empty builds the bundled service without denoising.
    """

    image: str = ""

    name: ClassVar[str] = "dr_image_stale"
    about: ClassVar[About] = About(
        effect=(
            "After the switch pictures come out with coloured noise: the old image lacks a step. "
            "Every health check is green."
        ),
        method=(
            "The DR site's container is created from an older image: the bundled service built "
            "without its denoising step, or the reference in `image`."
        ),
        evidence=EVIDENCE,
        cure=CURE,
        incidents=(
            "A DR node ran an image that was half a year old and lacked the denoising module; it "
            "was found in a drill, by the pictures."
        ),
        targets=TARGETS,
    )

    def __post_init__(self) -> None:
        """Refuse what is no reference."""
        super().__post_init__()
        if self.image:
            text("image", self.image)

    def healthy(self, target: Target) -> Evidence:
        """As ever; the older image is built before, where it is missing: that takes its time."""
        if not self.image:
            built = ensure_images(["service"], lambda _: None, arguments=STALE_BUILD)
            self.image = built["service"].reference
        return super().healthy(target)

    def changes(self) -> PartChanges:
        """Another image."""
        return PartChanges(image=self.image)

    def wanted(self) -> Mapping[str, Any]:
        """That image."""
        return {"image": self.image}


@dataclass
class DrSettingsMixed(DrFault):
    """`MODEL_SIZE` or `DEVICE` of another host.

    Attributes:
        model_size: another `MODEL_SIZE`; None leaves it.
        device: another `DEVICE`; None leaves it.
    """

    model_size: int | None = 512
    device: str | None = None

    name: ClassVar[str] = "dr_settings_mixed"
    about: ClassVar[About] = About(
        effect=(
            "With another `MODEL_SIZE` jobs that leave the size to the service come out "
            "differently; with `DEVICE=cuda` on a host without a GPU every job ends in an error."
        ),
        method="The DR site's container is created with other values of these variables.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents=(
            "An environment file copied from the small test host, and `DEVICE` of a machine with "
            "another card: configuration outside version control is not the same twice."
        ),
        targets=TARGETS,
    )

    def __post_init__(self) -> None:
        """Refuse absurd values, and none at all."""
        super().__post_init__()
        if self.model_size is not None:
            self.model_size = whole("model_size", self.model_size, SIZE_MIN_PX, SIZE_MAX_PX)
        if self.device is not None:
            choice("device", self.device, DEVICES)
        if self.model_size is None and self.device is None:
            raise UsageProblem("dr_settings_mixed needs a model_size or a device, or both")

    def _environment(self) -> dict[str, str]:
        values = {"MODEL_SIZE": self.model_size, "DEVICE": self.device}
        return {name: str(value) for name, value in values.items() if value is not None}

    def changes(self) -> PartChanges:
        """Other variables."""
        return PartChanges(environment=self._environment())

    def wanted(self) -> Mapping[str, Any]:
        """Those variables."""
        return {f"environment {name}": value for name, value in self._environment().items()}


@dataclass
class DrVolumeMisplaced(DrFault):
    """A folder of the site is mounted where the service does not look.

    Attributes:
        folder: which.
        path: where it is mounted instead.
    """

    folder: str = str(SiteFolder.OUTPUT)
    path: str = "/comfyui/not-used"

    name: ClassVar[str] = "dr_volume_misplaced"
    about: ClassVar[About] = About(
        effect=(
            "The service works, with an empty folder of its own: restored pictures are not there, "
            "and new ones are written inside the container and lost with it."
        ),
        method="The DR site's container is created with the folder's volume on another path.",
        evidence=EVIDENCE,
        cure=CURE,
        incidents=(
            "Images keep ComfyUI in different places; a volume on the path of another image is "
            "mounted without complaint. Users lost months of outputs at the next update."
        ),
        targets=TARGETS,
    )

    def __post_init__(self) -> None:
        """Refuse what is no folder of a site, and what is no absolute path."""
        super().__post_init__()
        mounted = [each for each in SiteFolder if each is not SiteFolder.CONFIG]
        self.folder = str(member("folder", self.folder, mounted))
        _absolute(self.path)

    def changes(self) -> PartChanges:
        """Another mount."""
        return PartChanges(mounts={self.folder: self.path})

    def wanted(self) -> Mapping[str, Any]:
        """That mount."""
        return {f"mount {self.folder}": self.path}


@dataclass
class DrComposeOutdated(DrFault):
    """The entry in the compose file is that of another version.

    Attributes:
        model_size: its `MODEL_SIZE`.
        path: where it mounts the workflows.
    """

    model_size: int = 512
    path: str = "/comfyui/workflows"

    name: ClassVar[str] = "dr_compose_outdated"
    about: ClassVar[About] = About(
        effect=(
            "Several things are wrong at once: the size is another one, the workflows lie where "
            "nobody looks for them, and the container does not come back after a crash."
        ),
        method=(
            "The DR site's container is created as an older compose file described it: another "
            "`MODEL_SIZE`, the workflows on an older path, no restart policy."
        ),
        evidence=EVIDENCE,
        cure=CURE,
        incidents=(
            "The compose file of the DR site was never updated with the primary's; versions were "
            "mixed up when both were edited by hand on the hosts."
        ),
        targets=TARGETS,
    )

    def __post_init__(self) -> None:
        """Refuse absurd values."""
        super().__post_init__()
        self.model_size = whole("model_size", self.model_size, SIZE_MIN_PX, SIZE_MAX_PX)
        _absolute(self.path)

    def changes(self) -> PartChanges:
        """All three."""
        return PartChanges(
            environment={"MODEL_SIZE": str(self.model_size)},
            mounts={str(SiteFolder.WORKFLOWS): self.path},
            restart="no",
        )

    def wanted(self) -> Mapping[str, Any]:
        """All three."""
        return {
            "environment MODEL_SIZE": str(self.model_size),
            f"mount {SiteFolder.WORKFLOWS}": self.path,
            "restart": "no",
        }


def _absolute(path: str) -> None:
    if not text("path", path).startswith("/") or "/../" in f"{path}/":
        raise UsageProblem(f"path must be an absolute path in the container, not {path!r}")


FAULTS: tuple[type, ...] = (DrImageStale, DrSettingsMixed, DrVolumeMisplaced, DrComposeOutdated)
