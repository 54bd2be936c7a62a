"""`colordrill readiness`: the standing stack is examined, and what was seen is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colordrill.clock import SystemClock
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.attached import AttachedStack, attached_stack, held
from colordrill.errors import EnvironmentProblem
from colordrill.interrupts import interruptible
from colordrill.look import Look
from colordrill.outcome import Verdict, worst
from colordrill.picture import Bounds
from colordrill.recover.readiness.catalogue import probes
from colordrill.recover.readiness.examined import Examined
from colordrill.recover.readiness.left_rehearsal import end_left_rehearsal
from colordrill.recover.readiness.off_site import CHECK as OFF_SITE
from colordrill.recover.readiness.probe import Probe
from colordrill.recover.readiness.rehearsal import CHECK as SAME_COLOUR
from colordrill.recover.readiness.rehearsal import MARKER, KnownPicture, Rehearsal
from colordrill.scenario.catalogue import HOST_POWER_LOSS
from colordrill.scenario.readiness_plan import ReadinessPlan
from colordrill.scenario.settings import Settings
from colordrill.verify.readiness import ReadinessCheck, judge_readiness

PURPOSE = "readiness"
RECOVER = "recover"
"""Whose lock a rehearsal holds: a recovery needs the DR site for itself."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found.

    Attributes:
        stack: the run that brought the stack up.
        checks: in their fixed order.
        left_out: checks that nobody asked for; they count neither way.
    """

    stack: str
    checks: tuple[ReadinessCheck, ...]
    left_out: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        return worst(each.check.verdict for each in self.checks)


def examine(
    settings: Settings, plan: ReadinessPlan, run_id: str | None, say: Callable[[str], None]
) -> Readiness:
    """Examine the standing stack and judge it.

    Args:
        settings: what the service is like; as when the stack was brought up.
        plan: what is asked for.
        run_id: which stack; None: the only one.
        say: tells people how it goes.

    Raises:
        UsageProblem: no such stack, or several and none was named.
        EnvironmentProblem: none stands, it is in use, or photos and goldens cannot be read.
    """
    assets = load_assets(settings.service)
    bounds = settings.apply(HOST_POWER_LOSS).objectives
    with interruptible(), attached_stack(run_id, PURPOSE) as stack:
        _end_left_rehearsal(stack, say)
        rehearsal = _rehearsal(assets, bounds, stack.directory, say) if plan.rehearsal else None
        asked = tuple(probes(rehearsal, plan.offsite_max_age_s if plan.offsite else None))
        looks = look_at(_examined(stack, assets), asked, stack.directory, say)
        wanted = {OFF_SITE: plan.offsite, SAME_COLOUR: plan.rehearsal}
        left_out = tuple(name for name, is_wanted in wanted.items() if not is_wanted)
        checks = judge_readiness(looks, plan.max_age_s, left_out)
        return Readiness(stack.run_id, checks, left_out)


def look_at(
    examined: Examined,
    asked: Sequence[Probe],
    directory: Path,
    say: Callable[[str], None],
) -> list[Look]:
    """Carry out what is *asked*; the rehearsal keeps a recovery away from the stack meanwhile."""
    looks: list[Look] = []
    said = ""
    for probe in asked:
        if probe.check != said:
            said = probe.check
            say(f"looking: {said}")
        alone = _alone(probe, directory) if probe.check == SAME_COLOUR else probe
        looks += alone.carried_out(examined)
    return looks


def _alone(probe: Probe, directory: Path) -> Probe:
    def look(examined: Examined) -> Iterator[Look]:
        with held(directory, RECOVER, PURPOSE):
            yield from probe.look(examined)

    return Probe(probe.check, probe.subject, look)


def _examined(stack: AttachedStack, assets: Assets) -> Examined:
    return Examined(
        stack.target, SystemClock(), assets.service, assets.workflows, assets.golden_weights
    )


def _rehearsal(
    assets: Assets, bounds: Bounds, directory: Path, say: Callable[[str], None]
) -> Rehearsal:
    """One picture for each kind of workflow."""
    pictures = {
        each.workflow: KnownPicture(
            each.workflow, assets.workflows[each.workflow], assets.photos[each.photo], each.content
        )
        for each in assets.goldens
    }
    return Rehearsal(tuple(pictures.values()), bounds, directory / MARKER, say)


def _end_left_rehearsal(stack: AttachedStack, say: Callable[[str], None]) -> None:
    """What a killed rehearsal left is taken back; where that fails, the checks will say so."""
    marker = stack.directory / MARKER
    if not marker.exists():
        return
    try:
        with held(stack.directory, RECOVER, PURPOSE):
            end_left_rehearsal(stack.target, marker, say)
    except EnvironmentProblem as error:
        say(f"a killed rehearsal could not be ended: {error}")
