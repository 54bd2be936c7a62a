"""What only an engine and a kernel can show: labels, the out-of-memory killer, packet filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.runs import RUN_LABEL, Run
from colordrill.stack.target import PartChanges
from fakes.labs import Lab, docker_lab

pytestmark = pytest.mark.docker

AGENT = Part.PRIMARY_AGENT
HOG = "import time; time.sleep(1); whole = bytearray(300_000_000); time.sleep(60)"


@pytest.fixture(scope="module")
def lab(run: Run, image_of: Callable[[str], str]) -> Iterator[Lab]:
    """The parts in containers."""
    with docker_lab(run, image_of("backup"), image_of("host")) as lab:
        yield lab


def test_a_part_that_outgrows_its_limit_is_ended_and_the_state_says_why(lab: Lab) -> None:
    lab.target.recreate(AGENT, PartChanges(entrypoint=("python3", "-c", HOG), restart="no"))
    assert not lab.target.state(AGENT).out_of_memory

    lab.target.limit_memory(AGENT, 50)

    state = poll(
        SystemClock(),
        lambda: None if (state := lab.target.state(AGENT)).running else state,
        awaited="the end of what outgrew its limit",
        timeout_s=20.0,
    )
    assert (state.exit_code, state.out_of_memory) == (137, True)
    lab.target.start(AGENT)
    assert not lab.target.state(AGENT).out_of_memory


def test_a_lifted_limit_ends_nobody(lab: Lab) -> None:
    lab.target.recreate(AGENT)
    lab.target.limit_memory(AGENT, 50)
    lab.target.limit_memory(AGENT, None)

    used = lab.target.execute(AGENT, ["python3", "-c", "bytearray(200_000_000)"])

    assert used.exit_code == 0
    assert not lab.target.state(AGENT).out_of_memory


def test_a_limit_that_the_engine_refuses_is_told_with_what_is_in_use(lab: Lab) -> None:
    with pytest.raises(EnvironmentProblem, match=r"to 1 MB, of which it uses \d+") as caught:
        lab.target.limit_memory(AGENT, 1)

    assert "more than it uses" in caught.value.next_step


def test_what_was_created_anew_belongs_to_the_run_so_that_its_sweep_finds_it(
    lab: Lab, run: Run, engine: Any
) -> None:
    lab.target.recreate(AGENT, PartChanges(environment={"A": "1"}))

    mine = {"label": [f"{RUN_LABEL}={run.id}", f"com.docker.compose.service={AGENT}"]}
    (container,) = engine.containers.list(all=True, filters=mine)
    assert "A=1" in container.attrs["Config"]["Env"]


def test_packets_are_filtered_in_a_parts_own_network_and_nowhere_else(lab: Lab) -> None:
    inside = ["nsenter", "--target", str(lab.target.pid(AGENT)), "--net", "iptables", "--wait"]
    rule = ["OUTPUT", "--protocol", "udp", "--dport", "53", "--jump", "DROP"]
    add, remove = ([*inside, verb, *rule] for verb in ("--append", "--delete"))

    assert lab.target.on_host(add).exit_code == 0

    listed = ["iptables", "--wait", "--check", *rule]
    assert lab.target.on_host([*inside, "--check", *rule]).exit_code == 0
    assert lab.target.on_host(listed).exit_code != 0
    assert lab.target.on_host(remove).exit_code == 0
