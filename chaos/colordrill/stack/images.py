"""The stack's images: named after what they are built from, and built only when that is not there.

A tag is the hash of everything that goes into an image: its Dockerfile and the files beside it, the
build scripts, the service's source where it is copied in, the build arguments, and the id of the
base image. What is hashed is a staged copy, and the staged copy is what the engine gets: an image
can never hold something that its tag does not say.
"""

from __future__ import annotations

import fcntl
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from colordrill.clock import Clock, SystemClock, poll, seconds_between
from colordrill.data import data_root
from colordrill.errors import EnvironmentProblem
from colordrill.stack.image_build import BASE_IMAGE, build, docker_output
from colordrill.stack.image_source import IMAGES, content_digest, stage
from colordrill.stack.runs import state_directory

IMAGE_LABEL = "colordrill.image"
KEPT_TAGS = 2
"""So many of an image's tags stay: the one in use and the one before it."""

_PULL_LIMIT_S = 180.0
_LOCK_LIMIT_S = 1800.0
_LOCK_REPORT_S = 15.0

Say = Callable[[str], None]
BuildArguments = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image that is present in the engine.

    Attributes:
        name: its name in `IMAGES`.
        reference: ``colordrill/<name>:<hash>``.
        image_id: the engine's id of it, ``sha256:…``.
        size_bytes: its size, layers that it shares with others included.
        built_s: the seconds that building took; None when it was there already.
    """

    name: str
    reference: str
    image_id: str
    size_bytes: int
    built_s: float | None = None


def ensure_images(
    names: Iterable[str],
    progress: Say,
    *,
    arguments: BuildArguments = MappingProxyType({}),
    clock: Clock | None = None,
) -> dict[str, ImageRef]:
    """Make sure that images are there; build what is missing, one after another.

    Two processes that need the same image do not both build it: the second one waits.

    Args:
        names: names of `IMAGES`.
        progress: receives one line per event.
        arguments: build arguments by image name, such as ``{"service": {"DENOISE": "0"}}``; they
            are part of the tag.
        clock: what durations are measured on.

    Returns:
        The image of each name.

    Raises:
        EnvironmentProblem: the base image is missing or a build failed; says which log to read.
    """
    wanted = list(dict.fromkeys(names))
    clock = clock or SystemClock()
    base_id = _base_image_id(progress)
    found: dict[str, ImageRef] = {}
    with tempfile.TemporaryDirectory(prefix="colordrill-images-") as directory:
        staged = {name: _staged(name, Path(directory), arguments, base_id) for name in wanted}
        present = _inspect(reference for _, reference in staged.values())
        for name in wanted:
            folder, reference = staged[name]
            if reference in present:
                found[name] = _ref(name, present[reference])
            else:
                job = _Job(name, reference, folder, dict(arguments.get(name, {})))
                found[name] = _build_once(job, progress, clock)
    return found


def present_images(names: Iterable[str]) -> dict[str, ImageRef | None]:
    """The images that are there already, None for those that would have to be built.

    Raises:
        EnvironmentProblem: the engine does not answer.
    """
    wanted = list(dict.fromkeys(names))
    bases = _inspect([BASE_IMAGE])
    if not bases:
        return dict.fromkeys(wanted)
    base_id = bases[BASE_IMAGE]["Id"]
    with tempfile.TemporaryDirectory(prefix="colordrill-images-") as directory:
        staged = {name: _staged(name, Path(directory), {}, base_id) for name in wanted}
    present = _inspect(reference for _, reference in staged.values())
    return {
        name: _ref(name, present[reference]) if reference in present else None
        for name, (_, reference) in staged.items()
    }


def superseded(listing: Iterable[Mapping[str, str]], current: str, keep: int) -> list[str]:
    """The references to remove: all but *current* and the newest others, *keep* in total.

    Args:
        listing: ``Reference`` and ``CreatedAt`` of each tag of one image; times sort as text.
        current: the reference that was just built.
        keep: how many stay, *current* included.
    """
    others = [each for each in listing if each["Reference"] != current]
    others.sort(key=lambda each: each["CreatedAt"], reverse=True)
    return [each["Reference"] for each in others[max(0, keep - 1) :]]


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    reference: str
    folder: Path
    arguments: dict[str, str]


def _staged(
    name: str, directory: Path, arguments: BuildArguments, base_id: str
) -> tuple[Path, str]:
    if name not in IMAGES:
        raise EnvironmentProblem(
            f"there is no image called {name!r}", f"known: {', '.join(sorted(IMAGES))}"
        )
    folder = directory / name
    stage(name, data_root(), folder)
    digest = content_digest(folder, arguments.get(name, {}), base_id)
    return folder, f"colordrill/{name}:{digest}"


def _base_image_id(progress: Say) -> str:
    found = _inspect([BASE_IMAGE])
    if not found:
        progress(f"base image: pulling {BASE_IMAGE}")
        try:
            docker_output(["pull", "--quiet", BASE_IMAGE], limit_s=_PULL_LIMIT_S)
        except EnvironmentProblem as problem:
            raise EnvironmentProblem(
                f"the base image {BASE_IMAGE} is missing: {problem.cause}",
                "run ci/prepare in a checkout: it makes the image from Debian's packages; "
                "or load it from a file with `docker load`",
            ) from problem
        found = _inspect([BASE_IMAGE])
    return str(found[BASE_IMAGE]["Id"])


def _inspect(references: Iterable[str]) -> dict[str, Any]:
    """The engine's description of each reference that it has."""
    wanted = list(references)
    text = docker_output(["image", "inspect", *wanted], missing_is_fine=True)
    found = {}
    for image in json.loads(text or "[]"):
        for tag in image["RepoTags"] or []:
            if tag in wanted:
                found[tag] = image | {"Reference": tag}
    return found


def _ref(name: str, image: Mapping[str, Any], built_s: float | None = None) -> ImageRef:
    return ImageRef(name, image["Reference"], image["Id"], int(image["Size"]), built_s)


def _build_once(job: _Job, progress: Say, clock: Clock) -> ImageRef:
    with _build_lock(job.name, progress, clock):
        # another process may have built it while this one waited
        present = _inspect([job.reference])
        if job.reference in present:
            return _ref(job.name, present[job.reference])
        started_ns = clock.now_ns()
        progress(f"image {job.name}: building")

        def tell(event: str) -> None:
            elapsed_s = seconds_between(started_ns, clock.now_ns())
            progress(f"image {job.name}: {event} ({elapsed_s:.0f} s)")

        log = state_directory() / "logs" / f"image-{job.name}.log"
        build(
            job.folder,
            contexts=IMAGES[job.name].contexts,
            reference=job.reference,
            label=f"{IMAGE_LABEL}={job.name}",
            arguments=job.arguments,
            log=log,
            tell=tell,
        )
        built_s = seconds_between(started_ns, clock.now_ns())
        image = _ref(job.name, _inspect([job.reference])[job.reference], built_s)
        progress(f"image {job.name}: built in {built_s:.0f} s, {image.size_bytes / 1e6:.0f} MB")
        try:
            _remove_superseded(job)
        except EnvironmentProblem as problem:
            progress(f"image {job.name}: older images stay: {problem.cause}")
        return image


def _remove_superseded(job: _Job) -> None:
    lines = docker_output(
        ["image", "ls", "--filter", f"label={IMAGE_LABEL}={job.name}", "--format", "{{json .}}"]
    )
    listing = [
        {"Reference": f"{each['Repository']}:{each['Tag']}", "CreatedAt": each["CreatedAt"]}
        for each in map(json.loads, lines.splitlines())
        if each["Repository"] == f"colordrill/{job.name}"
    ]
    for reference in superseded(listing, job.reference, KEPT_TAGS):
        # not by force: one that a container still uses is refused, and goes another time
        docker_output(["image", "rm", reference], missing_is_fine=True)


@contextmanager
def _build_lock(name: str, progress: Say, clock: Clock) -> Iterator[None]:
    """Hold this user's one place for building *name*; the lock ends with the process."""
    with (state_directory() / f"image-{name}.lock").open("w") as lock:
        if not _locked(lock):
            started_ns = clock.now_ns()
            reported = [0.0]

            def attempt() -> bool | None:
                waited_s = seconds_between(started_ns, clock.now_ns())
                if waited_s >= reported[0]:
                    progress(f"image {name}: another process builds it, waiting ({waited_s:.0f} s)")
                    reported[0] += _LOCK_REPORT_S
                return _locked(lock) or None

            poll(
                clock,
                attempt,
                awaited=f"another process to build the image {name}",
                timeout_s=_LOCK_LIMIT_S,
                every_s=0.25,
            )
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
