"""The generated part of the scenarios' page: tables, and a section for each scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from page_parts import code, item, page, paragraph, table

from colordrill.scenario.disk_drills import DISK_DRILLS
from colordrill.scenario.fault_spec import (
    Detection,
    FaultSpec,
    Recovery,
    StackKind,
    StrategyKind,
)
from colordrill.scenario.host_drills import HOST_DRILLS
from colordrill.scenario.model import Objectives, Pace, SabotageSpec, Scenario
from colordrill.scenario.network_drills import NETWORK_DRILLS
from colordrill.scenario.people_drills import PEOPLE_DRILLS

BEGIN = "<!-- Generated from the catalogue by `make docs`, down to the end mark. -->"
END = "<!-- The end of what is generated. -->"

FAMILIES: Mapping[str, Sequence[Scenario]] = {
    "Processes and hosts": HOST_DRILLS,
    "Network": NETWORK_DRILLS,
    "Disks and data": DISK_DRILLS,
    "Configuration, data and people's mistakes": PEOPLE_DRILLS,
}
FURTHER = "Further scenarios"

RECOVERIES = {
    Recovery.FAILOVER: "the DR site takes over",
    Recovery.IN_PLACE: "the primary is repaired",
    Recovery.UNAIDED: "nobody acts",
}
STRATEGIES = {
    StrategyKind.RSYNC: "",
    StrategyKind.RESTIC: ", from copies off site alone (restic)",
    StrategyKind.S3: ", from a bucket that is replicated to it (S3)",
}
DETECTIONS = {
    Detection.CANARY: "failed canaries in a row",
    Detection.SCRUB: "a scrub of the site's files against the recovery point before the fault",
    Detection.NONE: "none, there is nothing to be done",
}


def scenario_section(
    scenarios: Mapping[str, Scenario],
    sabotages: Mapping[str, Sequence[SabotageSpec]],
    faults: Mapping[str, Any],
) -> str:
    """Every scenario, by family, with its faults, objectives and red twins."""
    blocks = []
    for heading, members in _families(scenarios).items():
        rows = [_row(each, sabotages.get(each.name, ())) for each in members]
        head = ("scenario", "what happens", "recovery", "RTO", "RPO", "red twins")
        blocks += [f"## {heading}", table(head, rows)]
        blocks += [_described(each, sabotages.get(each.name, ()), faults) for each in members]
    return page(*blocks).strip()


def inserted(by_hand: str, section: str) -> str:
    """The page *by_hand* with *section* between its marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, begin, rest = by_hand.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{after}"


def _families(scenarios: Mapping[str, Scenario]) -> dict[str, list[Scenario]]:
    found = {
        heading: [each for each in members if each.name in scenarios]
        for heading, members in FAMILIES.items()
    }
    listed = {each.name for members in found.values() for each in members}
    found[FURTHER] = [each for name, each in scenarios.items() if name not in listed]
    return {heading: members for heading, members in found.items() if members}


def _row(scenario: Scenario, twins: Iterable[SabotageSpec]) -> tuple[str, ...]:
    return (
        f"[{code(scenario.name)}](#{scenario.name})",
        scenario.title,
        scenario.recovery.replace("_", " "),
        f"{scenario.objectives.rto_s:g} s",
        f"{scenario.objectives.rpo_s:g} s",
        ", ".join(code(each.name) for each in twins),
    )


def _described(scenario: Scenario, twins: Iterable[SabotageSpec], faults: Mapping[str, Any]) -> str:
    lines = [f"**Fault**: {_fault(spec, faults, scenario.faults)}" for spec in scenario.faults]
    lines += [
        f"**Recovery**: {_recovery(scenario)}",
        f"**Detection**: {DETECTIONS[scenario.detection]}; {_outage(scenario)}",
        f"**Objectives**: {_objectives(scenario)}",
    ]
    if pace := _pace(scenario):
        lines.append(f"**Pace**: {pace}")
    lines.append(f"**Needs**: {_needs(scenario, faults)}")
    lines += [
        f"**Red twin** {code(each.name)} must fail by {code(each.expected_check)}: "
        + each.description
        + (" (bundled service only)" if each.bundled_only else "")
        for each in twins
    ]
    return page(
        f"### {code(scenario.name)}",
        paragraph(scenario.description),
        "\n".join(map(item, lines)),
    ).strip()


def _fault(spec: FaultSpec, faults: Mapping[str, Any], beside: Sequence[FaultSpec]) -> str:
    known = spec.name in faults
    name = f"[{code(spec.name)}](faults/{spec.name}.md)" if known else code(spec.name)
    given = ", ".join(code(f"{key}={value}") for key, value in spec.parameters.items())
    told = f"{name} on {code(spec.target)}" + (f" with {given}" if given else "")
    return f"{told}, {schedule(spec, alone=len(beside) == 1)}"


def schedule(spec: FaultSpec, *, alone: bool) -> str:
    """When a fault is injected and undone, in words.

    Args:
        spec: the fault.
        alone: whether it is the only one of its scenario: then its beginning needs no word.
    """
    if spec.latent:
        return "planted before the steady state"
    words = [] if alone else [f"after {spec.at_s:g} s" if spec.at_s else "at once"]
    words.append("healed at the end" if spec.duration_s is None else f"for {spec.duration_s:g} s")
    if spec.times > 1:
        words.append(f"{spec.times} times with {spec.pause_s:g} s between")
    return ", ".join(words)


def _recovery(scenario: Scenario) -> str:
    told = RECOVERIES[scenario.recovery] + STRATEGIES[scenario.strategy]
    if scenario.recovery is Recovery.IN_PLACE:
        told += ", its service started anew" if scenario.restarts else ", its service goes on"
        if scenario.repair:
            folders = ", ".join(code(each) for each in scenario.repair)
            told += f", {folders} brought back from the newest recovery point before the fault"
        if scenario.unflushed_max_s is not None:
            told += f"; writes older than {scenario.unflushed_max_s:g} s must be on its disk"
    if scenario.replica:
        told += "; at the end the storage must hold every acknowledged output"
    return told


def _outage(scenario: Scenario) -> str:
    return "an outage must be seen" if scenario.outage_expected else "no outage need be seen"


def _objectives(scenario: Scenario) -> str:
    told = [f"RTO {scenario.objectives.rto_s:g} s", f"RPO {scenario.objectives.rpo_s:g} s"]
    usual = Objectives(scenario.objectives.rto_s, scenario.objectives.rpo_s)
    return ", ".join(told + _differing(usual, scenario.objectives))


def _pace(scenario: Scenario) -> str:
    return ", ".join(_differing(Pace(), scenario.pace))


def _differing(usual: Any, given: Any) -> list[str]:
    return [
        code(f"{each.name}={getattr(given, each.name):g}")
        for each in fields(given)
        if getattr(given, each.name) != getattr(usual, each.name)
    ]


def _needs(scenario: Scenario, faults: Mapping[str, Any]) -> str:
    known = [faults[spec.name] for spec in scenario.faults if spec.name in faults]
    capabilities = sorted({each for fault in known for each in fault.requires})
    told = ", ".join(code(each) for each in capabilities) or "–"
    if scenario.stack is StackKind.DISK:
        told += ", the primary's data on the [virtual disk](stack.md#the-virtual-disk)"
    return told + (", the bundled service" if scenario.bundled_only else "")
