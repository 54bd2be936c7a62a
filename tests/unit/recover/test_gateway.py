from __future__ import annotations

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.recover.gateway import active_sites
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Executed
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
