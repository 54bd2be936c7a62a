"""``colordrill list``: what can be run, what it needs, what it is measured against."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from colordrill.options import json_option
from colordrill.scenario.catalogue import SCENARIOS, red_twins
from colordrill.scenario.model import Scenario


@click.command("list")
@click.option("--faults", is_flag=True, help="list the faults instead, for scenarios of your own")
@json_option
def listing(faults: bool, as_json: bool) -> None:
    """List every scenario and its red twins, with capabilities and objectives.

    \b
    Examples:
      colordrill list
      colordrill list --json | jq -r '.[].name'
      colordrill list --faults
    """
    described = (
        _faults() if faults else [_described(each) for each in (*SCENARIOS.values(), *_twins())]
    )
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False))
        return
    for each in described:
        click.echo(_fault_lines(each) if faults else _scenario_lines(each))


def _twins() -> list[Scenario]:
    return list(red_twins().values())


def _described(scenario: Scenario) -> dict[str, Any]:
    from colordrill.fault.registry import capabilities_of

    return {
        **dataclasses.asdict(scenario),
        "expected_site": scenario.expected_site,
        "expected_verdict": "fail" if scenario.sabotage else "pass",
        "capabilities": sorted(capabilities_of(scenario.faults)),
    }


def _scenario_lines(each: dict[str, Any]) -> str:
    objectives, sabotage = each["objectives"], each["sabotage"]
    lines = [
        each["name"],
        f"    {each['title']}",
        f"    RTO {objectives['rto_s']:g} s, RPO {objectives['rpo_s']:g} s, "
        f"recovery: {each['recovery']}, expected: {each['expected_verdict']}"
        + (f" by {sabotage['expected_check']}" if sabotage else ""),
        f"    needs: {', '.join(each['capabilities'])}",
    ]
    return "\n".join(lines)


def _faults() -> list[dict[str, Any]]:
    from colordrill.fault.registry import FAULTS, parameters_of

    return [
        {
            "name": name,
            "effect": fault.about.effect,
            "targets": list(fault.about.targets),
            "parameters": parameters_of(fault),
            "capabilities": sorted(fault.requires),
        }
        for name, fault in sorted(FAULTS.items())
    ]


def _fault_lines(each: dict[str, Any]) -> str:
    parameters = ", ".join(f"{name}={value!r}" for name, value in each["parameters"].items())
    return "\n".join(
        [
            each["name"],
            f"    {each['effect']}",
            f"    targets: {', '.join(each['targets'])}",
            f"    parameters: {parameters or 'none'}",
            f"    needs: {', '.join(each['capabilities'])}",
        ]
    )
