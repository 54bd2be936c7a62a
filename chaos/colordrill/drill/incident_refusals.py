"""What keeps a recovery from being begun: it would give up a primary that nobody has judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from colordrill.clock import Clock
from colordrill.drill.assets import Assets
from colordrill.drill.provision import configuration_text
from colordrill.errors import EnvironmentProblem, GoldenProblem, UsageProblem
from colordrill.recover.course import Course, Way
from colordrill.recover.keepers import Keepers, Resumable
from colordrill.recover.primary import Finding, Health, PrimaryNotJudged
from colordrill.recover.readiness.examined import Examined
from colordrill.recover.sources import first_configuration
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import Site
from colordrill.stack.target import Target

AS_FOR_UP = "give the same --service options, or run it in the same directory, as for `up`"
_FIXED = ("DEVICE", "SERVICE_PORT", "SERVICE_COMMAND", "SERVICE_ENTRYPOINT")
_FAMILIES = ("MOUNT_", "NODE_")
_APART = frozenset({"IMAGE", "MODEL_SIZE", "SERVICE_USER"})
"""Settings of the stack that a recovery does not take from the options."""


def refuse_other_service(settings: Settings, candidates: Sequence[Resumable]) -> None:
    """See that the options describe the service that the stack was brought up with.

    Otherwise a healthy primary is asked at a wrong port or judged by another service's goldens, and
    is given up. What no recovery point tells is not compared.

    Args:
        settings: what the options say.
        candidates: the stack's recovery points, of whoever could list any.

    Raises:
        UsageProblem: they describe another one; names what differs.
    """
    told = _newest_configuration(candidates)
    text = configuration_text({"service": ""}, settings.device, settings.service)
    given = {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}
    differ = _differing(given, told, settings.service.environment) if told else []
    if differ:
        raise UsageProblem(
            f"this stack was brought up with another service: {', '.join(differ)} differ from what "
            "its newest recovery point says",
            AS_FOR_UP,
        )


def told_by(keepers: Keepers, wished: Sequence[Resumable] = ()) -> Sequence[Resumable]:
    """Whose points tell what the service was: the backup server, where it lists any.

    Where it does not, those that are *wished* for tell it: whoever keeps them was asked already.
    """
    near, _ = keepers.candidates()
    return (near,) if near.newest() else wished


def _differing(
    given: Mapping[str, str], told: Mapping[str, str], variables: Mapping[str, str]
) -> list[str]:
    """Names alone: a variable may hold a password."""
    fixed = [
        name
        for name in given
        if (name in _FIXED or name.startswith(_FAMILIES)) and name in told and name not in variables
    ]
    own = [name for name in told if name not in given and name not in _APART]
    compared = {*fixed, *variables, *own}
    return sorted(name for name in compared if given.get(name) != told.get(name))


def _newest_configuration(candidates: Sequence[Resumable]) -> dict[str, str]:
    """Empty where no point tells it; the start step says why."""
    if not candidates:
        return {}
    try:
        return first_configuration(candidates, lambda _said: None)
    except EnvironmentProblem:
        return {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Weighs what was found of the primary.

    Attributes:
        course: what is to be done.
        answering: the site that the public address was answered by.
        forced: the primary is given up whatever is found.
        weights_backed_up: SHA-256 of the checkpoint in the newest point; None: not known.
        assets: what it is judged by.
        say: tells people how it goes.
    """

    course: Course
    answering: str | None
    forced: bool
    weights_backed_up: Callable[[], str | None]
    assets: Assets
    say: Callable[[str], None]

    def weigh(self, found: Finding) -> None:
        """Return where the primary may be given up.

        Raises:
            UsageProblem: it is healthy.
            PrimaryNotJudged: it colours, and nobody could tell how.
            GoldenProblem: it colours, and the goldens belong to another checkpoint.
        """
        fenced = f"; {self.course.why}" if self.course.way is Way.RESUME else ""
        if found.health is Health.UNKNOWN:
            self.say("that does not prove it healthy: it counts as not healthy and is fenced")
        if found.health in {Health.BROKEN, Health.UNKNOWN}:
            return
        if self.forced:
            self.say(f"the primary {_CERTAIN[found.health]}, and is given up: --force was given")
            return
        if found.health is Health.HEALTHY:
            raise UsageProblem(
                f"nothing was done: {found.detail}{fenced}",
                "see what is between it and its users, or give it up with --force: what it "
                "acknowledged since the newest recovery point is lost then",
            )
        if found.health is Health.NOT_JUDGED:
            raise PrimaryNotJudged(
                f"nothing was done: the primary delivers pictures, and {found.detail}{fenced}",
                "see whether this machine has memory and time to judge pictures and start again, "
                "or give the primary up with --force",
            )
        self._refuse_other_goldens(found)

    def _refuse_other_goldens(self, found: Finding) -> None:
        """A primary that serves users may only be wrong by the measure of other weights."""
        if self.answering != Site.PRIMARY or self.assets.golden_weights is None:
            return
        backed_up = self.weights_backed_up()
        if backed_up is None or backed_up == self.assets.golden_weights:
            return
        raise GoldenProblem(
            f"nothing was done: {found.detail}, but the goldens were made with another checkpoint "
            "than the newest recovery point holds",
            f"{AS_FOR_UP}; if the goldens are right and the weights went bad, take a point from "
            "before with --before TIME --force",
        )


_CERTAIN = {
    Health.HEALTHY: "is healthy",
    Health.NOT_JUDGED: "was not judged",
    Health.WRONG: "colours wrongly",
}


def weights_backed_up(target: Target, clock: Clock, assets: Assets) -> str | None:
    """SHA-256 of the checkpoint that the newest point's manifest lists; None: not known."""
    examined = Examined(target, clock, assets.service, assets.workflows, assets.golden_weights)
    try:
        return examined.point().files.get(examined.checkpoint)
    except EnvironmentProblem:
        return None
