"""What a record says of where a drill ran, and of what it cost."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

import docker
from docker.errors import DockerException

from colordrill.record.model import EnvironmentFacts

PACKAGES = ("colordrill", "pytest", "pytest-docker", "toxiproxy-python", "scikit-image", "numpy")


def environment_facts(images: dict[str, str], config_sha256: str) -> EnvironmentFacts:
    """Machine, engine, images by digest and versions; nothing secret, no address, no path."""
    host: dict[str, str | float | bool | None] = {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cores": float(os.cpu_count() or 0),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
    }
    engine, digests = _engine_facts(images)
    return EnvironmentFacts(
        host=host,
        engine=engine,
        images=digests,
        config_sha256=config_sha256,
        software={name: version(name) for name in PACKAGES},
    )


def _engine_facts(images: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    try:
        client = docker.from_env(timeout=10)
        try:
            said: dict[str, Any] = client.version()
            digests = {
                name: f"{reference} {client.images.get(reference).id}"
                for name, reference in images.items()
            }
        finally:
            client.close()
    except DockerException as error:
        # the record says what it could not learn; the drill's verdict does not hang on it
        return {"error": str(error)}, dict(images)
    return {"version": str(said["Version"]), "api": str(said["ApiVersion"])}, digests
