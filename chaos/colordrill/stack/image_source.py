"""What each image is built from, and the hash of it that becomes the image's tag."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from colordrill.errors import EnvironmentProblem

OWN_FOLDER = "image"
"""The name, in a staged copy, of the folder with the Dockerfile."""

_DIGEST_LENGTH = 12
_LITTER = ("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What one image is built from, relative to the data root.

    Attributes:
        name: the image's name and its folder under ``fixtures/images``.
        extra: further folders, by their place in the staged copy; the first part of that place
            is the name of the build context.
    """

    name: str
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def folders(self) -> dict[str, str]:
        """Every folder that is staged, by its place in the staged copy."""
        return {
            OWN_FOLDER: f"fixtures/images/{self.name}",
            "build": "fixtures/images/build",
            **dict(self.extra),
        }

    @property
    def contexts(self) -> tuple[str, ...]:
        """The named build contexts: what the Dockerfile may copy or mount ``from``."""
        places = {place.partition("/")[0] for place in self.folders}
        return tuple(sorted(places - {OWN_FOLDER}))


IMAGES: Mapping[str, ImageSource] = MappingProxyType(
    {
        "toxiproxy": ImageSource("toxiproxy"),
        "gateway": ImageSource("gateway"),
        "backup": ImageSource("backup"),
        "host": ImageSource("host"),
        "minio": ImageSource("minio"),
        "rclone": ImageSource("rclone"),
        "service": ImageSource("service", (("service/colorservice", "service/colorservice"),)),
    }
)
"""Every image of the bundled stack, and of its benchmarks; the quick ones first."""


def stage(name: str, root: Path, destination: Path) -> None:
    """Copy what an image is built from, without litter, and with modes that travel.

    Modes come from the contents (a script begins with ``#!``), because neither a wheel nor every
    file system keeps them.
    """
    for staged_name, folder in IMAGES[name].folders.items():
        source = root / folder
        if not source.is_dir():
            raise EnvironmentProblem(
                f"{source} is missing, and the image {name} is built from it",
                "install colordrill again, or restore the checkout",
            )
        target = destination / staged_name
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_LITTER))
    for path in destination.rglob("*"):
        path.chmod(0o755 if path.is_dir() or _is_script(path) else 0o644)


def content_digest(folder: Path, arguments: Mapping[str, str], base_id: str) -> str:
    """Hash of a staged folder (names, modes, contents), the build arguments and the base image."""
    digest = hashlib.sha256()
    header = {"base": base_id, "arguments": dict(sorted(arguments.items()))}
    digest.update(json.dumps(header, sort_keys=True).encode())
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        contents = hashlib.sha256(path.read_bytes()).hexdigest()
        mode = path.stat().st_mode & 0o777
        digest.update(f"\n{path.relative_to(folder).as_posix()} {mode:o} {contents}".encode())
    return digest.hexdigest()[:_DIGEST_LENGTH]


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
