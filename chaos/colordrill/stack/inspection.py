"""What the engine says of a container (``docker inspect``), in the words of the Target."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from colordrill.stack.parts import Part, Site, SiteFolder
from colordrill.stack.target import PartDescription, PartState

Attributes = Mapping[str, Any]

NEVER = "0001-"
"""How the engine's time of something that has not happened begins."""


def is_up(attributes: Attributes) -> bool:
    """Whether a process runs; between two restarts the engine says "running", but none does."""
    state = attributes["State"]
    return bool(state["Running"]) and not state.get("Restarting", False)


def state_of(attributes: Attributes) -> PartState:
    """The state; the engine forgets how the last run ended as soon as the next one begins."""
    state = attributes["State"]
    running = is_up(attributes)
    ended = not running and not state["StartedAt"].startswith(NEVER)
    return PartState(
        exists=True,
        running=running,
        exit_code=state["ExitCode"] if ended else None,
        networks=tuple(sorted(attributes["NetworkSettings"]["Networks"])),
        restarts=int(attributes.get("RestartCount", 0)),
        frozen=bool(state.get("Paused", False)),
        out_of_memory=bool(state.get("OOMKilled", False)),
        started_at=_moment(state["StartedAt"]),
    )


def networks_of(attributes: Attributes) -> dict[str, list[str]]:
    """The networks that it is attached to, each with its aliases there."""
    attached = attributes["NetworkSettings"]["Networks"]
    return {name: list(each["Aliases"] or []) for name, each in attached.items()}


def description_of(
    attributes: Attributes, part: Part, project: str, image_created: datetime | None = None
) -> PartDescription:
    """What it was created with; environment variables without a value are empty ones."""
    configured = attributes["Config"]
    environment = (each.partition("=") for each in configured.get("Env") or [])
    mounts = sorted(attributes["Mounts"], key=lambda each: str(each["Destination"]))
    return PartDescription(
        image=configured["Image"],
        image_id=attributes["Image"],
        environment={name: value for name, _, value in environment},
        mounts={each["Destination"]: _source(each, part, project) for each in mounts},
        read_only=tuple(each["Destination"] for each in mounts if not each.get("RW", True)),
        restart=attributes["HostConfig"]["RestartPolicy"]["Name"] or "no",
        image_created=image_created,
    )


def created_at(image: Attributes) -> datetime | None:
    """When an image (``docker image inspect``) was built; None where it does not say."""
    # some builders leave it out on purpose
    return _moment(image.get("Created", ""))


def folder_of(volume: str, part: Part) -> SiteFolder | None:
    """The folder of *part*'s own site that a *volume* of the compose file holds, or None."""
    site, _, folder = volume.partition("-")
    own = site in set(Site) and part.startswith(f"{site}-")
    return SiteFolder(folder) if own and folder in set(SiteFolder) else None


def _moment(told: object) -> datetime | None:
    """A time as the engine tells it; its year 1 means that there is none."""
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment.year > 1 else None


def _source(mount: Attributes, part: Part, project: str) -> str:
    """A folder of the site by name; another volume as in the compose file; else the host's path."""
    if not mount.get("Name"):
        return str(mount.get("Source") or mount["Type"])
    volume = str(mount["Name"]).removeprefix(f"{project}_")
    return folder_of(volume, part) or volume
