from __future__ import annotations

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.host import HostPowerLoss
from colordrill.fault.injection import Injection
from colordrill.fault.planned import Planned
from colordrill.history import Event, History
from colordrill.scenario.fault_spec import FaultSpec
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakeTarget

PRIMARY = parts_of(Site.PRIMARY)


@pytest.fixture
def fault() -> HostPowerLoss:
    return HostPowerLoss(target_name="primary")


def strike(fault: HostPowerLoss, target: FakeTarget) -> None:
    """Look before, as every injection does, then inject."""
    fault.healthy(target)
    fault.inject(target)


def test_the_whole_site_dies_in_one_blow_and_its_networks_are_cut(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    strike(fault, target)

    assert target.calls[0] == ("kill", *PRIMARY)
    for part in PRIMARY:
        state = target.state(part)
        assert (state.running, state.networks, state.exit_code) == (False, (), 137)
    assert target.state(Part.GATEWAY).running


def test_the_gateway_sees_the_site_before_misses_it_during_and_sees_it_after(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    assert fault.healthy(target).seen
    assert not fault.evidence(target).seen

    strike(fault, target)
    assert fault.evidence(target).seen
    assert not fault.healed(target).seen

    fault.heal(target)
    assert fault.healed(target).seen
    assert not fault.evidence(target).seen


def test_the_cure_brings_networks_back_before_it_starts_anything(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    strike(fault, target)
    target.calls.clear()

    fault.heal(target)

    assert [call[0] for call in target.calls] == ["rejoin"] * len(PRIMARY) + ["start"] * len(
        PRIMARY
    )


def test_what_was_down_before_stays_down_and_untouched(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    target.parts[Part.PRIMARY_MIRROR].running = False
    target.parts[Part.PRIMARY_MIRROR].exit_code = 3

    strike(fault, target)
    fault.heal(target)

    assert fault.healed(target).seen
    assert target.state(Part.PRIMARY_MIRROR).exit_code == 3
    assert not any(Part.PRIMARY_MIRROR in call for call in target.calls)


def test_a_site_that_is_down_altogether_cannot_lose_power(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    for part in PRIMARY:
        target.parts[part].running = False

    with pytest.raises(EnvironmentProblem, match="nothing runs at primary"):
        strike(fault, target)
    fault.heal(target)

    assert target.calls == []


def test_a_part_that_does_not_exist_is_passed_over(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    del target.parts[Part.PRIMARY_MIRROR]

    strike(fault, target)
    fault.heal(target)

    assert fault.healed(target).seen


@pytest.mark.parametrize("times", [1, 2, 3])
def test_healing_is_safe_at_any_time_and_any_number_of_times(
    fault: HostPowerLoss, target: FakeTarget, times: int
) -> None:
    fault.heal(target)
    assert target.calls == []

    strike(fault, target)
    for _ in range(times):
        fault.heal(target)

    assert fault.healed(target).seen


@pytest.mark.parametrize("method", ["kill", "isolate"])
def test_a_half_done_injection_can_be_healed(
    fault: HostPowerLoss, target: FakeTarget, method: str
) -> None:
    target.broken[method] = EnvironmentProblem("the engine hiccupped")
    with pytest.raises(EnvironmentProblem):
        strike(fault, target)
    target.broken.clear()

    fault.heal(target)

    assert fault.healed(target).seen


def test_the_read_back_names_what_is_not_as_it_was(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    strike(fault, target)
    fault.heal(target)
    target.parts[Part.PRIMARY_AGENT].networks.clear()

    found = fault.healed(target)

    assert not found.seen
    assert Part.PRIMARY_AGENT in found.detail


def test_a_part_that_died_again_is_not_healed(fault: HostPowerLoss, target: FakeTarget) -> None:
    strike(fault, target)
    fault.heal(target)
    target.kill([Part.PRIMARY_STORAGE])

    assert not fault.healed(target).seen


@pytest.mark.parametrize("name", ["dr", "", "PRIMARY", "primary ", "primary-agent", "../primary"])
def test_only_a_site_whose_loss_has_a_witness_can_lose_power(name: str) -> None:
    with pytest.raises(UnknownName, match="site to lose power"):
        HostPowerLoss(target_name=name)


def test_the_whole_course_against_a_stack_in_memory(
    fault: HostPowerLoss,
    target: FakeTarget,
    history: History,
    clock: ManualClock,
    events: list[Event],
) -> None:
    before = {part: target.state(part) for part in Part}

    planned = Planned(FaultSpec("host_power_loss", "primary"), fault)
    with Injection([planned], target, history, clock) as injection:
        injection.strike()
        assert not any(target.state(part).running for part in PRIMARY)

    assert {part: target.state(part) for part in Part} == before
    assert [(event.kind, event.type.value) for event in events] == [
        ("fault", "invoke"),
        ("fault", "ok"),
        ("evidence", "note"),
        ("heal", "invoke"),
        ("heal", "ok"),
    ]
    assert events[2].data["seen"] is True


def test_networks_that_a_half_done_injection_did_not_tell_are_joined_by_the_parts_own_names(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    fault.healthy(target)
    before = {part: target.state(part).networks for part in PRIMARY}
    target.kill(PRIMARY)
    for part in PRIMARY:
        target.isolate(part)

    fault.heal(target)

    assert {part: target.state(part).networks for part in PRIMARY} == before
    assert fault.healed(target).seen


def test_a_gateway_that_cannot_ask_has_seen_no_loss(
    fault: HostPowerLoss, target: FakeTarget
) -> None:
    strike(fault, target)
    target.programs["bash"] = lambda _part, _command: Executed(126, "", "no such container")

    assert not fault.evidence(target).seen
