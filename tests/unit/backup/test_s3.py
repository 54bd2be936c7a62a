"""Points in a replicated bucket: what the strategy asks for, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from colordrill.backup.points import PointDamaged, RecoveryPoint, SiteFault
from colordrill.backup.s3 import S3Strategy, buckets_made, empty_buckets, held_in_buckets
from colordrill.backup.strategy import Taken
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.target import FakePart, FakeTarget, Program

POINT = "20261122T201530.123Z"
LISTED = [
    {"point": "20261122T201526.123Z", "problem": "the manifest cannot be read"},
    {"point": POINT, "strategy": "s3", "files": 3, "bytes": 42},
]
SUMMARIES: dict[str, Any] = {
    "take": {"point": POINT, "files": 3, "bytes": 42, "sent": 1},
    "list": LISTED,
    "verify": {"point": POINT, "files": 3},
    "read": {"point": POINT, "text": "IMAGE=x\n"},
    "restore": {"point": POINT, "files": 3},
}


@dataclass
class Buckets:
    """Both ends of the bucket, answering as a test wants."""

    answers: dict[str, Executed] = field(default_factory=dict)
    asked: list[tuple[Part, list[str]]] = field(default_factory=list)

    def run(self, part: Part, command: Sequence[str]) -> Executed:
        self.asked.append((part, list(command[1:])))
        verb = command[1]
        return self.answers.get(verb, Executed(0, json.dumps(SUMMARIES.get(verb, "")), ""))

    def target(self) -> FakeTarget:
        ends = (Part.PRIMARY_AGENT, Part.PRIMARY_STORAGE, Part.DR_AGENT, Part.DR_STORAGE)
        names = ("colordrill-s3", "colordrill-points-storage", "test")
        programs: dict[str, Program] = dict.fromkeys(names, self.run)
        return FakeTarget({part: FakePart() for part in ends}, programs)

    def strategy(self) -> S3Strategy:
        return S3Strategy(self.target())


@pytest.fixture
def buckets() -> Buckets:
    return Buckets()


def test_the_primary_takes_and_the_dr_site_does_everything_else(buckets: Buckets) -> None:
    strategy = buckets.strategy()

    assert strategy.take(POINT) == Taken(POINT, 3, 42)
    assert strategy.listed() == (RecoveryPoint(POINT, "s3", 3, 42),)
    assert strategy.verify(POINT) == "every byte of the point's 3 files"
    assert strategy.configuration(POINT) == "IMAGE=x\n"
    assert strategy.restore(Part.DR_AGENT, POINT) == 3

    assert buckets.asked == [
        (Part.PRIMARY_AGENT, ["take", POINT]),
        (Part.DR_AGENT, ["list"]),
        (Part.DR_AGENT, ["verify", POINT]),
        (Part.DR_AGENT, ["read", POINT, "config/stack.env"]),
        (Part.DR_AGENT, ["restore", POINT]),
    ]


def test_the_bucket_that_is_replicated_to_is_made_first(buckets: Buckets) -> None:
    buckets.strategy().prepare()

    assert buckets.asked == [(Part.DR_STORAGE, ["replica"]), (Part.PRIMARY_STORAGE, ["source"])]


@pytest.mark.parametrize("verb", list(SUMMARIES))
@pytest.mark.parametrize("printed", ["", "{", "null", "[1]", '{"files": "many"}', "[" * 9999])
def test_what_is_no_summary_is_an_error_that_shows_it(
    buckets: Buckets, verb: str, printed: str
) -> None:
    buckets.answers[verb] = Executed(0, printed, "")

    with pytest.raises(EnvironmentProblem, match="is not its summary"):
        ask(buckets.strategy(), verb)


@pytest.mark.parametrize("verb", list(SUMMARIES))
@pytest.mark.parametrize(
    ("exit_code", "kind", "said"),
    [
        (1, EnvironmentProblem, "the DR site's bucket cannot be reached"),
        (3, EnvironmentProblem, "this site holds data already"),
        (5, PointDamaged, "is not what the manifest says"),
        (7, SiteFault, "this site cannot take it"),
    ],
)
def test_each_failure_says_what_the_program_said(
    buckets: Buckets, verb: str, exit_code: int, kind: type[EnvironmentProblem], said: str
) -> None:
    buckets.answers[verb] = Executed(exit_code, "", f"{said}\n")

    with pytest.raises(kind, match=said) as raised:
        ask(buckets.strategy(), verb)

    assert isinstance(raised.value, PointDamaged) == (exit_code == 5)
    assert raised.value.next_step


def ask(strategy: S3Strategy, verb: str) -> object:
    """Call what runs *verb*."""
    asked: dict[str, Callable[[], object]] = {
        "take": lambda: strategy.take(POINT),
        "list": strategy.listed,
        "verify": lambda: strategy.verify(POINT),
        "read": lambda: strategy.configuration(POINT),
        "restore": lambda: strategy.restore(Part.DR_AGENT, POINT),
    }
    return asked[verb]()


def test_a_storage_that_refuses_is_named(buckets: Buckets) -> None:
    buckets.answers["source"] = Executed(1, "", "mc: <ERROR> remote target is offline")

    with pytest.raises(EnvironmentProblem, match=r"primary-storage.*remote target is offline"):
        buckets.strategy().prepare()


def test_what_the_buckets_hold_is_told_by_storage_and_emptied_at_its_source_first(
    buckets: Buckets,
) -> None:
    buckets.answers["list"] = Executed(0, "v1 PUT files/a b\n", "")
    target = buckets.target()

    assert held_in_buckets(target) == (
        "primary-storage: v1 PUT files/a b",
        "dr-storage: v1 PUT files/a b",
    )
    empty_buckets(target)
    assert buckets.asked[2:] == [
        (Part.PRIMARY_STORAGE, ["empty"]),
        (Part.DR_STORAGE, ["empty"]),
    ]


@pytest.mark.parametrize(("exit_code", "made"), [(0, True), (1, False)])
def test_whether_buckets_were_ever_made_is_seen(
    buckets: Buckets, exit_code: int, made: bool
) -> None:
    buckets.answers["-d"] = Executed(exit_code, "", "")

    assert buckets_made(buckets.target()) is made
