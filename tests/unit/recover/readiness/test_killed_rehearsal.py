"""What a killed rehearsal left is taken back later, unless the DR site is somebody's by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.recover.readiness.rehearsal import Rehearsal, end_left_rehearsal
from colordrill.stack.parts import Part
from fakes.ready_stack import POINT, ReadyStack
from unit.recover.readiness.conftest import assert_taken_back

DR = Part.DR_COLORIZATION


def marked(rehearsal: Rehearsal, stack: ReadyStack) -> Path:
    """A rehearsal that was killed: the DR site runs, restored."""
    rehearsal.marker.write_text(POINT)
    stack.target.parts[DR].running = True
    left = stack.folder / "dr" / "output" / "a.png"
    left.write_bytes(b"a picture")
    return left


def test_a_killed_rehearsal_is_ended_later(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    marked(rehearsal, stack)

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert_taken_back(stack, rehearsal)


def test_a_site_that_became_the_active_one_after_a_killed_rehearsal_is_left_alone(
    stack: ReadyStack, rehearsal: Rehearsal
) -> None:
    left = marked(rehearsal, stack)
    stack.gateway = stack.gateway.replace("dr - 0 4", "dr 172.18.0.4 2 0")

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert stack.target.state(DR).running
    assert left.exists()
    assert not rehearsal.marker.exists()


@pytest.mark.parametrize("said", ["", "Unknown command", "# srv_name\ndr\n", "3 sites 2 dr - 0 4"])
def test_where_the_gateway_does_not_say_who_is_active_nothing_is_emptied(
    stack: ReadyStack, rehearsal: Rehearsal, said: str
) -> None:
    left = marked(rehearsal, stack)
    stack.gateway = said

    with pytest.raises(EnvironmentProblem, match="does not say whether dr is active"):
        end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert left.exists()
    assert rehearsal.marker.exists()


def test_where_nothing_was_left_nobody_is_asked(stack: ReadyStack, rehearsal: Rehearsal) -> None:
    stack.target.broken["execute"] = EnvironmentProblem("nobody shall ask")

    end_left_rehearsal(stack.target, rehearsal.marker, stack.said.append)

    assert stack.said == []
