"""Requirements are pinned with hashes, name no index, and agree with what pyproject asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from repo.tree import ROOT, expect_none, files_under, lines_of, place, sample

RUNTIME = ROOT / "requirements/runtime.txt"
DEV = ROOT / "requirements/dev.txt"
DEV_WANTED = ROOT / "requirements/dev.in"
ADDRESS = re.compile(r"^\s*(-i\b|-f\b|--index-url|--extra-index-url|--find-links)|://")
ENTRY = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(\S+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a requirements file."""

    version: str
    hashes: int
    wanted_by: str


def normal(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_files() -> list[Path]:
    return [
        path
        for path in files_under(suffix=".txt")
        if re.search(r"==\S+ \\$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]


def entries_of(path: Path) -> list[tuple[str, Pin]]:
    """Name and pin of every entry; a name comes twice where versions differ by Python's."""
    found: list[tuple[str, Pin]] = []
    blocks = re.split(r"^(?=\S)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in blocks:
        entry = ENTRY.match(block)
        if entry:
            wanted_by = " ".join(re.findall(r"^\s+#\s*(.*)$", block, flags=re.MULTILINE))
            hashes = block.count("--hash=sha256:")
            found.append((normal(entry[1]), Pin(entry[2], hashes, wanted_by)))
    return found


def pins(path: Path) -> dict[str, Pin]:
    """Every entry by name."""
    return dict(entries_of(path))


def unpinned(paths: Iterable[Path]) -> list[str]:
    """Entries without a version or a hash, and addresses of indexes."""
    found = []
    for path in paths:
        entries = entries_of(path)
        found += [f"{place(path)}: {name} has no hash" for name, pin in entries if not pin.hashes]
        lines = path.read_text(encoding="utf-8").splitlines()
        named = [line for line in lines if line and line[0] not in "#- \t"]
        if len(named) != len(entries):
            found.append(f"{place(path)}: {len(named)} entries, {len(entries)} with a version")
    found += [f"{at}: {line}" for at, line in lines_of(paths) if ADDRESS.search(line)]
    return found


def names_of(requirements: Iterable[str]) -> set[str]:
    """The distributions that requirement lines ask for."""
    lines = (line.split("#")[0].strip() for line in requirements)
    return {normal(re.split(r"[\s\[<>=!~;]", line)[0]) for line in lines if line}


def disagreements(wanted: set[str], locked: Mapping[str, Pin]) -> list[str]:
    """What is asked for and not locked, and what is locked though nobody asks for it."""
    found = [f"{name} is asked for and not locked" for name in sorted(wanted - locked.keys())]
    for name, pin in sorted(locked.items()):
        others = re.sub(r"\(pyproject\.toml\)|-r \S+|\b(via|colordrill)\b|#", " ", pin.wanted_by)
        if name not in wanted and not others.split():
            found.append(f"{name} is locked and nobody asks for it")
    return found


def asked_for() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return names_of(project["dependencies"])


def test_every_requirement_is_pinned_with_hashes_and_without_an_index() -> None:
    assert {RUNTIME, DEV} <= set(locked_files())
    expect_none(unpinned(locked_files()))


def test_the_runtime_lock_is_what_pyproject_asks_for() -> None:
    expect_none(disagreements(asked_for(), pins(RUNTIME)))


def test_the_development_lock_is_what_its_list_asks_for() -> None:
    wanted = names_of(DEV_WANTED.read_text(encoding="utf-8").splitlines())
    expect_none(wanted - pins(DEV).keys())


def test_both_locks_hold_the_same_versions() -> None:
    runtime, dev = pins(RUNTIME), pins(DEV)
    both = runtime.keys() & dev.keys()
    expect_none(name for name in sorted(both) if runtime[name].version != dev[name].version)


def test_missing_hashes_versions_and_indexes_are_found(tmp_path: Path) -> None:
    good = "a==1 \\\n    --hash=sha256:00\n    # via b\n"
    expect_none(unpinned([sample(tmp_path, "good.txt", good)]))
    for number, bad in enumerate(("a==1\n", "a>=1\n", f"--index-url https://x.y\n{good}")):
        assert unpinned([sample(tmp_path, f"{number}.txt", bad)])


def test_disagreements_are_found(tmp_path: Path) -> None:
    text = (
        "a==1 \\\n    --hash=sha256:00\n    # via colordrill (pyproject.toml)\n"
        "b_c==2 \\\n    --hash=sha256:00\n    # via\n    #   a\n"
    )
    locked = pins(sample(tmp_path, "runtime.txt", text))
    expect_none(disagreements({"a"}, locked))
    assert disagreements(set(), locked) == ["a is locked and nobody asks for it"]
    assert disagreements({"a", "d"}, locked) == ["d is asked for and not locked"]


def test_names_are_compared_as_the_index_does() -> None:
    assert names_of(["Spandrel_Extra.Arches>=1 ; x", "b[c]==2", "# no", ""]) == {
        "spandrel-extra-arches",
        "b",
    }
