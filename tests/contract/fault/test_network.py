"""Every fault of a link, on real links: seen by the peer, undone, read back, and quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.clock import SystemClock, seconds_between
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.fault import network, network_slow
from colordrill.fault.network import NetworkBlackHole, NetworkCutAfter, NetworkDown, NetworkReset
from colordrill.fault.network_links import LinkFault
from colordrill.fault.network_slow import NetworkBandwidth, NetworkLatency, NetworkSlowClose
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.links import LinkName, toxiproxy_of
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run
from fakes.network_lab import await_answers, network_lab, restore

pytestmark = pytest.mark.docker

Record = Callable[[str, object], None]

INJECT_LIMIT_S = 0.25
"""The bound of each injection and each cure on a warm stack."""

QUICK_LIMIT_S = 1.0
"""What a test holds them to: another process may take a core for a while."""

Case = tuple[type[LinkFault], dict[str, Any]]
CASES: list[Case] = [
    (NetworkLatency, {"latency_ms": 200}),
    (NetworkLatency, {"latency_ms": 200, "jitter_ms": 50, "direction": "upstream"}),
    (NetworkLatency, {"latency_ms": 60_000, "direction": "downstream"}),
    (NetworkBandwidth, {"rate_kb_s": 5}),
    (NetworkBandwidth, {"rate_kb_s": 3, "direction": "upstream"}),
    (NetworkBandwidth, {"rate_kb_s": 3, "direction": "downstream"}),
    (NetworkSlowClose, {"delay_ms": 400}),
    (NetworkBlackHole, {}),
    (NetworkBlackHole, {"direction": "upstream"}),
    (NetworkBlackHole, {"direction": "downstream"}),
    (NetworkReset, {}),
    (NetworkCutAfter, {"bytes": 100}),
    (NetworkCutAfter, {"bytes": 100, "direction": "upstream"}),
    (NetworkCutAfter, {"bytes": 1, "direction": "downstream"}),
    (NetworkDown, {}),
]


def named(case: Case) -> str:
    return "-".join([case[0].name, *map(str, case[1].values())])


EVERYWHERE = [
    case for case in CASES if "direction" not in case[1] or case[1]["direction"] == "upstream"
]
"""Servers that speak first and such that are asked first differ in these."""

PLACES = [(case, LinkName.GATEWAY_PRIMARY) for case in CASES] + [
    (case, link) for link in list(LinkName)[1:] for case in EVERYWHERE
]


@pytest.fixture(scope="module")
def target(run: Run, image_of: Callable[[str], str]) -> Iterator[DockerTarget]:
    with network_lab(run, image_of) as target:
        yield target


@pytest.fixture
def broken(target: DockerTarget) -> Iterator[DockerTarget]:
    """For tests that leave Toxiproxy in pieces."""
    yield target
    restore(target)


def timed(act: Callable[[DockerTarget], None], target: DockerTarget) -> float:
    clock = SystemClock()
    began_ns = clock.now_ns()
    act(target)
    return seconds_between(began_ns, clock.now_ns())


@pytest.mark.parametrize(
    ("case", "link"), PLACES, ids=[f"{named(case)}-{link}" for case, link in PLACES]
)
def test_a_fault_is_seen_by_the_peer_undone_and_read_back(
    target: DockerTarget,
    case: Case,
    link: LinkName,
    record_property: Record,
) -> None:
    fault = case[0](target_name=link, **case[1])
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
    assert toxiproxy_of(target).unhealthy_links() == ()
    record_property("inject_s", inject_s)
    record_property("heal_s", heal_s)
    assert max(inject_s, heal_s) < QUICK_LIMIT_S


def test_every_fault_is_among_these() -> None:
    assert {case[0] for case in CASES} == {*network.FAULTS, *network_slow.FAULTS}


@pytest.mark.parametrize("case", [case for case in CASES if len(case[1]) < 2], ids=named)
def test_an_injection_that_the_peers_link_does_not_feel_is_not_seen(
    target: DockerTarget, case: Case
) -> None:
    looked = case[0](target_name=LinkName.PRIMARY_GIT, **case[1])
    elsewhere = case[0](target_name=LinkName.PRIMARY_BACKUP, **case[1])
    assert looked.healthy(target).seen
    assert elsewhere.healthy(target).seen

    elsewhere.inject(target)
    try:
        assert not looked.evidence(target).seen
    finally:
        elsewhere.heal(target)

    assert elsewhere.healed(target).seen


def test_inject_and_heal_keep_to_the_bound_at_the_median(
    target: DockerTarget, record_property: Record
) -> None:
    faults = [case[0](target_name=LinkName.PRIMARY_BACKUP, **case[1]) for case in CASES]
    times = []
    for fault in faults:
        fault.memory["began"] = True
        times += [timed(fault.inject, target), timed(fault.heal, target)]

    times.sort()
    record_property("median_s", times[len(times) // 2])
    record_property("worst_s", times[-1])
    assert times[len(times) // 2] < INJECT_LIMIT_S


def test_two_faults_on_one_link_are_undone_one_by_one(target: DockerTarget) -> None:
    late = NetworkLatency(target_name="gateway-primary", latency_ms=100)
    hole = NetworkBlackHole(target_name="gateway-primary")
    assert late.healthy(target).seen
    assert hole.healthy(target).seen

    late.inject(target)
    hole.inject(target)
    hole.heal(target)
    assert late.evidence(target).seen
    late.heal(target)

    assert late.healed(target).seen
    assert hole.healed(target).seen


def test_the_same_fault_twice_is_refused_and_healed_once(target: DockerTarget) -> None:
    fault = NetworkReset(target_name="primary-backup")
    assert fault.healthy(target).seen
    fault.inject(target)

    with pytest.raises(EnvironmentProblem, match="already"):
        fault.inject(target)
    fault.heal(target)
    fault.heal(target)

    assert fault.healed(target).seen


def test_another_process_heals_from_memory_alone(target: DockerTarget) -> None:
    fault = NetworkCutAfter(target_name="primary-storage", bytes=50)
    assert fault.healthy(target).seen
    fault.inject(target)

    later = NetworkCutAfter(target_name="primary-storage", bytes=50, memory=dict(fault.memory))
    later.heal(target)

    assert later.healed(target).seen


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [(NetworkBandwidth, {"rate_kb_s": 90_000}), (NetworkCutAfter, {"bytes": 900_000})],
    ids=["rate", "bytes"],
)
@pytest.mark.parametrize("link", LinkName)
def test_what_no_request_of_the_peer_would_feel_is_refused_with_the_bound(
    target: DockerTarget, kind: type[LinkFault], parameters: dict[str, Any], link: LinkName
) -> None:
    with pytest.raises(UsageProblem, match=r"must be (at most|less than) \d+"):
        kind(target_name=link, **parameters).healthy(target)

    assert toxiproxy_of(target).unhealthy_links() == ()


def wreck_by_freezing(target: DockerTarget) -> None:
    target.freeze(Part.TOXIPROXY)


def wreck_by_killing(target: DockerTarget) -> None:
    target.kill([Part.TOXIPROXY])


def wreck_by_removing(target: DockerTarget) -> None:
    target.remove(Part.TOXIPROXY)


def wreck_by_replacing(target: DockerTarget) -> None:
    target.recreate(Part.TOXIPROXY)


@pytest.mark.parametrize(
    "wreck", [wreck_by_freezing, wreck_by_killing, wreck_by_removing, wreck_by_replacing]
)
@pytest.mark.parametrize("kind", [NetworkLatency, NetworkDown], ids=lambda kind: kind.name)
def test_a_toxiproxy_that_is_stuck_dead_gone_or_replaced_is_healed_by_what_is_read_back(
    broken: DockerTarget,
    kind: type[LinkFault],
    wreck: Callable[[DockerTarget], None],
    record_property: Record,
) -> None:
    fault = kind(target_name="gateway-primary")
    assert fault.healthy(broken).seen
    fault.inject(broken)

    wreck(broken)
    record_property("heal_s", timed(fault.heal, broken))
    await_answers(broken)

    after = fault.healed(broken)
    assert after.seen, after
    assert toxiproxy_of(broken).unhealthy_links() == ()
    assert broken.state(Part.TOXIPROXY).running


def test_a_toxiproxy_that_came_back_spoiled_is_not_healed(broken: DockerTarget) -> None:
    fault = NetworkLatency(target_name="gateway-primary")
    assert fault.healthy(broken).seen
    fault.inject(broken)
    broken.recreate(Part.TOXIPROXY)
    await_answers(broken)
    fault.inject(broken)

    assert not fault.healed(broken).seen

    fault.heal(broken)
    assert fault.healed(broken).seen


def test_a_link_that_is_off_already_is_not_healthy(target: DockerTarget) -> None:
    down = NetworkDown(target_name="primary-git")
    assert down.healthy(target).seen
    down.inject(target)
    try:
        assert not NetworkLatency(target_name="primary-git").healthy(target).seen
    finally:
        down.heal(target)


def test_a_peer_that_is_down_is_no_evidence(broken: DockerTarget) -> None:
    fault = NetworkDown(target_name="primary-git")
    assert fault.healthy(broken).seen
    fault.inject(broken)
    broken.kill([Part.PRIMARY_AGENT])
    try:
        seen = fault.evidence(broken)
    finally:
        broken.start(Part.PRIMARY_AGENT)
        fault.heal(broken)

    assert not seen.seen
    assert "no peer" in seen.detail
