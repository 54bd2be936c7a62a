"""Captures golden images from a service, and verifies the bundled ones against a service."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colordrill.clock import SystemClock
from colordrill.data import fixtures, golden_images
from colordrill.drill.provision import WEIGHTS, Assets, load_assets
from colordrill.drill.standing import healthy_stack, images_for
from colordrill.errors import GoldenProblem, UsageProblem
from colordrill.interrupts import interruptible
from colordrill.picture import Judgement, decode, judge, refuse_weak_golden
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.compose import StackPlan
from colordrill.stack.sweep import sweep
from colordrill.workload.colorize import colour, new_prompt_id
from colordrill.workload.goldens import MANIFEST
from colordrill.workload.photos import Photo
from colordrill.workload.workflows import BUILDING, PERSON, Prompt, Workflow

CANARY_PHOTOS = {PERSON: "astronaut", BUILDING: "china"}
LIMIT_S = 120.0


def capture(settings: Settings, url: str | None, *, force: bool) -> Iterator[str]:
    """Colour each canary's photo by a service and keep the result as its golden.

    Yields:
        One line per golden captured.

    Raises:
        UsageProblem: goldens exist and *force* was not given.
        GoldenProblem: a golden would be weak: its uncoloured version would nearly pass.
    """
    directory = golden_images() / WEIGHTS
    if (directory / MANIFEST).exists() and not force:
        raise UsageProblem(f"there are goldens in {directory} already", "replace them with --force")
    assets = load_assets(with_goldens=False)
    entries = []
    with _service(settings, url, assets) as client:
        software, _ = client.system_stats()
        for object_type, stem in CANARY_PHOTOS.items():
            photo, workflow = assets.photos[stem], assets.workflows[object_type]
            content, _ = _coloured(photo, workflow, client)
            refuse_weak_golden(decode(content))
            path = directory / object_type / photo.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            entries.append(_entry(directory, path, content, photo, workflow))
            yield f"{path}: captured, {len(content)} bytes"
    manifest = {
        "command": "colordrill golden capture --force",
        "weights": {
            "file": assets.checkpoint_name,
            "sha256": hashlib.sha256(assets.checkpoint).hexdigest(),
        },
        "device": settings.device,
        "software": {
            key: software["system"].get(key)
            for key in ("comfyui_version", "pytorch_version", "python_version")
        },
        "goldens": entries,
    }
    (directory / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def verify(settings: Settings, url: str | None) -> Iterator[tuple[str, Judgement]]:
    """Colour each golden's photo again by a service and judge the result.

    Yields:
        ``workflow/photo`` and its judgement.
    """
    assets = load_assets()
    with _service(settings, url, assets) as client:
        for golden in assets.goldens:
            photo, workflow = assets.photos[golden.photo], assets.workflows[golden.workflow]
            content, prompt = _coloured(photo, workflow, client)
            bounds = HOST_POWER_LOSS.objectives
            judgement = judge(content, golden.content, photo.content, prompt, bounds)
            yield f"{golden.workflow}/{golden.photo}", judgement


@contextmanager
def _service(settings: Settings, url: str | None, assets: Assets) -> Iterator[ComfyClient]:
    if url is not None:
        with ComfyClient(url) as client:
            yield client
        return
    with interruptible():
        sweep(_silent)
        plan = StackPlan(images=images_for(settings, _silent), device=settings.device)
        with healthy_stack(plan, assets, _silent, SystemClock()) as healthy:
            yield healthy.client


def _silent(_text: str) -> None:
    """Goldens print their own lines."""


def _coloured(photo: Photo, workflow: Workflow, client: ComfyClient) -> tuple[bytes, Prompt]:
    name = f"golden-{new_prompt_id()}"
    coloured = colour(client, SystemClock(), workflow, photo, name, LIMIT_S)
    return coloured.answer.body, coloured.prompt


def _entry(
    directory: Path, path: Path, content: bytes, photo: Photo, workflow: Workflow
) -> dict[str, Any]:
    sources = json.loads((fixtures() / "photos" / MANIFEST).read_text(encoding="utf-8"))["photos"]
    source = next((each for each in sources if each["file"] == photo.name), None)
    if source is None:
        raise GoldenProblem(f"photo {photo.name} is in no manifest")
    return {
        "file": str(path.relative_to(directory)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "workflow": workflow.object_type,
        "photo": path.stem,
        "photo_sha256": source["sha256"],
        "photo_source": source["source"],
        "photo_license": source["license"],
    }
