"""The one way that data flows: each stage imports only what stands to its left."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from repo.tree import CODE, ROOT, expect_none, nodes_of, place, python_files, sample

FOUNDATION = frozenset(
    {"clock", "errors", "history", "outcome", "look", "picture", "interrupts", "data", "__init__"}
)
STAGES = ("scenario", "stack", "workload", "backup", "fault", "recover", "verify", "record")
PURE_STAGES = frozenset({"verify", "record"})
"""They judge what was recorded: of all stages they see only the scenario."""

SEEING_ALL = frozenset({"drill", "cli", "commands", "options", "plugin"})
SERVICE_USERS = (
    "service",
    "tests",
    "fixtures/stack/sabotage",
    "ci/bounds/render.py",
    "ci/bench_service/in_container",
)
HARNESS_USERS = (CODE, "tests", "ci", "conftest.py")


def allowed(part: str) -> frozenset[str]:
    """The parts of colordrill that *part* may import."""
    if part in SEEING_ALL:
        return FOUNDATION | SEEING_ALL | frozenset(STAGES)
    if part in FOUNDATION:
        return FOUNDATION
    if part in PURE_STAGES:
        return FOUNDATION | {"scenario", part}
    if part in STAGES:
        return FOUNDATION | frozenset(STAGES[: STAGES.index(part) + 1])
    return frozenset()


def imported(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each import in *path*, whose own package is *package*."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{each.name}") for each in node.names)


def wrong_directions(paths: Iterable[Path], root: Path) -> list[str]:
    """Imports against the direction; *root* is the folder of the package colordrill."""
    found = []
    for path in paths:
        inside = path.relative_to(root).with_suffix("").parts
        package = ".".join(("colordrill", *inside[:-1]))
        may = allowed(inside[0])
        if not may:
            found.append(f"{place(path)}: {inside[0]} is no part that the rule knows")
        for line, name in imported(path, package):
            parts = name.split(".")
            if parts[0] != "colordrill" or len(parts) == 1:
                continue
            if may and parts[1] not in may:
                found.append(f"{place(path, line)}: {inside[0]} imports {parts[1]}")
    return found


def foreign_imports(paths: Iterable[Path], package: str) -> list[str]:
    """Imports of *package* where it must not be imported."""
    return [
        f"{place(path, line)} imports {package}"
        for path in paths
        for line, name in imported(path, "")
        if name.split(".")[0] == package
    ]


def _outside(*folders: str) -> list[Path]:
    inside = [ROOT / folder for folder in folders]
    return [
        path
        for path in python_files()
        if not any(path == each or path.is_relative_to(each) for each in inside)
    ]


def test_stages_import_only_what_stands_to_their_left() -> None:
    expect_none(wrong_directions(python_files(CODE), ROOT / CODE))


def test_the_harness_never_imports_the_service() -> None:
    expect_none(foreign_imports(_outside(*SERVICE_USERS), "colorservice"))


def test_the_service_never_imports_the_harness() -> None:
    expect_none(foreign_imports(_outside(*HARNESS_USERS), "colordrill"))


def test_an_import_to_the_right_is_found(tmp_path: Path) -> None:
    bad = [
        sample(tmp_path, "stack/a.py", "from colordrill.workload.jobs import Users\n"),
        sample(tmp_path, "verify/b.py", "import colordrill.stack.parts\n"),
        sample(tmp_path, "record/c.py", "from colordrill import stack\n"),
        sample(tmp_path, "clock.py", "from colordrill.scenario.model import Pace\n"),
        sample(tmp_path, "backup/d.py", "from ..drill import run\n"),
        sample(tmp_path, "fault/e.py", "def f():\n    from colordrill.cli import main\n"),
    ]
    assert len(wrong_directions(bad, tmp_path)) == len(bad)


def test_an_unknown_part_is_found(tmp_path: Path) -> None:
    assert len(wrong_directions([sample(tmp_path, "extra/a.py", "")], tmp_path)) == 1


def test_imports_to_the_left_and_within_a_part_are_fine(tmp_path: Path) -> None:
    good = [
        sample(tmp_path, "recover/a.py", "from colordrill.fault.protocol import Fault\n"),
        sample(tmp_path, "verify/b.py", "from . import rto\nfrom colordrill.scenario import x\n"),
        sample(tmp_path, "cli.py", "from colordrill.record.html import x\nimport docker.errors\n"),
    ]
    expect_none(wrong_directions(good, tmp_path))


def test_a_foreign_import_is_found(tmp_path: Path) -> None:
    bad = sample(tmp_path, "a.py", "from colorservice.model import NANO\n")
    good = sample(tmp_path, "b.py", "import colordrill\n")
    assert len(foreign_imports([bad, good], "colorservice")) == 1
