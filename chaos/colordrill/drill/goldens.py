"""Captures golden images from a service, and verifies goldens against a service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colordrill.clock import SystemClock
from colordrill.drill.assets import Assets, goldens_directory, load_assets
from colordrill.drill.golden_files import (
    capture_from,
    coloured_canary,
    refuse_missing_goldens,
    software_of,
    write_goldens,
)
from colordrill.drill.standing import healthy_stack, images_for, plan_for
from colordrill.drill.weights import Weights, weights_of
from colordrill.errors import ServiceProblem, UsageProblem
from colordrill.interrupts import interruptible
from colordrill.picture import Judgement, judge
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.sweep import sweep
from colordrill.workload.goldens import MANIFEST


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers, and what is known of its weights."""

    client: ComfyClient
    weights: Weights


def capture(settings: Settings, url: str | None, *, force: bool) -> Iterator[str]:
    """Colour each canary's photo by a service and keep the result as its golden.

    Everything is coloured before anything is written.

    Yields:
        One line per golden captured.

    Raises:
        UsageProblem: goldens exist and *force* was not given.
        GoldenProblem: a golden would be weak: its uncoloured version would nearly pass.
    """
    directory = goldens_directory(settings.service)
    if (directory / MANIFEST).exists() and not force:
        raise UsageProblem(f"there are goldens in {directory} already", "replace them with --force")
    assets = load_assets(settings.service, with_goldens=False)
    with running_service(settings, url, assets) as running:
        software = software_of(running.client)
        captured = capture_from(assets, assets.workflows, running.client, SystemClock())
    for path in write_goldens(assets, captured, settings, running.weights, software):
        yield f"{path}: captured, {path.stat().st_size} bytes"


def verify(settings: Settings, url: str | None) -> Iterator[tuple[str, Judgement]]:
    """Colour each golden's photo again by a service and judge the result.

    Yields:
        ``workflow/photo`` and its judgement.

    Raises:
        GoldenProblem: a golden was not there; it is now, for a person to look at.
    """
    assets = load_assets(settings.service)
    bounds = settings.apply(HOST_POWER_LOSS).objectives
    clock = SystemClock()
    with running_service(settings, url, assets) as running:
        for golden in assets.goldens:
            photo = assets.photos[golden.photo]
            coloured = coloured_canary(assets, golden.workflow, running.client, clock)
            content, prompt = coloured.answer.body, coloured.prompt
            judgement = judge(content, golden.content, photo.content, prompt, bounds)
            yield f"{golden.workflow}/{golden.photo}", judgement
        refuse_missing_goldens(assets, lambda: running.weights, running.client, clock, settings)


@contextmanager
def running_service(settings: Settings, url: str | None, assets: Assets) -> Iterator[Running]:
    """A service that answers: the one at *url*, or one that is started for the block.

    Raises:
        EnvironmentProblem: it could not be started, or does not answer.
    """
    if url is not None:
        with client_at(url) as client:
            yield Running(client, _weights_behind(url, assets))
        return
    with interruptible():
        sweep(_silent)
        plan = plan_for(settings, images_for(settings, _silent))
        with healthy_stack(plan, assets, _silent, SystemClock()) as healthy:
            yield Running(healthy.client, weights_of(healthy.target, settings.service))


@contextmanager
def client_at(url: str) -> Iterator[ComfyClient]:
    """A client of a service that runs already; what goes wrong there is told with its address.

    Raises:
        ServiceProblem: it does not answer, or not as ComfyUI does.
    """
    try:
        with ComfyClient(url) as client:
            yield client
    except ServiceProblem as problem:
        raise type(problem)(
            f"{url}: {problem.cause}",
            problem.next_step or "is the service up and sound, and is this its address?",
            status=problem.status,
            site=problem.site,
        ) from problem


@contextmanager
def client_of(settings: Settings, url: str | None) -> Iterator[ComfyClient]:
    """A client of the service at *url*, or of one that is started for the block.

    Raises:
        EnvironmentProblem: it could not be started, or does not answer.
    """
    assets = load_assets(settings.service, with_goldens=False)
    with running_service(settings, url, assets) as running:
        yield running.client


def _weights_behind(url: str, assets: Assets) -> Weights:
    name = assets.service.checkpoint_path
    if assets.checkpoint is not None:
        # what colordrill would put there itself is declared to be what the service has
        return Weights(name, hashlib.sha256(assets.checkpoint).hexdigest())
    return Weights(name, None, f"a service at an address ({url}) shows no files")


def _silent(_text: str) -> None:
    """Goldens print their own lines."""
