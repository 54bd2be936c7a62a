from __future__ import annotations

from collections.abc import Sequence

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.recover.gateway import SHOW_STATISTICS, active_sites, end_requests
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget

HEAD = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change\n"
)


def gateway(stdout: str, exit_code: int = 0) -> FakeTarget:
    return FakeTarget(
        parts={Part.GATEWAY: FakePart()},
        programs={"haproxy-command": lambda *_: Executed(exit_code, stdout, "")},
    )


@pytest.mark.parametrize(
    ("primary", "dr", "active"),
    [
        # off by the configuration and by command; its name cannot be resolved; back by command
        (0, 5, {Site.PRIMARY}),
        (0, 37, {Site.PRIMARY}),
        (1, 4, {Site.DR}),
        (1, 36, {Site.DR}),
        (1, 5, set()),
        (0, 4, {Site.PRIMARY, Site.DR}),
        (32, 5, {Site.PRIMARY}),
    ],
)
def test_a_site_is_active_unless_it_was_told_off(primary: int, dr: int, active: set[Site]) -> None:
    table = f"{HEAD}3 sites 1 primary 172.18.0.3 2 {primary} 1 1 9\n3 sites 2 dr - 0 {dr} 1 1 9\n"

    assert active_sites(gateway(table)) == active


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Can't find backend.\n",
        HEAD,
        f"{HEAD}3 sites 1 primary - 2 0 1 1 9\n",
        f"{HEAD}3 sites 1 primary - 2 x 1 1 9\n3 sites 2 dr - 0 5 1 1 9\n",
        f"{HEAD}3 sites 1 primary\n3 sites 2 dr\n",
    ],
)
def test_an_answer_that_does_not_name_both_sites_is_no_answer(said: str) -> None:
    with pytest.raises(EnvironmentProblem, match="does not say which sites are active"):
        active_sites(gateway(said))


def counting(*counts: str) -> tuple[FakeTarget, list[str]]:
    """A gateway that says for each look how many connections the DR site has, and its commands."""
    left, commands = list(counts), list[str]()

    def program(_part: Part, command: Sequence[str]) -> Executed:
        if command[1] != SHOW_STATISTICS:
            commands.append(command[1])
            return Executed(0, "\n", "")
        count = left.pop(0) if len(left) > 1 else left[0]
        rows = f"sites,primary,0,0,9,9,\nsites,dr,0,0,{count},9,\nsites,BACKEND,0,0,9,9,"
        return Executed(0, f"# pxname,svname,qcur,qmax,scur,smax,\n{rows}\n", "")

    target = FakeTarget(parts={Part.GATEWAY: FakePart()}, programs={"haproxy-command": program})
    return target, commands


def test_requests_that_are_under_way_are_waited_for() -> None:
    target, commands = counting("2", "1", "0")

    assert not end_requests(target, Site.DR, ManualClock())
    assert commands == []


def test_connections_that_stay_open_are_cut() -> None:
    target, commands = counting("3")

    assert end_requests(target, Site.DR, ManualClock()) == "3 connections to dr were cut"
    assert commands == ["shutdown sessions server sites/dr"]


@pytest.mark.parametrize("said", ["", "# pxname,svname,scur\nsites,primary,0\n", "socat: dead"])
def test_a_gateway_that_does_not_count_is_an_error(said: str) -> None:
    with pytest.raises(EnvironmentProblem, match="does not say how many requests"):
        end_requests(gateway(said), Site.DR, ManualClock())
