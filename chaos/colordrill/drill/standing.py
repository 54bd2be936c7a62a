"""A whole stack, up and healthy: for a drill, for goldens, or left standing for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from colordrill.backup.schedule import BackupSchedule
from colordrill.clock import Clock, SystemClock
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.provision import await_ready, configuration_text, seed_primary
from colordrill.drill.weights import refuse_other_weights
from colordrill.errors import EnvironmentProblem
from colordrill.history import History
from colordrill.interrupts import interruptible
from colordrill.scenario.fault_spec import StackKind
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.compose import IMAGE_NAMES, StackPlan, running_stack
from colordrill.stack.disk import BEFORE_PARTS, disk_overlay
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.images import ensure_images
from colordrill.stack.ownership import BUNDLED_OWNER, Owner, owner_of_image
from colordrill.stack.parts import GATEWAY_PORT, TOXIPROXY_PORT, Part
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owned_run, owner
from colordrill.stack.sweep import sweep
from colordrill.stack.toxiproxy import ToxiproxyServer
from colordrill.stack.user_image import ensure_user_image

FIRST_POINT = "first-point.jsonl"
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class HealthyStack:
    """A stack whose primary answers through the gateway.

    Attributes:
        target: its parts.
        client: the public address.
        directory: the run's private directory.
    """

    target: DockerTarget
    client: ComfyClient
    directory: Path


def images_for(settings: Settings, say: Callable[[str], None]) -> dict[str, str]:
    """The reference of every image that the stack needs; bundled ones are built when missing."""
    bundled = [name for name in IMAGE_NAMES if name != "service"]
    images = {name: image.reference for name, image in ensure_images(bundled, say).items()}
    return {**images, "service": service_image(settings, say)}


def service_image(settings: Settings, say: Callable[[str], None]) -> str:
    """The reference of the colorization image; the bundled one is built, another one pulled."""
    if settings.image:
        ensure_user_image(settings.image, say)
        return settings.image
    return ensure_images(["service"], say)["service"].reference


def plan_for(
    settings: Settings,
    images: dict[str, str],
    overlays: tuple[Path, ...] = (),
    kind: StackKind = StackKind.PLAIN,
) -> StackPlan:
    """The stack that *settings* ask for.

    Args:
        settings: what the user chose.
        images: as `images_for` found them.
        overlays: compose files laid over everything else.
        kind: on what the primary's data lie.

    Raises:
        EnvironmentProblem: the user that the image runs as cannot be found out.
    """
    on_disk = kind is StackKind.DISK
    return StackPlan(
        images=images,
        overlays=(disk_overlay(), *overlays) if on_disk else overlays,
        before_parts=BEFORE_PARTS if on_disk else (),
        device=settings.device,
        keep=settings.keep,
        service=settings.service,
        owner=_site_owner(settings, images["service"]),
    )


def _site_owner(settings: Settings, image: str) -> Owner:
    if settings.image is None and settings.service.user is None:
        return BUNDLED_OWNER
    with owned_run() as run:
        labels = {RUN_LABEL: run.id, OWNER_LABEL: owner()}
        return owner_of_image(image, settings.service.user, labels)


@contextmanager
def healthy_stack(
    plan: StackPlan, assets: Assets, say: Callable[[str], None], clock: Clock
) -> Iterator[HealthyStack]:
    """Bring the stack up, put the primary's data in place, wait until it answers.

    Args:
        plan: what to bring up.
        assets: the primary's data.
        say: tells people how it goes.
        clock: bounds the waits.

    Raises:
        EnvironmentProblem: something did not come up; nothing is left running, unless the plan
            keeps the stack.
    """
    with ExitStack() as stack:
        run = stack.enter_context(owned_run(keep=plan.keep))
        target = stack.enter_context(running_stack(run, plan, say))
        seed_primary(target, assets, configuration_text(plan.images, plan.device, plan.service))
        client = stack.enter_context(ComfyClient(target.endpoint(Part.GATEWAY, GATEWAY_PORT)))
        await_ready(target, client, clock, assets.workflows)
        _refuse_sick_links(target)
        refuse_other_weights(target, assets)
        yield HealthyStack(target, client, run.directory)


def stand_up(settings: Settings, say: Callable[[str], None]) -> dict[str, str]:
    """Bring a stack up, with a first recovery point, and leave it standing.

    Returns:
        Addresses by name, and what else a person needs.

    Raises:
        EnvironmentProblem: it did not come up, or no point could be taken; it stands all the same.
    """
    assets = load_assets(settings.service, with_goldens=False)
    with interruptible():
        sweep(say)
        plan = plan_for(replace(settings, keep=True), images_for(settings, say))
        with healthy_stack(plan, assets, say, SystemClock()) as healthy:
            say("taking the first recovery point")
            return {
                "public address": healthy.client.base_url,
                "toxiproxy": healthy.target.endpoint(Part.TOXIPROXY, TOXIPROXY_PORT),
                "project": healthy.target.project,
                "recovery point": _first_point(healthy),
            }


def _first_point(healthy: HealthyStack) -> str:
    """A site without a backup could not be recovered, and would not be ready for it."""
    clock, told = SystemClock(), healthy.directory / FIRST_POINT
    with History(told, clock) as history:
        point = BackupSchedule(healthy.target, history, clock, interval_s=HOUR_S).take()
    if point is None:
        raise EnvironmentProblem(
            f"the first recovery point could not be taken: {told} says why",
            "see the logs of primary-agent and backup; `colordrill down` removes the stack",
        )
    return point


def _refuse_sick_links(target: DockerTarget) -> None:
    server = ToxiproxyServer(target.endpoint(Part.TOXIPROXY, TOXIPROXY_PORT))
    sick = server.unhealthy_links()
    if sick:
        raise EnvironmentProblem(f"the links {', '.join(sick)} are not healthy at the start")


def keep_logs(target: DockerTarget, directory: Path, since: datetime) -> None:
    """Write what every part has printed since *since* into *directory*, one file each."""
    for part in Part:
        # recording never blocks healing: a log that cannot be read is left out
        with suppress(EnvironmentProblem, OSError):
            text = target.logs(part, since=since)
            (directory / f"{part}.log").write_text(text, encoding="utf-8")
