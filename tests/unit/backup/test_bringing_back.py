"""What the programs say of files that are brought back by hand becomes data or an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from colordrill.backup.bringing_back import (
    BroughtBack,
    Version,
    bring_back,
    digests_now,
    points_of_other_bytes,
    site_paths,
    versions,
)
from colordrill.backup.points import DAMAGED, PointDamaged
from colordrill.errors import ColordrillError, EnvironmentProblem, UsageProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget

POINT, PATH = "20261122T201530.123Z", "output/a.png"
TOLD = {"point": POINT, "brought": [PATH], "overwrites": [], "newer": ["output/b.png"]}


def saying(told: Any, exit_code: int = 0, stderr: str = "") -> FakeTarget:
    """A stack whose programs end so; text is printed as it is, anything else as JSON."""
    stdout = told if isinstance(told, str) else json.dumps(told)
    ended = Executed(exit_code, stdout, stderr)
    programs = ("colordrill-repair", "colordrill-versions")
    return FakeTarget(
        {Part.PRIMARY_AGENT: FakePart(), Part.BACKUP: FakePart()},
        {name: lambda _part, _command: ended for name in programs},
    )


def brought(target: FakeTarget) -> BroughtBack:
    return bring_back(target, Part.PRIMARY_AGENT, POINT, [PATH])


def test_what_came_back_is_told() -> None:
    assert brought(saying(TOLD)) == BroughtBack(POINT, (PATH,), (), ("output/b.png",))


def test_paths_are_named_after_the_end_of_the_options() -> None:
    asked: list[list[str]] = []
    target = saying(TOLD)

    def program(_part: Part, command: Sequence[str]) -> Executed:
        asked.append(list(command))
        return Executed(0, json.dumps(TOLD), "")

    target.programs["colordrill-repair"] = program

    bring_back(target, Part.PRIMARY_AGENT, POINT, ["output"])
    bring_back(target, Part.PRIMARY_AGENT, POINT, ["output"], dry_run=True)

    assert asked == [
        ["colordrill-repair", POINT, "--", "output"],
        ["colordrill-repair", "--dry-run", POINT, "--", "output"],
    ]


@pytest.mark.parametrize(
    ("exit_code", "kind"), [(1, EnvironmentProblem), (2, UsageProblem), (5, PointDamaged)]
)
def test_each_failure_has_its_reason_and_a_next_step(
    exit_code: int, kind: type[ColordrillError]
) -> None:
    with pytest.raises(kind, match="it broke") as caught:
        brought(saying("", exit_code, "it broke\n"))

    assert isinstance(caught.value, PointDamaged) == (exit_code == DAMAGED)
    assert caught.value.next_step


def test_a_program_that_was_ended_by_its_limit_is_no_success() -> None:
    with pytest.raises(EnvironmentProblem, match="did not end within 21600 s"):
        brought(saying(TOLD, 124))


@pytest.mark.parametrize("told", ["", "nonsense", [], {}, {**TOLD, "brought": PATH}, None])
def test_what_is_no_summary_is_no_success(told: Any) -> None:
    with pytest.raises(EnvironmentProblem, match="not its summary"):
        brought(saying(told))


@pytest.mark.parametrize("told", ["", [], {}, {"output/b.png": None}, None, 7])
def test_bytes_that_are_not_told_are_not_taken_for_no_file(told: Any) -> None:
    with pytest.raises(EnvironmentProblem, match="not its summary"):
        digests_now(saying(told), Part.PRIMARY_AGENT, [PATH])


@pytest.mark.parametrize("told", ["", 7, [{}], [{"point": POINT, "files": {}}], [None]])
def test_points_whose_bytes_are_not_told_are_not_left_out(told: Any) -> None:
    with pytest.raises(EnvironmentProblem, match="not its summary"):
        versions(saying(told), [PATH])


def held(*digests: str | None) -> list[Version]:
    return [Version(f"p{number}", {PATH: digest}) for number, digest in enumerate(digests)]


@pytest.mark.parametrize(
    ("digests", "now", "points", "since"),
    [
        (("a", "b"), "b", ("p0",), "p1"),
        (("a", "b", "b"), "b", ("p0",), "p1"),
        (("a", "b"), "c", ("p1", "p0"), None),
        (("a", "b"), None, ("p1", "p0"), None),
        (("b", "a", "b"), "b", ("p1",), "p2"),
        (("a", None), None, ("p0",), "p1"),
        (("a", None, "b"), "b", ("p0",), "p2"),
    ],
)
def test_points_with_other_bytes_come_newest_first_and_the_last_run_of_the_same_is_told(
    digests: tuple[str | None, ...], now: str | None, points: tuple[str, ...], since: str | None
) -> None:
    assert points_of_other_bytes(held(*digests), {PATH: now}) == (points, {PATH: since})


@pytest.mark.parametrize("digests", [(), ("b",), (None,), ("b", None)])
def test_without_a_point_of_other_bytes_there_is_nothing_to_undo(
    digests: tuple[str | None, ...],
) -> None:
    with pytest.raises(UsageProblem, match=r"other bytes of 'output/a\.png'"):
        points_of_other_bytes(held(*digests), {PATH: "b"})


def test_names_that_look_odd_are_kept_as_they_are() -> None:
    odd = ("output/-rf", "output/a b\n.png", "workflows/人物.json", "output/..png", "input/$(x)")

    assert site_paths(odd) == odd
