from __future__ import annotations

import json

from click.testing import CliRunner, Result

from colordrill.cli import main
from colordrill.fault.registry import FAULTS
from colordrill.scenario.catalogue import SCENARIOS, red_twins


def colordrill(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_list_as_json_holds_every_scenario_and_twin() -> None:
    listed = json.loads(colordrill("list", "--json").output)

    assert [each["name"] for each in listed] == [*SCENARIOS, *red_twins()]
    assert all(each["objectives"]["rto_s"] > 0 for each in listed)


def test_the_list_for_people_says_what_a_twin_must_fail() -> None:
    shown = colordrill("list")

    assert shown.exit_code == 0
    assert "host_power_loss@slow_start" in shown.output
    assert "expected: fail by rto" in shown.output


def test_the_list_says_what_each_needs_and_who_recovers_it() -> None:
    listed = {each["name"]: each for each in json.loads(colordrill("list", "--json").output)}

    loss = listed["host_power_loss"]
    assert loss["capabilities"] == ["execute", "kill", "network_cut"]
    assert (loss["recovery"], loss["expected_site"]) == ("failover", "dr")
    assert {name: each["expected_verdict"] for name, each in listed.items()} == {
        **dict.fromkeys(SCENARIOS, "pass"),
        **dict.fromkeys(red_twins(), "fail"),
    }


def test_the_faults_are_listed_for_people_and_for_scripts() -> None:
    listed = json.loads(colordrill("list", "--faults", "--json").output)
    shown = colordrill("list", "--faults").output

    assert [each["name"] for each in listed] == sorted(FAULTS)
    assert "<" not in json.dumps([each["parameters"] for each in listed])
    assert all(f"{name}\n" in shown for name in FAULTS)
