"""The whole drill in containers with a GPU, where the engine can hand one to them."""

from __future__ import annotations

from dataclasses import replace

import docker
import pytest

from colordrill.drill.run import Drill
from colordrill.scenario.catalogue import find_scenario
from colordrill.scenario.settings import Settings


def engine_has_gpu() -> bool:
    """Whether the engine has a runtime or a device interface that offers NVIDIA devices."""
    try:
        client = docker.from_env(timeout=10)
        told = client.info()
    except docker.errors.DockerException:
        return False
    devices = told.get("DiscoveredDevices") or []
    return "nvidia" in told.get("Runtimes", {}) or any(
        "nvidia" in str(each.get("ID", "")) for each in devices
    )


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not engine_has_gpu(), reason="the Docker engine has no NVIDIA container toolkit"
    ),
]


def test_host_power_loss_passes_with_both_sites_on_a_gpu(drill_settings: Settings) -> None:
    settings = replace(drill_settings, device="cuda")
    scenario = settings.apply(find_scenario("host_power_loss"))

    result = Drill(scenario, settings, print).run()

    assert result.error is None
    assert result.record["verdict"] == "pass"
