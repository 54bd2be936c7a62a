"""Whom a site's files belong to: what an image's user means."""

from __future__ import annotations

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.ownership import Owner, parse_owner

USERS = "root:x:0:0:root:/root:/bin/sh\ncomfy:x:999:998::/home/comfy:/bin/sh\nbroken line\n"


@pytest.mark.parametrize(
    ("user", "owner"),
    [
        ("", Owner(0, 0)),
        ("root", Owner(0, 0)),
        ("comfy", Owner(999, 998)),
        ("999", Owner(999, 998)),
        ("4321", Owner(4321, 0)),
        ("4321:5", Owner(4321, 5)),
        ("comfy:7", Owner(999, 7)),
        ("0:0", Owner(0, 0)),
    ],
)
def test_a_user_is_a_number_as_the_engine_reads_it(user: str, owner: Owner) -> None:
    assert parse_owner(user, USERS) == owner


@pytest.mark.parametrize("user", ["nobody-knows", "comfy:video", "-1", "1.5"])
def test_a_user_that_cannot_be_a_number_asks_for_one(user: str) -> None:
    with pytest.raises(EnvironmentProblem, match="explain") as caught:
        parse_owner(user, USERS)

    assert "service.user" in caught.value.next_step


def test_an_owner_is_written_as_the_engine_takes_it() -> None:
    assert str(Owner(7, 8)) == "7:8"
