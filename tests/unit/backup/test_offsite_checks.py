"""Which part of the off-site data is read next; pure but for its notes."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def checks(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `offsite_checks`, with notes of its own; *store* lets it be found."""
    module = import_module("offsite_checks")
    monkeypatch.setattr(module, "CHECKS", tmp_path / "offsite-checks.json")
    return module


def test_each_part_is_read_once_before_one_is_read_again(checks: Any) -> None:
    read = []
    for _ in range(6):
        part = checks.next_subset(4)
        checks.note(part, 4, whole=True)
        read.append(part)

    assert read == [1, 2, 3, 4, 1, 2]
    assert checks.read_whole(4) == [1, 2, 3, 4]


def test_a_damaged_part_has_its_turn_and_is_not_called_whole(checks: Any) -> None:
    checks.note(1, 2, whole=False)

    assert checks.next_subset(2) == 2
    assert checks.read_whole(2) == []


def test_parts_of_another_number_are_other_parts(checks: Any) -> None:
    checks.note(1, 2, whole=True)

    assert checks.next_subset(4) == 1
    assert checks.read_whole(4) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "[",
        "null",
        "[]",
        '{"of": 4}',
        '{"of": 4, "parts": []}',
        '{"of": 4, "parts": {"1": 7}}',
        '{"of": 4, "parts": {"x": {"at": "", "whole": true}}}',
        '{"of": 4, "parts": {"9": {"at": "", "whole": true}}}',
        '{"of": 4, "parts": {"1": {"at": "", "whole": "yes"}}}',
        "[" * 100_000,
    ],
)
def test_notes_that_say_nothing_have_everything_read_again(checks: Any, spoilt: str) -> None:
    checks.CHECKS.write_text(spoilt, encoding="utf-8")

    assert checks.next_subset(4) == 1
    assert checks.read_whole(4) == []
    checks.note(1, 4, whole=True)
    assert json.loads(checks.CHECKS.read_text(encoding="utf-8"))["of"] == 4
    assert checks.next_subset(4) == 2
