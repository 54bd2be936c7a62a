"""Faults of links against a Toxiproxy in memory; the real one is in tests/contract/fault."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault import network, network_slow
from colordrill.fault.network import NetworkBlackHole, NetworkCutAfter, NetworkDown, NetworkReset
from colordrill.fault.network_links import Direction, LinkFault
from colordrill.fault.network_slow import NetworkBandwidth, NetworkLatency, NetworkSlowClose
from colordrill.fault.protocol import Fault
from colordrill.stack.links import LinkName
from colordrill.stack.parts import Part
from fakes.clock import ManualClock
from fakes.toxiproxy import FakeToxiproxy, ToxicLab, fresh_links, toxic_lab

LINK = LinkName.GATEWAY_PRIMARY
KINDS: tuple[Any, ...] = (*network.FAULTS, *network_slow.FAULTS)


@pytest.fixture
def lab() -> Iterator[ToxicLab]:
    with toxic_lab() as lab:
        yield lab


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def fault(request: pytest.FixtureRequest) -> LinkFault:
    made: LinkFault = request.param(target_name=LINK)
    made.clock = ManualClock()
    return made


def spoiled(toxiproxy: FakeToxiproxy) -> list[str]:
    return [name for name, link in toxiproxy.links.items() if link.toxics or not link.enabled]


def test_the_peer_sees_it_during_and_neither_before_nor_after(
    fault: LinkFault, lab: ToxicLab
) -> None:
    assert fault.healthy(lab.target).seen
    assert not fault.evidence(lab.target).seen

    fault.inject(lab.target)
    assert fault.evidence(lab.target).seen
    assert spoiled(lab.toxiproxy) == [LINK]
    assert not fault.healed(lab.target).seen

    fault.heal(lab.target)
    assert fault.healed(lab.target).seen
    assert not fault.evidence(lab.target).seen
    assert spoiled(lab.toxiproxy) == []


def test_an_injection_without_effect_is_not_seen(fault: LinkFault, lab: ToxicLab) -> None:
    assert fault.healthy(lab.target).seen
    lab.unaffected = True
    fault.inject(lab.target)

    assert not fault.evidence(lab.target).seen


def test_a_peer_that_cannot_ask_is_no_evidence(fault: LinkFault, lab: ToxicLab) -> None:
    assert fault.healthy(lab.target).seen
    fault.inject(lab.target)
    lab.target.kill([Part.GATEWAY])

    seen = fault.evidence(lab.target)

    assert not seen.seen
    assert "no peer" in seen.detail


def test_a_server_that_says_yes_and_does_nothing_is_found_out(
    fault: LinkFault, lab: ToxicLab
) -> None:
    assert fault.healthy(lab.target).seen
    lab.toxiproxy.forgetful = True

    with pytest.raises(EnvironmentProblem, match="reads back"):
        fault.inject(lab.target)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_healing_is_safe_at_any_time_and_any_number_of_times(
    fault: LinkFault, lab: ToxicLab, times: int
) -> None:
    fault.heal(lab.target)
    assert lab.target.calls == []

    fault.healthy(lab.target)
    fault.heal(lab.target)
    fault.inject(lab.target)
    for _ in range(times):
        fault.heal(lab.target)

    assert fault.healed(lab.target).seen
    assert lab.target.calls == []


def test_what_it_remembers_is_json_and_enough_for_another_process(
    fault: LinkFault, lab: ToxicLab
) -> None:
    fault.healthy(lab.target)
    fault.inject(lab.target)

    later = type(fault)(target_name=LINK, memory=json.loads(json.dumps(fault.memory)))
    later.heal(lab.target)

    assert later.healed(lab.target).seen


def test_a_half_done_injection_is_healed(lab: ToxicLab) -> None:
    fault = NetworkLatency(target_name=LINK)
    fault.healthy(lab.target)
    other = NetworkLatency(target_name=LINK, direction="downstream")
    other.inject(lab.target)
    with pytest.raises(EnvironmentProblem, match="already"):
        fault.inject(lab.target)
    assert len(lab.toxiproxy.links[LINK].toxics) == 2

    fault.heal(lab.target)

    assert lab.toxiproxy.links[LINK].toxics == {}


def test_healing_leaves_the_toxics_of_others(lab: ToxicLab) -> None:
    late, hole = NetworkLatency(target_name=LINK), NetworkBlackHole(target_name=LINK)
    for each in (late, hole):
        each.healthy(lab.target)
        each.inject(lab.target)

    hole.heal(lab.target)

    assert set(lab.toxiproxy.links[LINK].toxics) == {
        "colordrill-network_latency-upstream",
        "colordrill-network_latency-downstream",
    }
    assert hole.healed(lab.target).seen
    assert late.evidence(lab.target).seen


def test_a_dead_control_api_is_replaced_and_only_the_read_back_heals(
    fault: LinkFault, lab: ToxicLab
) -> None:
    fault.healthy(lab.target)
    fault.inject(lab.target)
    lab.toxiproxy.dead = True

    with pytest.raises(EnvironmentProblem, match="links of a new Toxiproxy"):
        fault.heal(lab.target)
    assert lab.target.calls == [
        ("thaw", "toxiproxy"),
        ("kill", "toxiproxy"),
        ("start", "toxiproxy"),
    ]

    lab.toxiproxy.dead, lab.toxiproxy.links = False, fresh_links()
    assert fault.healed(lab.target).seen


def test_a_toxiproxy_that_is_gone_is_created_anew(lab: ToxicLab) -> None:
    fault = NetworkReset(target_name=LINK)
    fault.healthy(lab.target)
    fault.inject(lab.target)
    published = lab.target.parts[Part.TOXIPROXY].ports
    lab.target.remove(Part.TOXIPROXY)
    lab.toxiproxy.links = fresh_links()

    fault.clock = ManualClock()
    with pytest.raises(EnvironmentProblem):
        fault.heal(lab.target)  # the fake's new part has another port
    lab.target.parts[Part.TOXIPROXY].ports = dict(published)

    fault.heal(lab.target)

    assert ("recreate", "toxiproxy") in lab.target.calls
    assert fault.healed(lab.target).seen


def test_a_link_that_is_off_or_not_served_is_not_healthy(fault: LinkFault, lab: ToxicLab) -> None:
    lab.toxiproxy.links[LINK].enabled = False
    assert not fault.healthy(lab.target).seen

    lab.toxiproxy.links[LINK].enabled = True
    lab.target.kill([Part.GATEWAY])
    assert not fault.healthy(lab.target).seen


def test_a_peer_that_is_not_served_is_not_healed_though_no_toxic_is_left(
    fault: LinkFault, lab: ToxicLab
) -> None:
    fault.healthy(lab.target)
    fault.inject(lab.target)
    fault.heal(lab.target)
    lab.target.kill([Part.GATEWAY])

    assert not fault.healed(lab.target).seen


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", ["", "gateway", "GATEWAY-PRIMARY", "primary", None, 3])
def test_a_link_that_does_not_exist_is_an_unknown_name(kind: Any, name: object) -> None:
    with pytest.raises(UnknownName, match="link"):
        kind(target_name=name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("direction", ["", "up", "BOTH", None, True])
def test_a_direction_that_does_not_exist_is_an_unknown_name(kind: Any, direction: object) -> None:
    with pytest.raises(UnknownName, match="direction"):
        kind(target_name=LINK, direction=direction)


@pytest.mark.parametrize(
    ("kind", "direction"),
    [(NetworkSlowClose, "upstream"), (NetworkReset, "upstream"), (NetworkDown, "downstream")],
)
def test_a_direction_in_which_nothing_could_be_seen_is_refused(kind: Any, direction: str) -> None:
    with pytest.raises(UnknownName, match="direction"):
        kind(target_name=LINK, direction=direction)


@pytest.mark.parametrize(
    ("kind", "parameter", "bound"),
    [
        (NetworkLatency, "latency_ms", "60000"),
        (NetworkLatency, "jitter_ms", "250"),
        (NetworkBandwidth, "rate_kb_s", "100000"),
        (NetworkSlowClose, "delay_ms", "60000"),
        (NetworkCutAfter, "bytes", "1000000000"),
    ],
)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -1, 0.5, 365 * 86_400_000, True, "500", None], ids=str
)
def test_an_absurd_parameter_is_refused_with_its_bound(
    kind: Any, parameter: str, bound: str, value: object
) -> None:
    with pytest.raises(UsageProblem, match=parameter) as refused:
        kind(target_name=LINK, **{parameter: value})

    assert bound in refused.value.cause


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (NetworkLatency, "latency_ms"),
        (NetworkBandwidth, "rate_kb_s"),
        (NetworkSlowClose, "delay_ms"),
        (NetworkCutAfter, "bytes"),
    ],
)
def test_nothing_is_not_a_fault(kind: Any, parameter: str) -> None:
    with pytest.raises(UsageProblem, match=parameter):
        kind(target_name=LINK, **{parameter: 0})


@pytest.mark.parametrize(
    "fault",
    [
        NetworkBandwidth(target_name=LINK, rate_kb_s=5000),
        NetworkCutAfter(target_name=LINK, bytes=10**6),
    ],
    ids=["rate", "bytes"],
)
def test_what_the_peer_could_not_feel_is_refused_before_anything_is_touched(
    fault: LinkFault, lab: ToxicLab
) -> None:
    with pytest.raises(UsageProblem, match="could not"):
        fault.healthy(lab.target)

    assert spoiled(lab.toxiproxy) == []


def test_one_direction_spoils_one_stream(lab: ToxicLab) -> None:
    fault = NetworkLatency(target_name=LINK, direction=Direction.UPSTREAM)
    fault.inject(lab.target)

    assert [each["stream"] for each in lab.toxiproxy.links[LINK].toxics.values()] == ["upstream"]


def test_they_are_faults_that_describe_themselves() -> None:
    faults: list[Fault] = [kind(target_name=LINK) for kind in KINDS]

    assert len({fault.name for fault in faults}) == len(KINDS)
    for fault in faults:
        assert fault.about.effect
        assert fault.about.incidents
        assert len(fault.about.targets) == len(LinkName)
