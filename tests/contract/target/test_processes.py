"""Stop, signal, freeze, limit, restart policy, the privileged helper: the same of every Target."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from colordrill.clock import SystemClock, poll, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import PartState, Target
from fakes.labs import RUNNING, STANDBY, Lab

AGENT = Part.PRIMARY_AGENT
KILLED, TERMINATED, TIMED_OUT = 137, 143, 124
WITHIN_S = 10.0


def awaited(lab: Lab, part: Part, holds: Callable[[PartState], bool]) -> PartState:
    return poll(
        SystemClock(),
        lambda: state if holds(state := lab.target.state(part)) else None,
        awaited=f"another state of {part}",
        timeout_s=WITHIN_S,
        every_s=0.02,
    )


def restarted_since(count: int, state: PartState) -> bool:
    return state.running and state.restarts > count


def test_a_stopped_part_ends_by_sigterm_and_stays_down(lab: Lab) -> None:
    lab.target.stop(AGENT)

    state = lab.target.state(AGENT)
    assert (state.running, state.exit_code, state.restarts) == (False, TERMINATED, 0)


def test_a_part_stopped_without_grace_is_killed(lab: Lab) -> None:
    lab.target.stop(AGENT, grace_s=0)

    assert lab.target.state(AGENT).exit_code in {KILLED, TERMINATED}


def test_stopping_what_is_down_is_no_error(lab: Lab) -> None:
    lab.target.stop(AGENT)
    before = lab.target.state(AGENT)

    lab.target.stop(AGENT)
    lab.target.stop(STANDBY)

    assert lab.target.state(AGENT) == before


def test_a_frozen_part_can_be_stopped_killed_and_started_again(lab: Lab) -> None:
    for end in (lab.target.stop, lambda part: lab.target.kill([part])):
        lab.target.freeze(AGENT)
        end(AGENT)
        state = lab.target.state(AGENT)
        assert (state.running, state.frozen) == (False, False)

        lab.target.start(AGENT)
        assert lab.target.execute(AGENT, ["true"]).exit_code == 0


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", KILLED), ("SIGTERM", TERMINATED)])
def test_a_signal_from_outside_ends_the_service_with_its_code(
    lab: Lab, name: str, code: int
) -> None:
    lab.target.set_restart_policy(AGENT, "no")

    lab.target.signal(AGENT, name)

    state = awaited(lab, AGENT, lambda state: not state.running)
    assert (state.exit_code, state.restarts) == (code, 0)


def test_a_signal_from_outside_leaves_the_restart_policy_in_force(lab: Lab) -> None:
    for _ in range(2):
        before, pid = lab.target.state(AGENT).restarts, lab.target.pid(AGENT)

        lab.target.signal(AGENT, "SIGKILL")

        after = awaited(lab, AGENT, partial(restarted_since, before))
        assert after.restarts == before + 1
        assert lab.target.pid(AGENT) != pid


def test_a_signal_that_ends_nobody_ends_nobody(lab: Lab) -> None:
    before, pid = lab.target.state(AGENT), lab.target.pid(AGENT)

    lab.target.signal(AGENT, "SIGSTOP")
    lab.target.signal(AGENT, "SIGCONT")

    assert (lab.target.state(AGENT), lab.target.pid(AGENT)) == (before, pid)


@pytest.mark.parametrize("name", ["SIGNONE", "", "9 1", "KILL;true"])
def test_a_signal_that_does_not_exist_is_named_and_not_sent(lab: Lab, name: str) -> None:
    with pytest.raises(EnvironmentProblem, match=AGENT) as caught:
        lab.target.signal(AGENT, name)

    assert caught.value.next_step
    assert lab.target.state(AGENT).running


def test_a_frozen_part_runs_nothing_until_it_is_thawed(lab: Lab) -> None:
    before = lab.target.state(AGENT)

    lab.target.freeze(AGENT)

    frozen = lab.target.state(AGENT)
    assert (frozen.running, frozen.frozen, frozen.networks) == (True, True, before.networks)
    with pytest.raises(EnvironmentProblem, match=AGENT):
        lab.target.execute(AGENT, ["true"])
    lab.target.thaw(AGENT)
    assert lab.target.state(AGENT) == before
    assert lab.target.execute(AGENT, ["true"]).exit_code == 0


def test_freezing_and_thawing_twice_is_as_good_as_once(lab: Lab) -> None:
    before = lab.target.state(AGENT)

    lab.target.freeze(AGENT)
    lab.target.freeze(AGENT)
    assert lab.target.state(AGENT).frozen
    lab.target.thaw(AGENT)
    lab.target.thaw(AGENT)

    assert lab.target.state(AGENT) == before


def test_starting_a_frozen_part_leaves_it_frozen(lab: Lab) -> None:
    lab.target.freeze(AGENT)

    lab.target.start(AGENT)

    assert lab.target.state(AGENT).frozen


def test_thawing_what_is_down_is_no_error(lab: Lab) -> None:
    lab.target.thaw(STANDBY)

    assert not lab.target.state(STANDBY).running


def test_a_memory_limit_is_set_and_lifted_while_it_runs(lab: Lab) -> None:
    before = lab.target.state(AGENT)

    lab.target.limit_memory(AGENT, 100)
    lab.target.limit_memory(AGENT, 50)
    lab.target.limit_memory(AGENT, None)
    lab.target.limit_memory(AGENT, None)

    assert lab.target.state(AGENT) == before


def test_a_memory_limit_is_lifted_of_a_part_that_it_ended(lab: Lab) -> None:
    lab.target.limit_memory(AGENT, 50)
    lab.target.kill([AGENT])

    lab.target.limit_memory(AGENT, None)
    lab.target.start(AGENT)

    assert lab.target.state(AGENT).running


@pytest.mark.parametrize("limit_mb", [0.001, 1])
def test_a_memory_limit_too_low_for_any_process_is_refused(lab: Lab, limit_mb: float) -> None:
    with pytest.raises(EnvironmentProblem, match=AGENT) as caught:
        lab.target.limit_memory(AGENT, limit_mb)

    assert caught.value.next_step
    assert lab.target.state(AGENT).running


def test_a_restart_policy_can_be_taken_away_and_given_back(lab: Lab) -> None:
    lab.target.set_restart_policy(AGENT, "no")
    assert lab.target.description(AGENT).restart == "no"
    lab.crash(AGENT)
    awaited(lab, AGENT, lambda state: not state.running)

    lab.target.set_restart_policy(AGENT, "unless-stopped")
    lab.target.start(AGENT)
    lab.crash(AGENT)

    assert awaited(lab, AGENT, lambda state: state.running and state.restarts > 0)


def test_a_restart_policy_that_does_not_exist_is_refused(lab: Lab) -> None:
    with pytest.raises(EnvironmentProblem, match="sometimes") as caught:
        lab.target.set_restart_policy(AGENT, "sometimes")

    assert caught.value.next_step
    assert lab.target.description(AGENT).restart == "unless-stopped"


@pytest.mark.parametrize(
    "act",
    [
        lambda target: target.signal(STANDBY, "SIGKILL"),
        lambda target: target.freeze(STANDBY),
        lambda target: target.limit_memory(STANDBY, 50),
        lambda target: target.pid(STANDBY),
    ],
    ids=["signal", "freeze", "limit_memory", "pid"],
)
def test_what_needs_a_running_part_names_the_one_that_is_down(
    lab: Lab, act: Callable[[Target], object]
) -> None:
    with pytest.raises(EnvironmentProblem, match=STANDBY) as caught:
        act(lab.target)

    assert caught.value.next_step


def test_each_running_part_has_a_process_id_of_its_own(lab: Lab) -> None:
    assert len({lab.target.pid(part) for part in RUNNING}) == len(RUNNING)


def test_commands_on_the_host_tell_code_output_and_errors_apart(lab: Lab) -> None:
    done = lab.target.on_host(["sh", "-c", "echo out; echo err >&2; exit 7"])

    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert lab.target.on_host(["printf", "%s", "$HOME `id`"]).stdout == "$HOME `id`"
    assert lab.target.on_host(["no-such-program"]).exit_code == 127


def test_a_command_on_the_host_that_outlasts_its_limit_is_ended_in_time(lab: Lab) -> None:
    clock = SystemClock()
    began_ns = clock.now_ns()

    assert lab.target.on_host(["sleep", "60"], timeout_s=0.5).exit_code == TIMED_OUT

    assert seconds_between(began_ns, clock.now_ns()) < WITHIN_S
