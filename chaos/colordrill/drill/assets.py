"""The data that a drill needs, read and checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colordrill.data import fixtures, golden_images
from colordrill.errors import EnvironmentProblem
from colordrill.scenario.service import ServiceSpec
from colordrill.workload.goldens import MANIFEST, Golden, load_goldens, recorded_weights
from colordrill.workload.photos import Photo, load_photos
from colordrill.workload.workflows import BUILDING, PERSON, Workflow, load_workflows

WEIGHTS = "ddcolor_nano"
BUNDLED_CHECKPOINT = f"{WEIGHTS}.safetensors"
CANARY_PHOTOS = {PERSON: "astronaut", BUILDING: "china"}
"""The photo that each workflow's golden answers."""


@dataclass(frozen=True, slots=True)
class Assets:
    """The data of one service.

    Attributes:
        service: what is drilled.
        photos: by stem.
        workflows: by object type.
        goldens: those that there are.
        missing: object types whose golden there is not yet.
        golden_weights: SHA-256 of the checkpoint that the goldens were made with, None where it is
            not known.
        checkpoint: what is put into the models folder; None where the image brings its own.
    """

    service: ServiceSpec
    photos: dict[str, Photo]
    workflows: dict[str, Workflow]
    goldens: tuple[Golden, ...]
    missing: tuple[str, ...]
    golden_weights: str | None
    checkpoint: bytes | None


def load_assets(service: ServiceSpec | None = None, *, with_goldens: bool = True) -> Assets:
    """Read photos, workflows, goldens and the checkpoint; every hash is checked.

    Args:
        service: what is drilled; None is the bundled service.
        with_goldens: False where goldens are about to be captured.

    Raises:
        EnvironmentProblem: something is absent or not what its manifest says. A golden of a
            directory of one's own that was never captured is no such thing, but `missing`.
        UsageProblem: a workflow is not what it should be.
    """
    spec = service or ServiceSpec()
    root = fixtures()
    checkpoint = _checkpoint(spec)
    goldens: tuple[Golden, ...] = ()
    weights = None
    directory = goldens_directory(spec)
    if with_goldens and (spec.goldens is None or (directory / MANIFEST).exists()):
        goldens = load_goldens(directory, checkpoint)
        weights = recorded_weights(directory)
    workflows = load_workflows(spec.workflows or root / "workflows", spec.node)
    there = {each.workflow for each in goldens}
    return Assets(
        service=spec,
        photos=load_photos(root / "photos"),
        workflows=workflows,
        goldens=goldens,
        missing=tuple(each for each in workflows if each not in there) if with_goldens else (),
        golden_weights=weights,
        checkpoint=checkpoint,
    )


def goldens_directory(service: ServiceSpec) -> Path:
    """Where the goldens of *service* are kept."""
    return golden_images() / WEIGHTS if service.goldens is None else service.goldens


def _checkpoint(service: ServiceSpec) -> bytes | None:
    chosen = service.checkpoint_file
    if chosen == "image":
        return None
    path = fixtures() / "models" / BUNDLED_CHECKPOINT if chosen == "bundled" else chosen
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentProblem(
            f"the checkpoint cannot be read: {error}",
            "restore it, or name another one as service.checkpoint_file",
        ) from error
