"""The copy of the tree that is mutated, and what the tool wrote about it.

mutmut names modules by their path and knows only ``src/`` as a source root, so in the copy the
folder ``chaos/`` is called that.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SURVIVED = 0
UNTESTED = {5, 33}
NOT_TRIED = {None, 2}
_ONLY = re.compile(r"^only_mutate = \[.*?\]$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Results:
    """What became of the mutants, by their names."""

    count: int
    killed: int
    survived: tuple[str, ...]
    untested: tuple[str, ...]
    unfinished: tuple[str, ...]


def prepare(root: Path, directory: Path, only: list[str]) -> None:
    """Copy what the repository holds, changes included, to *directory*.

    Args:
        root: of the repository.
        directory: the copy's; what is in it is replaced.
        only: modules of verify/ or picture/ to mutate; all where it is empty.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    shutil.rmtree(directory, ignore_errors=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if not (root / name).is_file():
            continue
        path = Path(name)
        if path.parts[0] == "chaos":
            path = Path("src", *path.parts[1:])
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, directory / path)
    project = directory / "pyproject.toml"
    text = project.read_text(encoding="utf-8").replace(
        'pythonpath = ["chaos"', 'pythonpath = ["src"'
    )
    if only:
        names = [f"src/colordrill/*/{each}.py" for each in only]
        text = _ONLY.sub(f"only_mutate = {json.dumps(names)}", text)
    project.write_text(text, encoding="utf-8")


def results_of(directory: Path) -> Results:
    """What mutmut wrote beside each module."""
    codes: dict[str, int | None] = {}
    for meta in sorted((directory / "mutants").rglob("*.meta")):
        codes |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    survived = tuple(name for name, code in codes.items() if code == SURVIVED)
    untested = tuple(name for name, code in codes.items() if code in UNTESTED)
    unfinished = tuple(name for name, code in codes.items() if code in NOT_TRIED)
    killed = len(codes) - len(survived) - len(untested) - len(unfinished)
    return Results(len(codes), killed, survived, untested, unfinished)
