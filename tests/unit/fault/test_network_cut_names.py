"""What partitions and failing lookups can be aimed at, and how."""

from __future__ import annotations

from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault import network_dns, partition
from colordrill.fault.network_dns import LOOKED_UP, DnsFailure
from colordrill.fault.network_filter import from_address, to_address
from colordrill.fault.partition import NetworkDetached, Partition
from colordrill.fault.partition_pairs import PAIR_NAMES, pair_of
from colordrill.fault.protocol import Fault
from colordrill.stack.parts import Part

PAIR = "dr-agent|backup"


@pytest.mark.parametrize("kind", partition.FAULTS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "name",
    ["", "|", "gateway", "gateway|gateway", "gateway|backup", "a|b|c", "primary|dr", None, 7],
)
def test_parts_that_never_talk_are_no_pair(kind: Any, name: object) -> None:
    with pytest.raises(UnknownName, match="pair of parts"):
        kind(target_name=name)


@pytest.mark.parametrize("name", PAIR_NAMES)
def test_a_pair_may_be_named_either_way_round(name: str) -> None:
    first, _, second = name.partition("|")

    assert pair_of(name) == (first, second)
    assert pair_of(f"{second}|{first}") == (second, first)


@pytest.mark.parametrize("direction", ["", "upstream", "TO", None, True])
def test_a_direction_that_does_not_exist_is_an_unknown_name(direction: Any) -> None:
    with pytest.raises(UnknownName, match="direction"):
        Partition(target_name=PAIR, direction=direction)


@pytest.mark.parametrize("name", ["", "host", "primary", "dr", None])
def test_a_part_that_looks_nothing_up_is_an_unknown_name(name: Any) -> None:
    with pytest.raises(UnknownName, match="looks names up"):
        DnsFailure(target_name=name)


@pytest.mark.parametrize("reply", ["", "nxdomain", None])
def test_a_reply_that_does_not_exist_is_an_unknown_name(reply: Any) -> None:
    with pytest.raises(UnknownName, match="reply"):
        DnsFailure(target_name="gateway", reply=reply)


def test_every_part_but_the_helper_looks_a_neighbour_up() -> None:
    assert set(LOOKED_UP) == set(Part) - {Part.HOST}


@pytest.mark.parametrize("address", ["", "backup", "1.2.3.4; reboot", "1.2.3.4/0"])
def test_what_is_no_address_never_reaches_a_shell(address: str) -> None:
    for rule in (to_address, from_address):
        with pytest.raises(EnvironmentProblem, match="no address"):
            rule(address)


def test_they_are_faults_that_describe_themselves() -> None:
    faults: list[Fault] = [
        Partition(target_name=PAIR),
        NetworkDetached(target_name=PAIR),
        DnsFailure(target_name="gateway"),
    ]

    assert {type(fault) for fault in faults} == {*partition.FAULTS, *network_dns.FAULTS}
    for fault in faults:
        assert fault.about.effect
        assert fault.about.incidents
        assert fault.about.targets
