"""Golden images: the right answers, each with its hash and how it was captured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from colordrill.errors import GoldenProblem

MANIFEST = "MANIFEST.json"


@dataclass(frozen=True, slots=True)
class Golden:
    """One golden image.

    Attributes:
        workflow: the object type of the workflow that made it.
        photo: the stem of the photo that it answers.
        content: its PNG bytes.
    """

    workflow: str
    photo: str
    content: bytes


def load_goldens(directory: Path, weights: bytes | None) -> tuple[Golden, ...]:
    """Every golden that the directory's manifest lists; hashes are checked.

    Args:
        directory: holds the manifest.
        weights: the checkpoint's content, which must be the one that the goldens were made with;
            None where it is not at hand. Nor is it compared where the manifest has no hash.

    Raises:
        GoldenProblem: the manifest or a golden is absent, malformed, or a hash differs.
    """
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        recorded = manifest["weights"]["sha256"]
        known = weights is not None and recorded is not None
        if known and hashlib.sha256(weights or b"").hexdigest() != recorded:
            raise GoldenProblem(
                f"the goldens in {directory} were captured with another checkpoint",
                "restore both from version control, or run `colordrill golden capture --force`",
            )
        goldens = tuple(_load(directory, entry) for entry in manifest["goldens"])
        if not goldens:
            raise ValueError("the manifest lists none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GoldenProblem(
            f"the goldens in {directory} cannot be read: {type(error).__name__}: {error}",
            "restore them from version control, or capture them with `colordrill golden capture`",
        ) from error
    return goldens


def recorded_weights(directory: Path) -> str | None:
    """SHA-256 of the checkpoint that the goldens of *directory* were made with, if it is known.

    Raises:
        GoldenProblem: the manifest is absent or malformed.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        recorded = manifest["weights"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GoldenProblem(f"{directory / MANIFEST} cannot be read: {error}") from error
    return None if recorded is None else str(recorded)


def _load(directory: Path, entry: dict[str, str]) -> Golden:
    path = directory / entry["file"]
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise GoldenProblem(
            f"golden {path} is not what its manifest says",
            "restore it from version control; goldens change only by `colordrill golden capture`",
        )
    return Golden(entry["workflow"], entry["photo"], content)
