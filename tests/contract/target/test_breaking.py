"""State, kill, start, isolate, rejoin: the same of every Target."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.stack.parts import Part
from colordrill.stack.target import Capability, PartState
from fakes.labs import ABSENT, RUNNING, STANDBY, Lab

AGENT, BACKUP = Part.PRIMARY_AGENT, Part.BACKUP
KILLED = 137
RESTARTS_WITHIN_S = 1.0
"""An engine restarts a container that died by itself some 0.1 s later."""


def test_the_target_says_what_it_can_do(lab: Lab) -> None:
    assert lab.target.capabilities == frozenset(Capability)


def test_an_absent_part_has_a_state_that_says_so(lab: Lab) -> None:
    assert lab.target.state(ABSENT) == PartState(
        exists=False, running=False, exit_code=None, networks=()
    )


def test_a_running_part_is_on_its_networks_and_has_no_exit_code(lab: Lab) -> None:
    state = lab.target.state(AGENT)

    assert state == PartState(exists=True, running=True, exit_code=None, networks=(lab.network,))
    networks = lab.target.state(BACKUP).networks
    assert len(networks) == 2
    assert list(networks) == sorted(networks)


def test_a_part_that_was_never_started_exists_and_has_no_exit_code(lab: Lab) -> None:
    state = lab.target.state(STANDBY)

    assert (state.exists, state.running, state.exit_code) == (True, False, None)


def test_killed_parts_are_down_at_once_and_stay_down_despite_their_restart_policy(
    lab: Lab,
) -> None:
    lab.target.kill([AGENT, BACKUP])

    assert lab.target.state(AGENT).exit_code == lab.target.state(BACKUP).exit_code == KILLED
    with pytest.raises(WaitExpired):
        poll(
            SystemClock(),
            lambda: lab.target.state(AGENT).running or lab.target.state(BACKUP).running or None,
            awaited="a restart that must not come",
            timeout_s=RESTARTS_WITHIN_S,
        )


def test_a_part_that_ends_by_itself_is_started_again_and_that_is_counted(lab: Lab) -> None:
    before = lab.target.state(AGENT).restarts

    lab.crash(AGENT)

    restarted = poll(
        SystemClock(),
        lambda: state if (state := lab.target.state(AGENT)).restarts > before else None,
        awaited="the engine's restart",
        timeout_s=10.0,
    )
    assert restarted.restarts == before + 1
    lab.target.kill([AGENT])
    lab.target.start(AGENT)
    assert lab.target.state(AGENT).restarts == 0


def test_a_part_says_when_it_began_to_run_the_last_time(lab: Lab) -> None:
    first = lab.target.state(AGENT).started_at
    assert first is not None
    assert first.tzinfo is not None

    lab.target.kill([AGENT])

    assert lab.target.state(AGENT).started_at == first
    lab.target.start(AGENT)
    second = lab.target.state(AGENT).started_at
    assert second is not None
    assert second > first
    assert lab.target.state(STANDBY).started_at is None
    assert lab.target.state(ABSENT).started_at is None


def test_killing_what_is_down_already_is_no_error(lab: Lab) -> None:
    lab.target.kill([AGENT])
    before = lab.target.state(AGENT)

    lab.target.kill([AGENT, STANDBY])

    assert lab.target.state(AGENT) == before
    assert not lab.target.state(STANDBY).running


def test_killing_a_part_named_twice_kills_it(lab: Lab) -> None:
    lab.target.kill([AGENT, AGENT])

    assert not lab.target.state(AGENT).running


def test_killing_nobody_kills_nobody(lab: Lab) -> None:
    lab.target.kill([])

    assert all(lab.target.state(part).running for part in RUNNING)


def test_a_killed_part_keeps_its_networks(lab: Lab) -> None:
    before = lab.target.state(BACKUP).networks

    lab.target.kill([BACKUP])

    assert lab.target.state(BACKUP).networks == before


def test_a_killed_part_starts_again(lab: Lab) -> None:
    before = lab.target.state(AGENT)
    lab.target.kill([AGENT])

    lab.target.start(AGENT)

    assert lab.target.state(AGENT) == before


def test_starting_what_runs_is_no_error(lab: Lab) -> None:
    lab.target.start(AGENT)
    lab.target.start(AGENT)

    assert lab.target.state(AGENT).running


def test_an_isolated_part_is_on_no_network_and_reaches_nobody(lab: Lab) -> None:
    assert lab.resolves(AGENT, "backup")

    lab.target.isolate(AGENT)

    assert lab.target.state(AGENT).networks == ()
    assert lab.target.state(AGENT).running
    assert not lab.resolves(AGENT, "backup")
    assert not lab.resolves(Part.GATEWAY, "primary-agent")


def test_a_rejoined_part_is_found_by_all_its_names_again(lab: Lab) -> None:
    before = lab.target.state(BACKUP)
    assert lab.resolves(AGENT, "store")

    lab.target.rejoin(BACKUP, lab.target.isolate(BACKUP))

    assert lab.target.state(BACKUP) == before
    assert lab.resolves(AGENT, "backup")
    assert lab.resolves(AGENT, "store")
    assert lab.resolves(BACKUP, "primary-agent")


def test_isolating_and_rejoining_twice_is_as_good_as_once(lab: Lab) -> None:
    before = lab.target.state(BACKUP)

    networks = lab.target.isolate(BACKUP)
    assert lab.target.isolate(BACKUP) == {}
    assert lab.target.state(BACKUP).networks == ()
    lab.target.rejoin(BACKUP, networks)
    lab.target.rejoin(BACKUP, networks)

    assert lab.target.state(BACKUP) == before
    assert lab.resolves(AGENT, "store")


def test_a_part_can_be_detached_from_one_network_and_keep_the_others(lab: Lab) -> None:
    before = lab.target.state(BACKUP)

    networks = lab.target.isolate(BACKUP, [lab.network, "no-such-network"])

    assert set(networks) == {lab.network}
    assert lab.target.state(BACKUP).networks == tuple(
        name for name in before.networks if name != lab.network
    )
    assert not lab.resolves(AGENT, "store")
    lab.target.rejoin(BACKUP, networks)
    assert lab.target.state(BACKUP) == before
    assert lab.resolves(AGENT, "store")


def test_detaching_from_no_network_changes_nothing(lab: Lab) -> None:
    before = lab.target.state(BACKUP)

    assert lab.target.isolate(BACKUP, []) == {}

    assert lab.target.state(BACKUP) == before


def test_rejoining_what_was_never_isolated_changes_nothing(lab: Lab) -> None:
    before = lab.target.state(AGENT)

    lab.target.rejoin(AGENT, {})
    lab.target.rejoin(AGENT, lab.networks[AGENT])

    assert lab.target.state(AGENT) == before


def test_a_host_that_lost_power_comes_back_whole(lab: Lab) -> None:
    """Killed, cut off while down, attached while down, started: as the fault and its cure do."""
    before = lab.target.state(BACKUP)

    lab.target.kill([BACKUP])
    networks = lab.target.isolate(BACKUP)
    assert lab.target.state(BACKUP).networks == ()
    lab.target.rejoin(BACKUP, networks)
    lab.target.start(BACKUP)

    assert lab.target.state(BACKUP) == before
    assert lab.resolves(AGENT, "backup")
    assert lab.resolves(AGENT, "store")


def test_an_isolated_part_can_be_cut_off_again_after_it_rejoined(lab: Lab) -> None:
    for _ in range(2):
        networks = lab.target.isolate(AGENT)
        assert lab.target.state(AGENT).networks == ()
        lab.target.rejoin(AGENT, networks)

    assert lab.resolves(Part.GATEWAY, "primary-agent")


@pytest.mark.parametrize(
    "act",
    [
        lambda target: target.start(ABSENT),
        lambda target: target.kill([ABSENT]),
        lambda target: target.isolate(ABSENT),
        lambda target: target.rejoin(ABSENT, {}),
        lambda target: target.execute(ABSENT, ["true"]),
        lambda target: target.put_files(ABSENT, "input", {"a": b""}),
        lambda target: target.endpoint(ABSENT, 80),
        lambda target: target.stop(ABSENT),
        lambda target: target.signal(ABSENT, "SIGKILL"),
        lambda target: target.freeze(ABSENT),
        lambda target: target.thaw(ABSENT),
        lambda target: target.limit_memory(ABSENT, 50),
        lambda target: target.limit_memory(ABSENT, None),
        lambda target: target.set_restart_policy(ABSENT, "no"),
        lambda target: target.description(ABSENT),
        lambda target: target.pid(ABSENT),
        lambda target: target.recreate(ABSENT),
    ],
    ids=[
        *("start", "kill", "isolate", "rejoin", "execute", "put_files", "endpoint"),
        *("stop", "signal", "freeze", "thaw", "limit_memory", "unlimit_memory"),
        *("set_restart_policy", "description", "pid", "recreate"),
    ],
)
def test_acting_on_an_absent_part_names_it_and_the_next_step(lab: Lab, act: object) -> None:
    assert callable(act)

    with pytest.raises(EnvironmentProblem, match=ABSENT) as caught:
        act(lab.target)

    assert caught.value.next_step


def test_one_absent_part_among_several_spares_the_others(lab: Lab) -> None:
    with pytest.raises(EnvironmentProblem):
        lab.target.kill([AGENT, ABSENT])

    assert lab.target.state(AGENT).running


def test_many_may_look_at_once(lab: Lab) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lab.target.state, [*RUNNING] * 8))

    assert all(state.running for state in states)
