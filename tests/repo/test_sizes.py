"""Files, functions and names stay small and say what they are."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from repo.tree import expect_none, nodes_of, place, python_files, repository_files, sample

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70
FORBIDDEN_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})

LONGER_FILES: dict[str, str] = {}
"""Place of a file that may be longer: the reason. Split a file rather than listing it here."""


def long_files(paths: Iterable[Path]) -> list[str]:
    found = []
    for path in paths:
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > FILE_LINES_MAX and place(path) not in LONGER_FILES:
            found.append(f"{place(path)} has {count} lines, at most {FILE_LINES_MAX}")
    return found


def long_functions(paths: Iterable[Path]) -> list[str]:
    found = []
    for path in paths:
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    at = place(path, node.lineno)
                    found.append(f"{at}: {node.name} has {count} lines")
    return found


def empty_names(paths: Iterable[Path], root: Path | None = None) -> list[str]:
    """Modules and folders whose name says nothing about what is in them."""
    found = []
    for path in paths:
        parts = path.relative_to(root).parts if root else Path(place(path)).parts
        named = {Path(part).stem.lower() for part in parts}
        if named & FORBIDDEN_NAMES:
            found.append(f"{place(path)}: {', '.join(sorted(named & FORBIDDEN_NAMES))}")
    return found


def test_no_python_file_is_too_long() -> None:
    expect_none(long_files(python_files()))


def test_no_function_is_too_long() -> None:
    expect_none(long_functions(python_files()))


def test_no_module_has_an_empty_name() -> None:
    expect_none(empty_names(repository_files()))


def test_a_long_file_is_found(tmp_path: Path) -> None:
    fits = sample(tmp_path, "fits.py", "x = 1\n" * FILE_LINES_MAX)
    long = sample(tmp_path, "long.py", "x = 1\n" * (FILE_LINES_MAX + 1))
    expect_none(long_files([fits]))
    assert len(long_files([long])) == 1


def test_a_long_function_is_found_also_inside_a_class(tmp_path: Path) -> None:
    body = "        x = 1\n"
    head = "class A:\n    def f(self):\n"
    fits = sample(tmp_path, "fits.py", head + body * (FUNCTION_LINES_MAX - 1))
    long = sample(tmp_path, "long.py", head + body * FUNCTION_LINES_MAX)
    expect_none(long_functions([fits]))
    assert len(long_functions([long])) == 1


def test_an_empty_name_is_found_for_folders_too(tmp_path: Path) -> None:
    module = sample(tmp_path, "stack/utils.py", "")
    folder = sample(tmp_path, "common/picture.py", "")
    good = sample(tmp_path, "stack/uncommon.py", "")
    assert len(empty_names([module, folder, good], tmp_path)) == 2
