"""Partitions, unplugged networks and failing lookups against a stack in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault.network_dns import DnsFailure
from colordrill.fault.partition import NetworkDetached, Partition
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

PAIR = "dr-agent|backup"
ANSWERED = Executed(0, "0 900 3000 4000 72 \n@RSYNCD: 32.0", "")
UNANSWERED = Executed(124, "", "")
REFUSED = Executed(9, "", "connect: Connection refused")
UNRESOLVED = Executed(9, "", "backup: Name or service not known")


@dataclass(slots=True)
class Namespace:
    """The rules of every part, and what the peers get because of them.

    Attributes:
        rules: tag to the commands that made its rules.
        effective: whether the rules do anything.
        refuses: the exit code of iptables where it does not work.
        addresses: how a neighbour's name is resolved.
    """

    target: FakeTarget
    rules: dict[str, list[str]] = field(default_factory=dict)
    effective: bool = True
    refuses: int = 0
    addresses: tuple[str, ...] = ("172.20.0.5",)

    def nsenter(self, _part: Part, command: Sequence[str]) -> Executed:
        script, tag = command[6], command[8]
        if self.refuses:
            return Executed(self.refuses, "", "iptables: not permitted")
        if "-I " in script:
            if tag in self.rules:
                return Executed(17, "there", "")
            self.rules[tag] = [each for each in script.split(" && ") if "-I " in each]
        elif "sed" in script:
            self.rules.pop(tag, None)
        else:
            return Executed(0, "\n".join(self.rules.get(tag, [])), "")
        return Executed(0, "", "")

    def peer(self, part: Part, _command: Sequence[str]) -> Executed:
        backup = self.target.parts[Part.BACKUP]
        if not backup.running:
            return REFUSED
        if not self.target.resolves(part, "backup"):
            return UNRESOLVED
        return UNANSWERED if self.rules and self.effective else ANSWERED

    def getent(self, _part: Part, command: Sequence[str]) -> Executed:
        if any("-s 127.0.0.11" in each for rules in self.rules.values() for each in rules):
            return UNANSWERED if self.effective else Executed(0, "172.20.0.5 x", "")
        if not self.addresses:
            return Executed(2, "", "")
        lines = [f"{each} STREAM {command[-1]}" for each in self.addresses]
        return Executed(0, "\n".join(lines), "")


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget(
        parts={
            Part.DR_AGENT: FakePart(networks={"dr": ["dr-agent"], "backup": ["dr-agent", "aka"]}),
            Part.BACKUP: FakePart(networks={"backup": ["backup"]}),
        }
    )


@pytest.fixture
def namespace(target: FakeTarget) -> Namespace:
    namespace = Namespace(target)
    target.programs |= {
        "nsenter": namespace.nsenter,
        "env": namespace.peer,
        "getent": namespace.getent,
    }
    return namespace


@pytest.fixture(
    params=[(Partition, PAIR), (NetworkDetached, PAIR), (DnsFailure, "dr-agent")],
    ids=lambda case: case[0].name,
)
def fault(request: pytest.FixtureRequest) -> Any:
    kind, target_name = request.param
    return kind(target_name=target_name)


@pytest.mark.usefixtures("namespace")
def test_the_peer_sees_it_during_and_neither_before_nor_after(
    fault: Any, target: FakeTarget
) -> None:
    assert fault.healthy(target).seen
    assert not fault.evidence(target).seen

    fault.inject(target)
    assert fault.evidence(target).seen
    assert not fault.healed(target).seen

    fault.heal(target)
    assert fault.healed(target).seen
    assert not fault.evidence(target).seen


@pytest.mark.parametrize("times", [1, 2, 3])
def test_healing_is_safe_at_any_time_and_any_number_of_times(
    fault: Any, target: FakeTarget, namespace: Namespace, times: int
) -> None:
    fault.heal(target)
    fault.healthy(target)
    fault.heal(target)
    fault.inject(target)
    for _ in range(times):
        fault.heal(target)

    assert fault.healed(target).seen
    assert namespace.rules == {}


@pytest.mark.usefixtures("namespace")
def test_what_it_remembers_is_json_and_enough_for_another_process(
    fault: Any, target: FakeTarget
) -> None:
    fault.healthy(target)
    planned = json.loads(json.dumps(fault.memory))
    fault.inject(target)
    json.dumps(fault.memory)

    # the memory from before the injection: the process may have died half-way in it
    later = type(fault)(target_name=fault.target_name, memory=planned)
    later.heal(target)

    assert later.healed(target).seen


@pytest.mark.parametrize(
    "fault", [Partition(target_name=PAIR), DnsFailure(target_name="dr-agent")], ids=["pair", "dns"]
)
def test_rules_without_effect_are_not_seen(
    fault: Any, target: FakeTarget, namespace: Namespace
) -> None:
    fault.healthy(target)
    namespace.effective = False
    fault.inject(target)

    assert not fault.evidence(target).seen
    assert not fault.healed(target).seen


@pytest.mark.usefixtures("namespace")
def test_a_service_that_is_down_is_no_cut(target: FakeTarget) -> None:
    cuts: list[Any] = [Partition(target_name=PAIR), NetworkDetached(target_name=PAIR)]
    for cut in cuts:
        cut.healthy(target)
    target.kill([Part.BACKUP])

    for cut in cuts:
        assert not cut.evidence(target).seen
        assert not cut.healed(target).seen


@pytest.mark.usefixtures("namespace")
def test_a_peer_that_is_down_is_no_evidence(fault: Any, target: FakeTarget) -> None:
    fault.healthy(target)
    fault.inject(target)
    target.kill([Part.DR_AGENT])

    assert not fault.evidence(target).seen
    fault.heal(target)
    assert not fault.healed(target).seen


def test_iptables_that_does_not_work_is_said(target: FakeTarget, namespace: Namespace) -> None:
    fault = Partition(target_name=PAIR)
    fault.healthy(target)
    namespace.refuses = 3

    with pytest.raises(EnvironmentProblem, match=r"cannot be filtered \(exit 3\): iptables: not"):
        fault.inject(target)
    with pytest.raises(EnvironmentProblem, match="could not be removed"):
        fault.heal(target)
    with pytest.raises(EnvironmentProblem, match="cannot be listed"):
        fault.healed(target)


@pytest.mark.usefixtures("namespace")
def test_the_same_cut_twice_is_refused(target: FakeTarget) -> None:
    fault = Partition(target_name=PAIR)
    fault.inject(target)

    with pytest.raises(EnvironmentProblem, match="already"):
        fault.inject(target)


def test_a_neighbour_without_an_address_cannot_be_cut_off(
    target: FakeTarget, namespace: Namespace
) -> None:
    namespace.addresses = ()

    with pytest.raises(EnvironmentProblem, match="knows no address of backup"):
        Partition(target_name=PAIR).inject(target)


@pytest.mark.parametrize(
    ("direction", "chains"),
    [("both", {"INPUT", "OUTPUT"}), ("to", {"OUTPUT"}), ("from", {"INPUT"})],
)
def test_every_address_of_either_version_is_cut_in_the_chosen_direction(
    target: FakeTarget, namespace: Namespace, direction: str, chains: set[str]
) -> None:
    namespace.addresses = ("172.20.0.5", "fd00::5")
    fault = Partition(target_name=PAIR, direction=direction)

    fault.inject(target)

    rules = namespace.rules[fault.tag]
    assert {rule.split(" -I ")[1].split()[0] for rule in rules} == chains
    assert sum("ip6tables" in rule and "fd00::5" in rule for rule in rules) == len(chains)
    assert len(rules) == 2 * len(chains)


@pytest.mark.usefixtures("namespace")
def test_an_unplugged_part_keeps_its_other_networks_and_gets_its_aliases_back(
    target: FakeTarget,
) -> None:
    fault = NetworkDetached(target_name=PAIR)
    fault.healthy(target)
    fault.inject(target)
    assert target.state(Part.DR_AGENT).networks == ("dr",)

    fault.heal(target)

    assert target.parts[Part.DR_AGENT].networks["backup"] == ["dr-agent", "aka"]


def test_unplugging_what_nobody_looked_at_is_refused(target: FakeTarget) -> None:
    with pytest.raises(EnvironmentProblem, match="not looked at"):
        NetworkDetached(target_name=PAIR).inject(target)


@pytest.mark.usefixtures("namespace")
def test_parts_that_share_no_network_are_not_healthy(target: FakeTarget) -> None:
    target.parts[Part.DR_AGENT].networks.pop("backup")

    assert not NetworkDetached(target_name=PAIR).healthy(target).seen
