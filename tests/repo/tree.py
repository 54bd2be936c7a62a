"""The repository as its rules see it: what git tracks or would track, and its syntax."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = "chaos/colordrill"


@functools.cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is tracked, or untracked and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    paths = {ROOT / name for name in listed.split("\0") if name}
    # a file that was removed and not yet committed is still listed
    return tuple(sorted(path for path in paths if path.is_file()))


def files_under(*folders: str, suffix: str = "") -> list[Path]:
    """The repository's files below *folders* (all of it when none is named)."""
    roots = [ROOT / folder for folder in folders] or [ROOT]
    return [
        path
        for path in repository_files()
        if path.name.endswith(suffix) and any(path.is_relative_to(root) for root in roots)
    ]


def python_files(*folders: str) -> list[Path]:
    """Python modules, and scripts that say so in their first line."""
    return [path for path in files_under(*folders) if is_python(path)]


def markdown_files() -> list[Path]:
    """Every page."""
    return files_under(suffix=".md")


def is_python(path: Path) -> bool:
    """Whether *path* holds Python."""
    if path.suffix:
        return path.suffix == ".py"
    with path.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def text_of(path: Path) -> str | None:
    """The text of *path*; None where it holds something else."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def nodes_of(path: Path) -> Iterator[ast.AST]:
    """Every node of the syntax tree of *path*."""
    yield from ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def place(path: Path, line: int | None = None) -> str:
    """Where something is, for people."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return f"{shown}" if line is None else f"{shown}:{line}"


def lines_of(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Every line of text with its place."""
    for path in paths:
        text = text_of(path)
        for number, line in enumerate((text or "").splitlines(), start=1):
            yield place(path, number), line


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def sample(folder: Path, name: str, text: str) -> Path:
    """A small file, written for a test of a rule."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def expect_none(found: Iterable[str]) -> None:
    """Fail with every violation on a line of its own."""
    listed = list(found)
    assert not listed, "\n".join([f"{len(listed)} violations", *listed])
