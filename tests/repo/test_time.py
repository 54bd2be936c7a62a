"""One clock: nothing else tells the time, and nothing else waits by sleeping."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from repo.tree import CODE, ROOT, dotted, expect_none, nodes_of, place, python_files, sample

CLOCK = ROOT / CODE / "clock.py"
WALL_CALLS = frozenset({"now", "utcnow", "today"})
WALL_OWNERS = frozenset({"datetime", "date", "datetime.datetime", "datetime.date"})


def _reads_time(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(each.name == "time" for each in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" or any(each.name == "sleep" for each in node.names)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        wall = node.attr in WALL_CALLS and owner in WALL_OWNERS
        return wall or owner == "time" or node.attr == "sleep"
    return isinstance(node, ast.Name) and node.id == "sleep"


def clocks_of_their_own(paths: Iterable[Path]) -> list[str]:
    return [
        f"{place(path, getattr(node, 'lineno', None))} does not go through the Clock"
        for path in paths
        for node in nodes_of(path)
        if _reads_time(node)
    ]


def test_only_the_clock_knows_the_time() -> None:
    others = [path for path in python_files(CODE) if path != CLOCK]
    expect_none(clocks_of_their_own(others))


def test_the_clock_itself_would_be_found() -> None:
    assert clocks_of_their_own([CLOCK])


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import monotonic_ns",
        "import asyncio\nasyncio.sleep(1)",
        "from asyncio import sleep",
        "from datetime import datetime\nstarted = datetime.now()",
        "import datetime\nday = datetime.date.today()",
        "def f(time):\n    return time.monotonic()",
    ],
)
def test_another_clock_is_found(code: str, tmp_path: Path) -> None:
    assert clocks_of_their_own([sample(tmp_path, "a.py", code)])


def test_arithmetic_and_parsing_of_times_are_fine(tmp_path: Path) -> None:
    code = "from datetime import datetime, UTC\nx = datetime.fromisoformat('2026-01-01')\n"
    expect_none(clocks_of_their_own([sample(tmp_path, "a.py", code)]))
