"""The two sites' containers: do they stand as the configuration and each other say?"""

from __future__ import annotations

from collections.abc import Iterator

from colordrill.errors import EnvironmentProblem
from colordrill.look import Look
from colordrill.recover.probes import comparisons, refusals
from colordrill.recover.readiness.examined import READ_LIMIT_S, Examined
from colordrill.recover.readiness.probe import Probing
from colordrill.recover.steps import SERVICES
from colordrill.stack.parts import Part, Site, SiteFolder

S_PER_DAY = 86_400.0
DR = Part.DR_COLORIZATION
PRIMARY = Part.PRIMARY_COLORIZATION
_ANY_FILE = ("sh", "-c", "find /site/*/ -mindepth 1 -print -quit")


def dr_standby(examined: Examined) -> Iterator[Look]:
    """The DR site waits: its container is created and down, its volumes are empty."""
    state = examined.target.state(DR)
    seen = "running" if state.running else "stopped" if state.exists else None
    yield Look("dr_standby", f"the container {DR}", "stopped", seen)
    found = held_file(examined)
    yield Look("dr_standby", "the DR site's volumes", "empty", "not empty" if found else "empty")


def held_file(examined: Examined) -> str:
    """A file or folder that the DR site's volumes hold; empty where they hold none.

    Raises:
        EnvironmentProblem: the DR site's agent cannot tell.
    """
    done = examined.target.execute(Part.DR_AGENT, _ANY_FILE, timeout_s=READ_LIMIT_S)
    if done.exit_code != 0:
        raise EnvironmentProblem(
            f"{Part.DR_AGENT} cannot list the DR site's volumes: {done.stderr.strip()}"
        )
    return done.stdout.strip()


def dr_image_as_configured(examined: Examined) -> Iterator[Look]:
    """The DR container's image is the one that the newest recovery point's configuration names."""
    wanted = examined.point().configuration.get("IMAGE")
    yield Look("dr_image", "the image's name", wanted, examined.target.description(DR).image)


def dr_image_as_primary(examined: Examined) -> Iterator[Look]:
    """Both sites' containers were created from the same image, by its digest."""
    primary, dr = (examined.target.description(part).image_id for part in (PRIMARY, DR))
    yield Look("dr_image", "the image's digest", primary, dr)


def dr_image_age(examined: Examined) -> Iterator[Look]:
    """By how many days the DR container's image was built before the primary's."""
    primary, dr = (examined.target.description(part).image_created for part in (PRIMARY, DR))
    if primary is None or dr is None:
        raise EnvironmentProblem("the engine does not say when the images were built")
    older = max(0.0, (primary - dr).total_seconds() / S_PER_DAY)
    note = f"built {dr:%Y-%m-%d}, the primary's {primary:%Y-%m-%d}"
    yield Look("dr_image_age", "days older than the primary's image", seen=older, note=note)


def settings_of(site: Site) -> Probing:
    """The probe of *site*'s container: variables and restart policy as in the configuration."""

    def probe(examined: Examined) -> Iterator[Look]:
        found = examined.target.description(SERVICES[site])
        for each in comparisons(examined.point().configuration, found):
            if each.probe in {"settings", "restart"}:
                yield Look("settings", f"{each.probe} of {site}", each.wanted, each.found)
        for name, value in examined.service.environment.items():
            seen = found.environment.get(name)
            yield Look("settings", f"{name} of {site}", value, seen)

    return probe


def layout_of(site: Site) -> Probing:
    """The probe of *site*'s container: each folder's volume on the path of the configuration."""

    def probe(examined: Examined) -> Iterator[Look]:
        found = examined.target.description(SERVICES[site])
        for each in comparisons(examined.point().configuration, found):
            if each.probe == "mounts":
                yield Look("volume_layout", str(site), each.wanted, each.found)

    return probe


def dr_writable(examined: Examined) -> Iterator[Look]:
    """A real write into each of the DR site's folders, as the service's user."""
    refused = refusals(examined.target)
    for folder in SiteFolder:
        seen = f"refused: {refused[folder]}" if folder in refused else "writable"
        yield Look("dr_writable", str(folder), "writable", seen)
