"""Golden images as files: captured from a service, written with their manifest."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colordrill.clock import Clock
from colordrill.data import fixtures
from colordrill.drill.assets import CANARY_PHOTOS, Assets, goldens_directory
from colordrill.drill.weights import Weights
from colordrill.errors import GoldenProblem
from colordrill.picture import decode, refuse_weak_golden
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.colorize import Coloured, Deadline, colour, new_prompt_id
from colordrill.workload.goldens import MANIFEST
from colordrill.workload.photos import Photo

LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Captured:
    """A picture that shall be the golden of *object_type*."""

    object_type: str
    photo: Photo
    content: bytes


def coloured_canary(
    assets: Assets, object_type: str, client: ComfyClient, clock: Clock
) -> Coloured:
    """What the service makes of the canary photo of *object_type*.

    Raises:
        ServiceProblem: it made nothing of it.
    """
    photo = assets.photos[CANARY_PHOTOS[object_type]]
    name = f"golden-{new_prompt_id()}"
    return colour(
        client, clock, assets.workflows[object_type], photo, name, Deadline(clock, LIMIT_S)
    )


def capture_from(
    assets: Assets, object_types: Iterable[str], client: ComfyClient, clock: Clock
) -> list[Captured]:
    """Colour a canary of each of *object_types*; nothing is written.

    Raises:
        GoldenProblem: one would be weak: its uncoloured version would nearly pass.
        ServiceProblem: the service made no picture.
    """
    captured = []
    for object_type in object_types:
        content = coloured_canary(assets, object_type, client, clock).answer.body
        refuse_weak_golden(decode(content))
        captured.append(Captured(object_type, assets.photos[CANARY_PHOTOS[object_type]], content))
    return captured


def write_goldens(
    assets: Assets,
    captured: Iterable[Captured],
    settings: Settings,
    weights: Weights,
    software: dict[str, Any],
) -> list[Path]:
    """Write the pictures, then the manifest; goldens of other workflows stay listed.

    Args:
        assets: says where to.
        captured: what to write.
        settings: what they were captured with, for the manifest's command.
        weights: what the service colours with.
        software: the ``system`` of its /system_stats.

    Returns:
        The files written.

    Raises:
        GoldenProblem: the directory cannot be written.
    """
    directory = goldens_directory(assets.service)
    known = json.loads((fixtures() / "photos" / MANIFEST).read_text(encoding="utf-8"))["photos"]
    sources = {each["file"]: each for each in known}
    entries, paths = [], []
    try:
        for each in captured:
            path = directory / each.object_type / each.photo.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.content)
            paths.append(path)
            entries.append(_entry(directory, path, each, sources[each.photo.name]))
        written = {each["workflow"] for each in entries}
        kept = [each for each in _listed(directory) if each["workflow"] not in written]
        manifest = {
            "command": shlex.join(
                ["colordrill", "golden", "capture", *settings.words(), "--force"]
            ),
            "image": settings.image,
            "weights": _weights_entry(weights),
            "device": settings.device,
            "software": {
                key: software.get(key)
                for key in ("comfyui_version", "pytorch_version", "python_version")
            },
            "goldens": [*kept, *entries],
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (directory / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GoldenProblem(
            f"goldens cannot be written to {directory}: {error}",
            "choose another directory as service.goldens",
        ) from error
    return paths


def refuse_missing_goldens(
    assets: Assets,
    weights: Callable[[], Weights],
    client: ComfyClient,
    clock: Clock,
    settings: Settings,
) -> None:
    """Capture the goldens that there are not, and then fail: nobody has looked at them yet.

    Args:
        assets: say which are missing; where none is, nothing happens.
        weights: finds out what the service colours with.
        client: the service.
        clock: bounds the jobs.
        settings: what the goldens are captured with.

    Raises:
        GoldenProblem: some were missing; they are written now.
        ServiceProblem: the service made no picture.
    """
    if not assets.missing:
        return
    captured = capture_from(assets, assets.missing, client, clock)
    paths = write_goldens(assets, captured, settings, weights(), software_of(client))
    raise GoldenProblem(
        f"there was no golden of {', '.join(assets.missing)}; what the service makes of it now has "
        f"been written to {', '.join(str(path) for path in paths)}",
        "look at the pictures: if their colours are right, keep them and run this again",
    )


def software_of(client: ComfyClient) -> dict[str, Any]:
    """The ``system`` of the service's /system_stats; empty where it says nothing of itself."""
    told, _ = client.system_stats()
    return dict(told.get("system", {}))


def _weights_entry(weights: Weights) -> dict[str, str | None]:
    entry: dict[str, str | None] = {"file": weights.file, "sha256": weights.sha256}
    return {**entry, "reason": weights.reason} if weights.sha256 is None else entry


def _listed(directory: Path) -> list[dict[str, Any]]:
    path = directory / MANIFEST
    if not path.exists():
        return []
    try:
        listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["goldens"]
        return [each for each in listed if each["workflow"]]
    except (ValueError, KeyError, TypeError) as error:
        raise GoldenProblem(
            f"{path} cannot be read: {error}", "restore it, or remove it and capture all again"
        ) from error


def _entry(
    directory: Path, path: Path, captured: Captured, source: dict[str, str]
) -> dict[str, str]:
    return {
        "file": path.relative_to(directory).as_posix(),
        "sha256": hashlib.sha256(captured.content).hexdigest(),
        "workflow": captured.object_type,
        "photo": path.stem,
        "photo_sha256": source["sha256"],
        "photo_source": source["source"],
        "photo_license": source["license"],
    }
