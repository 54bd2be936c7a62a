"""The wrapper of the merge: what the programs say becomes data or an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from colordrill.backup.merging import Merged, Past, merge_point, plan_merge
from colordrill.backup.points import PointDamaged
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

BASE, FIRST, POINT = "20261122T201530.123Z", "20261122T211500.000Z", "20261122T211600.000Z"
PAST = Past(BASE, (FIRST,), BASE)
CANARIES = "verifycan-"
TOLD: dict[str, Any] = {
    "point": POINT,
    "brought": ["output/a.png"],
    "kept": ["output/b.png"],
    "conflicts": [],
    "deleted": ["input/c.png"],
}
MERGED = Merged(POINT, ("output/a.png",), ("output/b.png",), (), ("input/c.png",))
LISTED = Executed(0, "{}", "")


class Agents:
    """Both agents; what they were asked, and what they answer."""

    def __init__(self, merge: Executed, snapshot: Executed = LISTED) -> None:
        self.asked: list[tuple[Part, list[str]]] = []
        self.answers = {"colordrill-merge": merge, "colordrill-snapshot": snapshot}
        parts = {Part.PRIMARY_AGENT: FakePart(), Part.DR_AGENT: FakePart()}
        self.target = FakeTarget(parts, dict.fromkeys(self.answers, self.answer))

    def answer(self, part: Part, command: Sequence[str]) -> Executed:
        self.asked.append((part, list(command)))
        return self.answers[command[0]]

    def merge(self, past: Past = PAST) -> Merged:
        return merge_point(self.target, Part.PRIMARY_AGENT, POINT, past, CANARIES)

    def plan(self) -> Merged:
        agents = (Part.DR_AGENT, Part.PRIMARY_AGENT)
        return plan_merge(self.target, *agents, POINT, PAST, CANARIES)


def telling(**changes: Any) -> Executed:
    return Executed(0, json.dumps(TOLD | changes), "")


def test_a_merge_tells_what_became_of_each_file() -> None:
    agents = Agents(telling())

    assert agents.merge() == MERGED

    words = ["--base", BASE, "--merged", FIRST, "--mark", BASE, "--canaries", CANARIES]
    assert agents.asked == [(Part.PRIMARY_AGENT, ["colordrill-merge", POINT, *words])]


def test_without_a_base_none_is_named() -> None:
    agents = Agents(telling())

    agents.merge(Past(None, (), BASE))

    assert "--base" not in agents.asked[0][1]


def test_a_plan_compares_with_the_other_site_as_it_is_now() -> None:
    agents = Agents(telling())

    assert agents.plan() == MERGED

    (listed, compared) = agents.asked
    assert listed == (Part.DR_AGENT, ["colordrill-snapshot", POINT, "--manifest-only"])
    assert compared[0] is Part.PRIMARY_AGENT
    assert compared[1][-2:] == ["--dry-run", "--unpublished"]


def test_a_site_that_cannot_be_listed_is_not_compared() -> None:
    with pytest.raises(EnvironmentProblem, match="no space left"):
        Agents(telling(), Executed(1, "", "no space left")).plan()


def test_a_damaged_point_is_told_apart_from_one_that_did_not_come_through() -> None:
    with pytest.raises(PointDamaged, match="bad"):
        Agents(Executed(5, "", "bad")).merge()
    with pytest.raises(EnvironmentProblem, match="cut") as caught:
        Agents(Executed(1, "", "cut")).merge()
    assert not isinstance(caught.value, PointDamaged)


@pytest.mark.parametrize("name", ["brought", "kept", "conflicts", "deleted"])
def test_a_summary_without_a_list_is_no_merge(name: str) -> None:
    for told in (telling(**{name: None}), Executed(0, "", ""), Executed(0, "[]", "")):
        with pytest.raises(EnvironmentProblem, match="not its summary"):
            Agents(told).merge()


def test_a_name_that_is_no_text_can_be_written_down_all_the_same() -> None:
    (kept,) = Agents(telling(kept=["output/\udcff.png"])).merge().kept

    assert kept == "output/\\udcff.png"
