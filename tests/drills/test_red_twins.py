"""Each red twin goes red by its named check and by no other: every drill is shown able to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from colordrill.scenario.catalogue import red_twins
from drills.conftest import Ended

TWINS = red_twins()


@pytest.mark.drill
@pytest.mark.red
@pytest.mark.parametrize("name", TWINS)
def test_the_twin_fails_by_its_named_check_alone(
    name: str, colordrill: Callable[..., Ended]
) -> None:
    sabotage = TWINS[name].sabotage
    assert sabotage is not None

    ended = colordrill(name)

    assert ended.failing_checks() == {sabotage.expected_check}, ended.record["checks"]
    assert ended.record["verdict"] == "fail"
    assert ended.exit_code == 1
