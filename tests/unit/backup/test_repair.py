"""The wrappers of scrub and restore: what the programs say becomes data or an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from colordrill.backup.points import (
    PointDamaged,
    Scrubbed,
    restore_point,
    scrub,
)
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

POINT = "20261122T201530.123Z"
SCRUBBED: dict[str, Any] = {
    "point": POINT,
    "files": 3,
    "differs": ["output/b.png"],
    "absent": ["output/a.png"],
    "newer": ["workflows/x.json"],
}


def answering(program: str, ended: Executed) -> FakeTarget:
    target = FakeTarget(parts={Part.PRIMARY_AGENT: FakePart()})
    target.programs[program] = lambda _part, _command: ended
    return target


def test_a_scrub_tells_what_a_repair_would_bring_back() -> None:
    target = answering("colordrill-scrub", Executed(0, json.dumps(SCRUBBED), ""))

    found = scrub(target, Part.PRIMARY_AGENT, POINT)

    assert found == Scrubbed(POINT, 3, ("output/b.png",), ("output/a.png",), ("workflows/x.json",))
    assert found.damaged == ("output/a.png", "output/b.png")


@pytest.mark.parametrize("missing", ["files", "differs", "absent", "newer"])
def test_a_scrub_without_a_list_is_no_clean_site(missing: str) -> None:
    said = {name: value for name, value in SCRUBBED.items() if name != missing}
    target = answering("colordrill-scrub", Executed(0, json.dumps(said), ""))

    with pytest.raises(EnvironmentProblem, match="not its summary"):
        scrub(target, Part.PRIMARY_AGENT, POINT)


def test_a_damaged_point_is_told_apart_from_one_that_did_not_come_through() -> None:
    damaged = answering("colordrill-restore", Executed(5, "", "the site is empty again"))
    unreachable = answering("colordrill-restore", Executed(1, "", "rsync failed"))

    with pytest.raises(PointDamaged, match="empty again"):
        restore_point(damaged, Part.PRIMARY_AGENT, POINT)
    with pytest.raises(EnvironmentProblem) as caught:
        restore_point(unreachable, Part.PRIMARY_AGENT, POINT)
    assert not isinstance(caught.value, PointDamaged)
