"""Which part of the off-site data is read next; pure but for its notes."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HERE = "0f" * 32
NOTED = f'{{"repository": "{HERE}", "of": 4, "parts": %s}}'


@pytest.fixture
def checks(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `offsite_checks`, with notes of its own; *store* lets it be found."""
    module = import_module("offsite_checks")
    monkeypatch.setattr(module, "CHECKS", tmp_path / "offsite-checks.json")
    return module


def test_each_part_is_read_once_before_one_is_read_again(checks: Any) -> None:
    read = []
    for _ in range(6):
        part = checks.next_subset(HERE, 4)
        checks.note(HERE, part, 4, whole=True)
        read.append(part)

    assert read == [1, 2, 3, 4, 1, 2]
    assert checks.read_whole(HERE, 4) == [1, 2, 3, 4]


def test_a_damaged_part_has_its_turn_and_is_not_called_whole(checks: Any) -> None:
    checks.note(HERE, 1, 2, whole=False)

    assert checks.next_subset(HERE, 2) == 2
    assert checks.read_whole(HERE, 2) == []


def test_a_clock_that_was_set_back_does_not_change_whose_turn_it_is(
    checks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead:
        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime(2999, 1, 1, tzinfo=zone)

    with monkeypatch.context() as clock:
        clock.setattr(checks, "datetime", Ahead)
        for part in (1, 2, 3, 4):
            checks.note(HERE, part, 4, whole=True)

    read = []
    for _ in range(4):
        read.append(checks.next_subset(HERE, 4))
        checks.note(HERE, read[-1], 4, whole=True)

    assert read == [1, 2, 3, 4]


def test_what_was_read_of_another_repository_is_not_read_of_this_one(checks: Any) -> None:
    checks.note("another", 1, 4, whole=True)

    assert checks.next_subset(HERE, 4) == 1
    assert checks.read_whole(HERE, 4) == []


def test_parts_of_another_number_are_other_parts(checks: Any) -> None:
    checks.note(HERE, 1, 2, whole=True)

    assert checks.next_subset(HERE, 4) == 1
    assert checks.read_whole(HERE, 4) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "[",
        "null",
        "[]",
        '{"of": 4}',
        '{"of": 4, "parts": []}',
        NOTED % "[]",
        NOTED % '{"1": 7}',
        NOTED % '{"1": {"at": "", "whole": true}}',
        NOTED % '{"1": {"at": "", "turn": [], "whole": true}}',
        NOTED % '{"x": {"at": "", "turn": 1, "whole": true}}',
        NOTED % '{"9": {"at": "", "turn": 1, "whole": true}}',
        NOTED % '{"1": {"at": "", "turn": 0, "whole": "yes"}}',
        "[" * 100_000,
    ],
)
def test_notes_that_say_nothing_have_everything_read_again(checks: Any, spoilt: str) -> None:
    checks.CHECKS.write_text(spoilt, encoding="utf-8")

    assert checks.next_subset(HERE, 4) == 1
    assert checks.read_whole(HERE, 4) == []
    checks.note(HERE, 1, 4, whole=True)
    assert json.loads(checks.CHECKS.read_text(encoding="utf-8"))["of"] == 4
    assert checks.next_subset(HERE, 4) == 2
