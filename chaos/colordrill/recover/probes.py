"""Readiness probes: is the DR site what the primary was? Each finding is written down, and mended.

What the primary was is read from the configuration in the recovery point (``config/stack.env``),
never from the primary, which is gone. The probes are made before a site is restored: one that
stands on a stale image, with other settings or with a volume on an unused path answers, and even
colours; it only does so wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.steps import Operator
from colordrill.stack.parts import Part, Site, SiteFolder
from colordrill.stack.target import PartChanges, PartDescription, Target

READ_LIMIT_S = 10.0
_MOUNTED = (SiteFolder.INPUT, SiteFolder.OUTPUT, SiteFolder.WORKFLOWS, SiteFolder.MODELS)
_SETTINGS = ("MODEL_SIZE", "DEVICE")


@dataclass(frozen=True, slots=True)
class Deviation:
    """What the configuration says of the DR container, and what it is."""

    probe: str
    wanted: str
    found: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.found or 'nothing'} instead of {self.wanted or 'nothing'}"


def configuration_of(source: Strategy, point: str) -> dict[str, str]:
    """The configuration that *point* holds.

    Raises:
        EnvironmentProblem: who keeps the point does not give it, or it is not NAME=VALUE lines.
    """
    text = source.configuration(point)
    pairs = [line.partition("=") for line in text.splitlines() if line]
    if not pairs or not all(separator for _, separator, _ in pairs):
        raise EnvironmentProblem(
            f"recovery point {point} holds no readable configuration: {text[:200]!r}",
            "see what config/stack.env of the point holds, or restore an earlier point",
        )
    return {name: value for name, _, value in pairs}


def deviations(wanted: Mapping[str, str], found: PartDescription) -> tuple[Deviation, ...]:
    """Where *found* differs from the configuration *wanted*: image, settings, mounts."""
    return tuple(each for each in comparisons(wanted, found) if each.wanted != each.found)


def comparisons(wanted: Mapping[str, str], found: PartDescription) -> tuple[Deviation, ...]:
    """Everything in which *found* is compared with the configuration *wanted*, equal or not."""
    pairs = [
        ("image", wanted.get("IMAGE", ""), found.image),
        *(
            ("settings", _named(name, wanted), _named(name, found.environment))
            for name in _SETTINGS
        ),
        ("restart", "unless-stopped", found.restart),
    ]
    for folder in _MOUNTED:
        path = wanted.get(f"MOUNT_{folder.upper()}", "")
        pairs.append(("mounts", f"{folder} at {path}", _mount(folder, found)))
    return tuple(Deviation(*each) for each in pairs)


def make_as_primary(operator: Operator, wanted: Mapping[str, str]) -> str:
    """Compare the DR container with the configuration *wanted*; create it anew where it differs.

    Returns:
        What was found, for the record.

    Raises:
        EnvironmentProblem: it cannot be compared, or still differs when it was created anew.
    """
    part, target = Part.DR_COLORIZATION, operator.target
    before = deviations(wanted, target.description(part))
    if before:
        settings = {name: wanted[name] for name in _SETTINGS if name in wanted}
        target.recreate(part, PartChanges(image=wanted.get("IMAGE"), environment=settings))
        left = deviations(wanted, target.description(part))
        for each in left:
            operator.probed(Site.DR, each.probe, "differs", str(each))
        if left:
            raise EnvironmentProblem(
                f"the DR container is not what the configuration says: {_told(left)}",
                "compare its image tag, variables and mounts with config/stack.env of the point",
            )
    mended = {each.probe: str(each) for each in before}
    for probe in ("image", "settings", "mounts", "restart"):
        outcome = "mended" if probe in mended else "as_primary"
        operator.probed(Site.DR, probe, outcome, mended.get(probe, "as the configuration says"))
    return f"it was not as configured ({_told(before)}) and was created anew" if before else ""


def make_writable(operator: Operator) -> str:
    """See that the DR site's folders can be written as the service's user; mend their owner.

    Returns:
        What was mended, for the record; empty where nothing was.

    Raises:
        EnvironmentProblem: a folder cannot be written, and giving it its owner did not help.
    """
    refused = refusals(operator.target)
    for folder in refused:
        # an empty put gives the folder its owner and mode, and leaves what is in it
        operator.target.put_files(Part.DR_AGENT, folder, {})
    left = refusals(operator.target) if refused else {}
    if left:
        operator.probed(Site.DR, "writable", "differs", f"{', '.join(left)} cannot be written")
        raise EnvironmentProblem(
            f"the DR site's folders {', '.join(left)} cannot be written by the service's user",
            "look at the volumes' owner, mode and mount options",
        )
    told = f"{', '.join(refused)} could not be written and have their owner again"
    operator.probed(
        Site.DR,
        "writable",
        "mended" if refused else "as_primary",
        told if refused else "every folder takes a file",
    )
    return told if refused else ""


def refusals(target: Target) -> dict[SiteFolder, str]:
    """The DR site's folders in which a real write fails, each with what the system said.

    The agent there runs as the service's user. What it writes it removes again.
    """
    refused = {}
    for folder in SiteFolder:
        probe = f"/site/{folder}/.colordrill-probe"
        done = target.execute(
            Part.DR_AGENT,
            ["sh", "-c", 'echo probe > "$1" && rm -- "$1"', "sh", probe],
            timeout_s=READ_LIMIT_S,
        )
        if done.exit_code != 0:
            said = done.stderr.strip().splitlines()
            refused[folder] = said[-1] if said else f"exit code {done.exit_code}"
    return refused


def _named(name: str, variables: Mapping[str, str]) -> str:
    return f"{name}={variables[name]}" if name in variables else ""


def _mount(folder: SiteFolder, found: PartDescription) -> str:
    paths = [path for path, source in found.mounts.items() if source == folder]
    read_only = " (read-only)" if any(path in found.read_only for path in paths) else ""
    return f"{folder} at {', '.join(sorted(paths)) or 'no path'}{read_only}"


def _told(found: tuple[Deviation, ...]) -> str:
    return "; ".join(f"{each.probe}: {each}" for each in found)
