"""Partitions and failing lookups between real containers: cut, seen, undone, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.clock import SystemClock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.fault.network_dns import LOOKED_UP, DnsFailure
from colordrill.fault.network_filter import insert, present, remove, to_address
from colordrill.fault.partition import NetworkDetached, Partition
from colordrill.fault.partition_pairs import PAIR_NAMES, PAIRS
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import GATEWAY_PORT, Part
from colordrill.stack.runs import Run
from fakes.network_lab import await_answers, network_lab

pytestmark = pytest.mark.docker

Record = Callable[[str, object], None]

QUICK_LIMIT_S = 1.5
"""What a test holds an injection and a cure to; their bound on a warm, idle stack is 0.25 s."""

COLD = f"{Part.GATEWAY}|{Part.DR_COLORIZATION}"
"""No colorization runs at the DR site before a recovery."""

STANDING = [name for name in PAIR_NAMES if name != COLD]
Case = tuple[Any, dict[str, Any]]
CUTS: list[Case] = [
    *[(Partition, {"target_name": name}) for name in STANDING],
    *[
        (Partition, {"target_name": name, "direction": way})
        for name in ("gateway|toxiproxy", "toxiproxy|gateway")
        for way in ("to", "from")
    ],
    *[(NetworkDetached, {"target_name": name}) for name in STANDING],
    (NetworkDetached, {"target_name": "backup|toxiproxy"}),
    *[(DnsFailure, {"target_name": part}) for part in LOOKED_UP if not part.startswith("dr-")],
    (DnsFailure, {"target_name": "dr-agent"}),
    (DnsFailure, {"target_name": "gateway", "reply": "refused"}),
]


@pytest.fixture(scope="module")
def target(run: Run, image_of: Callable[[str], str]) -> Iterator[DockerTarget]:
    with network_lab(run, image_of) as target:
        yield target


def named(case: Case) -> str:
    return "-".join([case[0].name, *map(str, case[1].values())])


def timed(act: Callable[[DockerTarget], None], target: DockerTarget) -> float:
    clock = SystemClock()
    began_ns = clock.now_ns()
    act(target)
    return seconds_between(began_ns, clock.now_ns())


@pytest.mark.parametrize("case", CUTS, ids=named)
def test_a_cut_is_seen_by_the_peer_undone_and_read_back(
    target: DockerTarget, case: Case, record_property: Record
) -> None:
    fault = case[0](**case[1])
    before = fault.healthy(target)
    assert before.seen, before
    assert not fault.evidence(target).seen

    inject_s = timed(fault.inject, target)
    try:
        during = fault.evidence(target)
        assert during.seen, during
        assert not fault.healed(target).seen
    finally:
        heal_s = timed(fault.heal, target)

    after = fault.healed(target)
    assert after.seen, after
    record_property("inject_s", inject_s)
    record_property("heal_s", heal_s)
    assert max(inject_s, heal_s) < QUICK_LIMIT_S


def test_all_pairs_that_talk_and_run_are_among_these() -> None:
    assert {case[1]["target_name"] for case in CUTS if case[0] is Partition} >= set(STANDING)
    assert len(STANDING) == len(PAIRS) - 1


def test_a_cut_between_others_is_not_seen(target: DockerTarget) -> None:
    looked, elsewhere = (
        Partition(target_name="gateway|toxiproxy"),
        Partition(target_name="dr-agent|backup"),
    )
    assert looked.healthy(target).seen
    assert elsewhere.healthy(target).seen
    elsewhere.inject(target)
    try:
        assert not looked.evidence(target).seen
    finally:
        elsewhere.heal(target)


def test_a_service_that_is_down_is_no_partition(target: DockerTarget) -> None:
    fault = Partition(target_name="toxiproxy|primary-colorization")
    assert fault.healthy(target).seen
    target.kill([Part.PRIMARY_COLORIZATION])
    try:
        # its name is gone too, which only a network that was unplugged would explain
        assert not fault.evidence(target).seen
    finally:
        target.start(Part.PRIMARY_COLORIZATION)
        await_answers(target)


def test_healing_one_cut_leaves_another_at_the_same_part(target: DockerTarget) -> None:
    one = Partition(target_name="toxiproxy|primary-colorization")
    other = Partition(target_name="toxiproxy|backup")
    assert one.healthy(target).seen
    assert other.healthy(target).seen
    one.inject(target)
    other.inject(target)

    one.heal(target)

    assert one.healed(target).seen
    assert other.evidence(target).seen
    assert present(target, Part.TOXIPROXY, other.tag)
    other.heal(target)
    assert other.healed(target).seen


def test_the_same_cut_twice_is_refused_and_healed_by_another_process(target: DockerTarget) -> None:
    fault = Partition(target_name="dr-agent|backup")
    assert fault.healthy(target).seen
    fault.inject(target)

    with pytest.raises(EnvironmentProblem, match="already"):
        fault.inject(target)
    later = Partition(target_name="dr-agent|backup", memory=dict(fault.memory))
    later.heal(target)
    later.heal(target)

    assert later.healed(target).seen


def test_a_part_that_was_started_anew_has_no_rules_left(target: DockerTarget) -> None:
    fault = Partition(target_name="primary-agent|toxiproxy")
    assert fault.healthy(target).seen
    fault.inject(target)

    target.kill([Part.PRIMARY_AGENT])
    fault.heal(target)
    assert not fault.healed(target).seen
    target.start(Part.PRIMARY_AGENT)

    fault.heal(target)
    assert fault.healed(target).seen


def test_the_public_address_stays_when_the_gateway_is_unplugged(target: DockerTarget) -> None:
    fault = NetworkDetached(target_name="gateway|toxiproxy")
    before = target.endpoint(Part.GATEWAY, GATEWAY_PORT)
    assert fault.healthy(target).seen
    fault.inject(target)
    try:
        assert target.endpoint(Part.GATEWAY, GATEWAY_PORT) == before
    finally:
        fault.heal(target)

    assert fault.healed(target).seen
    assert target.endpoint(Part.GATEWAY, GATEWAY_PORT) == before


def test_the_aliases_of_an_unplugged_part_come_back(target: DockerTarget) -> None:
    fault = NetworkDetached(target_name="backup|toxiproxy")
    assert fault.healthy(target).seen
    fault.inject(target)
    fault.heal(target)

    assert fault.healed(target).seen
    assert target.execute(Part.DR_AGENT, ["getent", "hosts", "backup"]).exit_code == 0


def test_a_site_that_is_cold_cannot_be_cut_off(target: DockerTarget) -> None:
    assert not Partition(target_name=COLD).healthy(target).seen


def test_an_address_of_the_sixth_version_is_cut_too(target: DockerTarget) -> None:
    """The lab's networks have none, so a rule for one is only made, listed and removed."""
    insert(target, Part.GATEWAY, "colordrill-test-6", [to_address("fd00::1")])
    listed = present(target, Part.GATEWAY, "colordrill-test-6")
    remove(target, Part.GATEWAY, "colordrill-test-6")

    assert len(listed) == 1
    assert "fd00::1" in listed[0]
    assert present(target, Part.GATEWAY, "colordrill-test-6") == ()


def test_no_rule_of_any_fault_is_left_in_any_part(target: DockerTarget) -> None:
    for part in (Part.GATEWAY, Part.TOXIPROXY, Part.BACKUP, Part.PRIMARY_AGENT, Part.DR_AGENT):
        done = target.on_host(
            ["nsenter", "--target", str(target.pid(part)), "--net", "iptables-save"]
        )
        assert "colordrill-" not in done.stdout
