"""What `colordrill doctor --image` and `--url` do: examine one colorization service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from colordrill.clock import Clock, SystemClock, poll, seconds_between
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.container_probes import probe_container
from colordrill.drill.contract import Clause, Outcome, holds, missing, unknown
from colordrill.drill.provision import NOT_COMFYUI, READY_LIMIT_S
from colordrill.drill.service_probes import ServiceProbes
from colordrill.drill.solitary import Solitary, solitary
from colordrill.drill.standing import plan_for, service_image
from colordrill.errors import ServiceProblem, WaitExpired
from colordrill.interrupts import interruptible
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.settings import Settings
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.sweep import sweep

ANSWERS = "answers"
CONTAINER_CLAUSES = (
    "volume input",
    "volume output",
    "volume workflows",
    "checkpoint in a volume",
    "user",
    "first picture",
    "SIGTERM",
)


def examine_url(settings: Settings, url: str, clock: Clock | None = None) -> Iterator[Clause]:
    """Examine a service that runs: what shows through its API.

    The photos and pictures of the examination stay in the service; ComfyUI cannot delete them.

    Yields:
        One clause after the other, as they are found out.

    Raises:
        EnvironmentProblem: the goldens or other data of colordrill cannot be read.
    """
    clock = clock or SystemClock()
    assets = load_assets(settings.service)
    with ComfyClient(url) as client:
        try:
            client.system_stats()
        except ServiceProblem as problem:
            remedy = problem.next_step or "is the service up, and is this its address?"
            yield missing(ANSWERS, f"{url}: {problem.cause}", remedy)
            return
        yield holds(ANSWERS, f"{url} speaks ComfyUI's API")
        probes = _probes(settings, assets, client, clock)
        yield from probes.run()
        with suppress(ServiceProblem):
            probes.forget()
    for name in CONTAINER_CLAUSES:
        yield unknown(name, "shows in the container alone: use --image")


def examine_image(
    settings: Settings, say: Callable[[str], None], clock: Clock | None = None
) -> Iterator[Clause]:
    """Start the configured image alone and examine it.

    Yields:
        One clause after the other, as they are found out.

    Raises:
        EnvironmentProblem: the engine, the image or colordrill's own data do not allow it.
    """
    clock = clock or SystemClock()
    assets = load_assets(settings.service)
    rto_s = settings.apply(HOST_POWER_LOSS).objectives.rto_s
    with interruptible():
        sweep(say)
        plan = plan_for(settings, {"service": service_image(settings, say)})
        say(f"image {plan.images['service']}: starting it alone")
        with solitary(plan, assets.checkpoint, clock) as alone:
            answers = await_answer(alone, clock)
            yield answers
            url = alone.url()
            if answers.outcome is not Outcome.HOLDS or url is None:
                return
            with ComfyClient(url) as client:
                probes = _probes(settings, assets, client, clock)
                yield from probes.run()
                yield from probe_container(alone, probes.seen, plan.owner, rto_s, clock)


def await_answer(alone: Solitary, clock: Clock) -> Clause:
    """Wait until the container answers /system_stats as ComfyUI does."""
    last = "nothing has answered yet"

    def answered() -> Clause | None:
        nonlocal last
        code = alone.exit_code()
        if code is not None:
            return missing(
                ANSWERS,
                f"the container ended with exit code {code}; its last lines:\n{alone.log()}",
                "set service.command or service.entrypoint to what starts ComfyUI",
            )
        url = alone.url()
        if url is None:
            return None
        try:
            with ComfyClient(url, timeout_s=2.0) as client:
                client.system_stats()
        except ServiceProblem as problem:
            if problem.status in NOT_COMFYUI:
                return missing(ANSWERS, f"not ComfyUI: {problem.cause}", "is it the right image?")
            last = problem.cause
            return None
        seconds = seconds_between(alone.started_ns, clock.now_ns())
        return holds(ANSWERS, f"/system_stats, {seconds:.1f} s after the start")

    try:
        return poll(clock, answered, awaited=ANSWERS, timeout_s=READY_LIMIT_S, every_s=0.25)
    except WaitExpired:
        return missing(
            ANSWERS,
            f"not within {READY_LIMIT_S:g} s: {last}; its last lines:\n{alone.log()}",
            f"does it listen on 0.0.0.0 (`--listen 0.0.0.0`), port {alone.service.port} "
            "(service.port)?",
        )


def _probes(settings: Settings, assets: Assets, client: ComfyClient, clock: Clock) -> ServiceProbes:
    bounds = settings.apply(HOST_POWER_LOSS).objectives
    return ServiceProbes(client, assets, bounds, clock)
