"""The scenarios that can be run by name, and their red twins."""

from __future__ import annotations

from dataclasses import replace

from colordrill.errors import UnknownName
from colordrill.scenario.model import FaultSpec, Objectives, SabotageSpec, Scenario

TWIN_MARK = "@"

HOST_POWER_LOSS = Scenario(
    name="host_power_loss",
    title="the primary host loses power; the DR site takes over",
    description=(
        "Every container of the primary site dies at once by SIGKILL and stays down, and its "
        "networks are cut. The runbook starts the cold DR container, restores the newest recovery "
        "point, verifies it by canaries and switches the gateway."
    ),
    faults=(FaultSpec(name="host_power_loss", target="primary"),),
    # The clock starts before the injection call. What the dying host still acknowledges during it
    # (one upload, one job, one edit at these rates) is in no backup and cannot be kept.
    objectives=Objectives(rto_s=60.0, rpo_s=10.0, lost_after_fault_max=3),
)

SCENARIOS: dict[str, Scenario] = {HOST_POWER_LOSS.name: HOST_POWER_LOSS}

SABOTAGES: dict[str, tuple[SabotageSpec, ...]] = {
    HOST_POWER_LOSS.name: (
        SabotageSpec(
            "only_oldest_point",
            "rpo",
            "all recovery points but the oldest are deleted on the backup server",
        ),
        SabotageSpec(
            "other_weights",
            "colour",
            "the DR site runs a checkpoint of other weights",
            bundled_only=True,
        ),
        SabotageSpec(
            "slow_start",
            "rto",
            "the DR container starts later than the objective allows",
            bundled_only=True,
        ),
        SabotageSpec(
            "gateway_not_switched", "rto", "the switch acts on a backend that no traffic uses"
        ),
        SabotageSpec(
            "liar_uncoloured",
            "colour",
            "the DR service answers uncoloured pictures",
            bundled_only=True,
        ),
        SabotageSpec(
            "liar_previous",
            "colour",
            "the DR service answers the previous picture",
            bundled_only=True,
        ),
        SabotageSpec(
            "liar_golden", "colour", "the DR service answers golden files", bundled_only=True
        ),
    ),
}


def twin(scenario: Scenario, sabotage: SabotageSpec) -> Scenario:
    """The same drill with one thing sabotaged: *scenario* renamed, nothing else changed."""
    return replace(
        scenario,
        name=f"{scenario.name}{TWIN_MARK}{sabotage.name}",
        title=f"red twin of {scenario.name}: {sabotage.description}",
        sabotage=sabotage,
    )


def red_twins() -> dict[str, Scenario]:
    """Every red twin by name."""
    twins = (
        twin(SCENARIOS[name], sabotage)
        for name, sabotages in SABOTAGES.items()
        for sabotage in sabotages
    )
    return {each.name: each for each in twins}


def find_scenario(name: str) -> Scenario:
    """The scenario or red twin called *name*.

    Raises:
        UnknownName: there is none; the message lists them and names the nearest.
    """
    known = SCENARIOS | red_twins()
    if name not in known:
        raise UnknownName("scenario", name, known)
    return known[name]
