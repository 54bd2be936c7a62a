"""How the drilled service enters the stack: variables for the compose file, and an overlay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from colordrill.data import fixtures
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.parts import Part

OVERLAY_NAME = "service.json"
LINKS_NAME = "toxiproxy.json"
PRIMARY_LINK = "gateway-primary"
MODEL_SIZE = "960"
"""The default size of the service's node in pixels, as the article's compose file has it."""


def service_variables(service: ServiceSpec, owner: str, directory: Path) -> dict[str, str]:
    """What the compose file says of the service by variable.

    Args:
        service: what is drilled.
        owner: ``UID:GID`` of everything in a site's volumes.
        directory: the run's; holds what `write_service_files` wrote.
    """
    mounts = service.mounts
    return {
        "COLORDRILL_MODEL_SIZE": MODEL_SIZE,
        "COLORDRILL_SITE_OWNER": owner,
        "COLORDRILL_SITE_PORT": str(service.port),
        "COLORDRILL_LINKS": str(directory / LINKS_NAME),
        "COLORDRILL_MOUNT_INPUT": mounts.input,
        "COLORDRILL_MOUNT_OUTPUT": mounts.output,
        "COLORDRILL_MOUNT_WORKFLOWS": mounts.workflows,
        "COLORDRILL_MOUNT_MODELS": mounts.models,
    }


def write_service_files(service: ServiceSpec, directory: Path) -> Path:
    """Write the service's overlay and Toxiproxy's links into the run's *directory*.

    Returns:
        The overlay, a compose file (JSON is YAML).
    """
    overlay = directory / OVERLAY_NAME
    overlay.write_text(json.dumps(service_overlay(service), indent=2), encoding="utf-8")
    links = directory / LINKS_NAME
    links.write_text(json.dumps(toxiproxy_links(service.port), indent=2), encoding="utf-8")
    # mounted into a container that runs as somebody else; the directory above is closed
    links.chmod(0o644)
    return overlay


def service_overlay(service: ServiceSpec) -> dict[str, Any]:
    """What the compose file has no variable for, the same at both sites."""
    changed: dict[str, Any] = {}
    if service.entrypoint:
        changed["entrypoint"] = [literal(each) for each in service.entrypoint]
    if service.command:
        changed["command"] = [literal(each) for each in service.command]
    if service.user is not None:
        changed["user"] = service.user
    if service.environment:
        changed["environment"] = {
            name: literal(value) for name, value in service.environment.items()
        }
    return {
        "services": {
            str(part): changed for part in (Part.PRIMARY_COLORIZATION, Part.DR_COLORIZATION)
        }
    }


def toxiproxy_links(port: int) -> list[dict[str, Any]]:
    """The bundled links, the one to the primary's service with its *port*."""
    text = (fixtures() / "stack" / LINKS_NAME).read_text(encoding="utf-8")
    links: list[dict[str, Any]] = json.loads(text)
    for link in links:
        if link["name"] == PRIMARY_LINK:
            link["upstream"] = f"{Part.PRIMARY_COLORIZATION}:{port}"
    return links


def literal(text: str) -> str:
    """*text* as compose must read it so that it replaces no variable in it."""
    return text.replace("$", "$$")
