"""Makes a stack ready for a drill: its data in place, the service answering, the canaries known."""

from __future__ import annotations

import io
import random
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from colordrill.clock import Clock, poll, seconds_between
from colordrill.data import fixtures
from colordrill.drill.assets import Assets
from colordrill.errors import GoldenProblem, ServiceProblem
from colordrill.picture import decode, judge, refuse_weak_golden
from colordrill.scenario.model import Objectives, Pace
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import Part, Site, SiteFolder
from colordrill.stack.service_overlay import MODEL_SIZE
from colordrill.stack.target import Target
from colordrill.workload.canary import Canary, CanaryRunner, rotation
from colordrill.workload.colorize import Deadline, colour
from colordrill.workload.photos import Photo, encode
from colordrill.workload.workflows import PERSON, Workflow

READY_LIMIT_S = 120.0
FIRST_PICTURE_LIMIT_S = 120.0
CROP_PX = (160, 256)
CROP_DRAWS_MAX = 50
LOG_LINES = 15
RESTARTS_MAX = 2
NOT_COMFYUI = frozenset({200, 404})
"""Answers to /system_stats that no starting ComfyUI gives: another page, or none of that name."""


def seed_primary(target: Target, assets: Assets, configuration: str) -> None:
    """Put checkpoint, workflows and configuration into the primary's volumes, as its owners did."""
    # the engine makes volumes for root; their users own them, at both sites, before data come
    for agent in (Part.PRIMARY_AGENT, Part.DR_AGENT):
        for folder in SiteFolder:
            target.put_files(agent, folder, {})
    if assets.checkpoint is not None:
        models = {assets.service.checkpoint_path: assets.checkpoint}
        target.put_files(Part.PRIMARY_AGENT, SiteFolder.MODELS, models)
    workflows = {each.file_name: each.ui_form for each in assets.workflows.values()}
    config = {
        "stack.env": configuration.encode(),
        "compose.yaml": (fixtures() / "stack" / "compose.yaml").read_bytes(),
    }
    target.put_files(Part.PRIMARY_AGENT, SiteFolder.WORKFLOWS, workflows)
    target.put_files(Part.PRIMARY_AGENT, SiteFolder.CONFIG, config)


def await_ready(
    target: Target, client: ComfyClient, clock: Clock, workflows: dict[str, Workflow]
) -> None:
    """Wait until the public address answers from the primary and knows the workflows' nodes.

    Raises:
        WaitExpired: it did not answer in time; the service's last log lines are in the message.
        ServiceProblem: what answers is not ComfyUI, or lacks a node that the workflows need.
    """
    last = "nothing has answered yet"

    def answers() -> bool | None:
        nonlocal last
        try:
            _, site = client.system_stats(timeout_s=2.0)
        except ServiceProblem as error:
            if error.status in NOT_COMFYUI:
                raise ServiceProblem(
                    f"what answers is not ComfyUI: {error}", "does --image name the right image?"
                ) from error
            last = str(error)
            return None
        last = f"answered by {site}"
        return True if site == Site.PRIMARY else None

    def answers_or_crashes() -> bool | None:
        if answered := answers():
            return answered
        if target.state(Part.PRIMARY_COLORIZATION).restarts >= RESTARTS_MAX:
            raise ServiceProblem(
                f"the service's container ends again and again\n{explain()}",
                "does the image start ComfyUI when it is run without a command?",
            )
        return None

    def explain() -> str:
        part = Part.PRIMARY_COLORIZATION
        log = target.logs(part, tail=LOG_LINES)
        return f"last: {last}\n{part} is {target.state(part)}; its last lines:\n{log}"

    poll(
        clock,
        answers_or_crashes,
        awaited="the primary service to answer through the gateway, as ComfyUI does",
        timeout_s=READY_LIMIT_S,
        explain=explain,
    )
    needed = {name for workflow in workflows.values() for name in workflow.node_classes()}
    missing = sorted(name for name in needed if client.node_class(name) is None)
    if missing:
        raise ServiceProblem(
            f"the service does not know the nodes {', '.join(missing)}",
            "install the DDColor node pack in the image, or name its node class in the workflows",
        )


def place_canaries(
    assets: Assets,
    client: ComfyClient,
    clock: Clock,
    directory: Path,
    objectives: Objectives,
    seed: int,
) -> tuple[Canary, ...]:
    """The canaries of a drill: one per golden, and a seeded crop that the healthy primary colours.

    The crop is what no stored golden can answer: a service that returns golden files fails on it.

    Args:
        assets: photos, workflows and goldens.
        client: the public address, answered by the healthy primary.
        clock: bounds the crop's colorization.
        directory: the run's directory; goldens and photos are copied to its ``images/``.
        objectives: the bounds of a correct picture.
        seed: draws the crop.

    Raises:
        GoldenProblem: a golden is weak: its uncoloured version would nearly pass.
        ServiceProblem: the healthy primary does not colour the crop as a picture should be.
    """
    canaries = golden_canaries(assets, directory)
    photo = _draw_crop(assets, seed)
    content = _coloured_by_primary(photo, assets.workflows[PERSON], client, clock, objectives)
    return (*canaries, _canary("crop", assets, photo, content, directory))


def golden_canaries(assets: Assets, directory: Path) -> tuple[Canary, ...]:
    """One canary per golden: those whose right answer is known without a healthy primary.

    Args:
        assets: photos, workflows and goldens.
        directory: the run's directory; goldens and photos are copied to its ``images/``.

    Raises:
        GoldenProblem: a golden is weak: its uncoloured version would nearly pass.
    """
    canaries = []
    for golden in assets.goldens:
        refuse_weak_golden(decode(golden.content))
        photo = assets.photos[golden.photo]
        canaries.append(_canary(golden.workflow, assets, photo, golden.content, directory))
    return tuple(canaries)


def calibrate(
    canaries: Sequence[Canary], client: ComfyClient, runner: CanaryRunner, clock: Clock
) -> dict[str, float]:
    """Send every canary once, alone; see that the healthy primary is right, and how fast it is.

    Returns:
        Seconds from submission to picture, by the canary's name.

    Raises:
        ServiceProblem: the healthy primary does not colour as the goldens say.
    """
    seconds: dict[str, float] = {}
    for canary in canaries:
        began_ns = clock.now_ns()
        future = runner.send(canary, client, kind="calibration", limit_s=FIRST_PICTURE_LIMIT_S)
        seconds[canary.name] = seconds_between(began_ns, clock.now_ns())
        if future is None:
            raise ServiceProblem(f"the healthy primary did not colour the canary {canary.name}")
        judgement = runner.judgement(future, FIRST_PICTURE_LIMIT_S)
        if judgement.correct is not True:
            raise ServiceProblem(
                f"the healthy primary's canary {canary.name} differs from its golden: "
                f"{'; '.join(judgement.reasons)}",
                "capture goldens of this image with `colordrill golden capture`",
            )
    return seconds


def fitted(
    pace: Pace, canaries: Sequence[Canary], calibrations: Sequence[dict[str, float]]
) -> Pace:
    """*pace*, stretched where the host is too slow for it.

    Args:
        pace: what is asked for.
        canaries: one of every kind.
        calibrations: of this series; the fastest time counts, a first picture has to load a model.
    """
    seconds = {each.name: min(times[each.name] for times in calibrations) for each in canaries}
    mean_s = statistics.fmean(seconds[canary.name] for canary in rotation(canaries))
    return pace.fitted(mean_s, seconds[PERSON])


def _canary(name: str, assets: Assets, photo: Photo, golden: bytes, directory: Path) -> Canary:
    golden_file = f"images/golden-{name}.png"
    photo_file = f"images/input-{name}.png"
    (directory / golden_file).write_bytes(golden)
    (directory / photo_file).write_bytes(photo.content)
    workflow = assets.workflows.get(name, assets.workflows[PERSON])
    return Canary(name, workflow, photo, golden_file, photo_file)


def _draw_crop(assets: Assets, seed: int) -> Photo:
    """A crop of a golden's photo, drawn until its golden's same crop is colourful enough."""
    rng = random.Random(f"crop-{seed}")
    for _ in range(CROP_DRAWS_MAX):
        golden = rng.choice(assets.goldens)
        photo = assets.photos[golden.photo]
        with (
            Image.open(io.BytesIO(photo.content)) as grey,
            Image.open(io.BytesIO(golden.content)) as coloured,
        ):
            width, height = (rng.randint(*CROP_PX) for _ in range(2))
            left = rng.randint(0, grey.width - width)
            top = rng.randint(0, grey.height - height)
            box = (left, top, left + width, top + height)
            expected = encode("expected.png", coloured.crop(box))
            drawn = encode(f"crop-{seed}-{photo.name}", grey.crop(box))
        try:
            refuse_weak_golden(decode(expected.content))
        except GoldenProblem:
            continue
        return drawn
    raise GoldenProblem(f"no colourful crop was found in {CROP_DRAWS_MAX} draws of seed {seed}")


def _coloured_by_primary(
    photo: Photo, workflow: Workflow, client: ComfyClient, clock: Clock, objectives: Objectives
) -> bytes:
    deadline = Deadline(clock, FIRST_PICTURE_LIMIT_S)
    coloured = colour(client, clock, workflow, photo, "calibration", deadline)
    content = coloured.answer.body
    refuse_weak_golden(decode(content))
    judgement = judge(content, content, photo.content, coloured.prompt, objectives)
    if judgement.correct is not True:
        raise ServiceProblem(
            f"the healthy primary's own picture is not right: {'; '.join(judgement.reasons)}",
            "compare the image with the goldens before drilling it",
        )
    return content


def configuration_text(images: dict[str, str], device: str, service: ServiceSpec) -> str:
    """The configuration that is state: the image, its variables, where its data lie, its node."""
    variables = {"MODEL_SIZE": MODEL_SIZE, "DEVICE": device, **service.environment}
    mounts, node = asdict(service.mounts), asdict(service.node)
    lines = {
        "IMAGE": images["service"],
        **variables,
        "SERVICE_ENTRYPOINT": shlex.join(service.entrypoint),
        "SERVICE_COMMAND": shlex.join(service.command),
        "SERVICE_PORT": service.port,
        "SERVICE_USER": service.user or "",
        **{f"MOUNT_{name.upper()}": path for name, path in mounts.items()},
        **{f"NODE_{name.upper()}": value for name, value in node.items()},
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())
