"""Off-site copies: what the strategy asks for, what it makes of the answers, and when it copies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from colordrill.backup.offsite import OffsiteCopies
from colordrill.backup.points import PointDamaged, RecoveryPoint, SiteFault
from colordrill.backup.restic import ResticStrategy, run_store
from colordrill.backup.strategy import Taken
from colordrill.errors import EnvironmentProblem
from colordrill.history import Event, EventType, History
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget, Program

POINT = "20261122T201530.123Z"
LISTED = [{"point": POINT, "strategy": "restic", "files": 3, "bytes": 42}]
SUMMARIES: dict[str, Any] = {
    "copy": {"point": POINT, "files": 3, "bytes": 42, "copied": True},
    "list": LISTED,
    "check": {"subset": 2, "of": 4, "read": [1, 2]},
    "read": {"point": POINT, "text": "IMAGE=x\n"},
    "restore": {"point": POINT, "files": 3},
}


@dataclass
class Offsite:
    """Both ends of the off-site copy, answering as a test wants."""

    answers: dict[str, Executed] = field(default_factory=dict)
    asked: list[tuple[Part, list[str]]] = field(default_factory=list)

    def run(self, part: Part, command: Sequence[str]) -> Executed:
        self.asked.append((part, list(command[1:])))
        verb = command[1]
        return self.answers.get(verb, Executed(0, json.dumps(SUMMARIES.get(verb, "")), ""))

    def strategy(self) -> ResticStrategy:
        parts = {part: FakePart() for part in (Part.BACKUP, Part.DR_AGENT, Part.DR_STORAGE)}
        programs: dict[str, Program] = {
            "colordrill-offsite": self.run,
            "colordrill-offsite-storage": self.run,
        }
        return ResticStrategy(FakeTarget(parts, programs))


@pytest.fixture
def offsite() -> Offsite:
    return Offsite()


def test_the_backup_server_copies_and_the_dr_site_restores(offsite: Offsite) -> None:
    strategy = offsite.strategy()

    assert strategy.take(POINT) == Taken(POINT, 3, 42)
    assert strategy.listed() == (RecoveryPoint(POINT, "restic", 3, 42),)
    assert strategy.configuration(POINT) == "IMAGE=x\n"
    assert strategy.restore(Part.DR_AGENT, POINT) == 3

    assert offsite.asked == [
        (Part.BACKUP, ["copy", POINT]),
        (Part.DR_AGENT, ["list"]),
        (Part.DR_AGENT, ["read", POINT, "config/stack.env"]),
        (Part.DR_AGENT, ["restore", POINT]),
    ]


def test_a_verification_says_which_part_of_the_data_it_read(offsite: Offsite) -> None:
    read = offsite.strategy().verify(POINT)

    assert read == "part 2 of 4 of the repository's data; whole when they were read last: 1, 2"


def test_a_point_that_is_not_off_site_cannot_be_verified(offsite: Offsite) -> None:
    offsite.answers["list"] = Executed(0, "[]", "")

    with pytest.raises(EnvironmentProblem, match="no recovery point"):
        offsite.strategy().verify(POINT)


@pytest.mark.parametrize("verb", list(SUMMARIES))
@pytest.mark.parametrize("printed", ["", "{", "null", "[1]", '{"files": "many"}', "[" * 9999])
def test_what_is_no_summary_is_an_error_that_shows_it(
    offsite: Offsite, verb: str, printed: str
) -> None:
    offsite.answers[verb] = Executed(0, printed, "")

    with pytest.raises(EnvironmentProblem, match="is not its summary"):
        ask(offsite.strategy(), verb)


@pytest.mark.parametrize("verb", list(SUMMARIES))
@pytest.mark.parametrize(
    ("exit_code", "kind", "said"),
    [
        (1, EnvironmentProblem, "the off-site store cannot be reached"),
        (3, EnvironmentProblem, "this site holds data already"),
        (4, EnvironmentProblem, "the off-site repository is locked"),
        (5, PointDamaged, "2 restored files are not what the manifest says"),
        (7, SiteFault, "this site cannot take it"),
    ],
)
def test_each_failure_says_what_the_program_said(
    offsite: Offsite, verb: str, exit_code: int, kind: type[EnvironmentProblem], said: str
) -> None:
    offsite.answers[verb] = Executed(exit_code, "", f"{said}\n")

    with pytest.raises(kind, match=said) as raised:
        ask(offsite.strategy(), verb)

    assert isinstance(raised.value, PointDamaged) == (exit_code == 5)
    assert raised.value.next_step


def test_a_program_that_does_not_end_is_said_to_have_taken_too_long(offsite: Offsite) -> None:
    offsite.answers["copy"] = Executed(124, "", "")

    with pytest.raises(EnvironmentProblem, match="did not end within"):
        offsite.strategy().take(POINT)


def test_a_store_that_refuses_is_named(offsite: Offsite) -> None:
    offsite.answers["make"] = Executed(1, "", "mc: <ERROR> Unable to make bucket")

    with pytest.raises(EnvironmentProblem, match="Unable to make bucket"):
        offsite.strategy().prepare()
    with pytest.raises(EnvironmentProblem):
        run_store(FakeTarget({Part.DR_STORAGE: FakePart(running=False)}), "list")


def ask(strategy: ResticStrategy, verb: str) -> object:
    """Call what runs *verb*."""
    asked: dict[str, Callable[[], object]] = {
        "copy": lambda: strategy.take(POINT),
        "list": strategy.listed,
        "check": lambda: strategy.verify(POINT),
        "read": lambda: strategy.configuration(POINT),
        "restore": lambda: strategy.restore(Part.DR_AGENT, POINT),
    }
    return asked[verb]()


@dataclass
class Schedule:
    """Copies of every third point, and what they wrote down."""

    offsite: Offsite
    copies: OffsiteCopies
    events: list[Event]

    def ended(self, kind: str) -> list[tuple[str, EventType]]:
        return [
            (event.data["point"], event.type)
            for event in self.events
            if event.kind == kind and event.type is not EventType.INVOKE
        ]


@pytest.fixture
def schedule(offsite: Offsite, tmp_path: Path) -> Iterator[Schedule]:
    events = cast("list[Event]", [])
    with History(tmp_path / "history.jsonl", ManualClock()) as history:
        history.listen(events.append)
        yield Schedule(offsite, OffsiteCopies(offsite.strategy(), history, 3), events)


def test_the_first_point_and_then_every_third_is_copied_and_looked_at(schedule: Schedule) -> None:
    for number in range(7):
        schedule.copies.published(f"p{number}")

    assert schedule.ended("offsite") == [(f"p{number}", EventType.OK) for number in (0, 3, 6)]
    copied = [words[1] for _, words in schedule.offsite.asked if words[0] == "copy"]
    assert copied == ["p0", "p3", "p6"]


def test_what_was_read_is_written_down(schedule: Schedule) -> None:
    schedule.copies.published(POINT)

    assert schedule.ended("offsite_read") == [(POINT, EventType.OK)]
    assert schedule.events[-1].data["read"].startswith("part 2 of 4")


def test_a_copy_that_failed_is_written_down_and_made_of_the_next_point(schedule: Schedule) -> None:
    schedule.offsite.answers["copy"] = Executed(1, "", "the off-site store cannot be reached")
    schedule.copies.published("p0")
    del schedule.offsite.answers["copy"]
    schedule.copies.published("p1")

    assert schedule.ended("offsite") == [("p0", EventType.FAIL), ("p1", EventType.OK)]
    failed = next(event for event in schedule.events if event.type is EventType.FAIL)
    assert "cannot be reached" in failed.data["error"]


def test_damage_that_a_look_finds_is_written_down_as_a_failure(schedule: Schedule) -> None:
    schedule.offsite.answers["check"] = Executed(5, "", "repository contains errors")

    schedule.copies.published(POINT)

    assert schedule.ended("offsite") == [(POINT, EventType.OK)]
    assert schedule.ended("offsite_read") == [(POINT, EventType.FAIL)]
