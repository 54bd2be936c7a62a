"""The parts of the stack by name, as the compose file calls them, and their ports inside."""

from __future__ import annotations

from enum import StrEnum

COLORIZATION_PORT = 8188
GATEWAY_PORT = 8080
TOXIPROXY_PORT = 8474

SITE_HEADER = "X-Colordrill-Site"
"""The response header in which the gateway names the site that answered."""


class Site(StrEnum):
    """The two sites."""

    PRIMARY = "primary"
    DR = "dr"


class Part(StrEnum):
    """Every container of the stack."""

    PRIMARY_COLORIZATION = "primary-colorization"
    PRIMARY_STORAGE = "primary-storage"
    PRIMARY_MIRROR = "primary-mirror"
    PRIMARY_AGENT = "primary-agent"
    DR_COLORIZATION = "dr-colorization"
    DR_STORAGE = "dr-storage"
    DR_AGENT = "dr-agent"
    BACKUP = "backup"
    TOXIPROXY = "toxiproxy"
    GATEWAY = "gateway"
    HOST = "host"
    """The privileged helper: not part of the service, started only where a fault needs it."""


AGENTS = {Site.PRIMARY: Part.PRIMARY_AGENT, Site.DR: Part.DR_AGENT}
"""Who works on a site's folders."""


def parts_of(site: Site) -> tuple[Part, ...]:
    """The parts that stand at *site* and die with its host."""
    return tuple(part for part in Part if part.startswith(f"{site}-"))


class SiteFolder(StrEnum):
    """The data of a site, each a volume; the same at both sites."""

    INPUT = "input"
    OUTPUT = "output"
    WORKFLOWS = "workflows"
    MODELS = "models"
    CONFIG = "config"
