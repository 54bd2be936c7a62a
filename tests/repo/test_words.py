"""What no tracked file may hold: this machine's paths, registries' addresses, unfinished work."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from repo.tree import expect_none, files_under, lines_of, python_files, repository_files, sample

# written so that this file does not match itself
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(work|root|home/\w+|Users/\w+)(?=[/\s\"'`]|$)")
REGISTRIES = re.compile(
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|proxy[.]golang|sum[.]golang|deb[.]debian"
    r"|security[.]debian|archive[.]ubuntu|crates[.]io|repo[.]maven|ghcr[.]io|quay[.]io"
    r"|(index|registry-1|registry|hub)[.]docker|docker[.]io/|download[.]pytorch"
)
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X{3}\b|NotImplemented[E]rror|pragma: no cove[r])")


def machine_paths(paths: Iterable[Path]) -> list[str]:
    """Paths of one machine. In a Dockerfile they are the image's own."""
    files = [path for path in paths if path.name != "Dockerfile"]
    return [f"{at}: {line.strip()}" for at, line in lines_of(files) if MACHINE_PATHS.search(line)]


def registry_addresses(paths: Iterable[Path]) -> list[str]:
    return [f"{at}: {line.strip()}" for at, line in lines_of(paths) if REGISTRIES.search(line)]


def unfinished(paths: Iterable[Path]) -> list[str]:
    return [f"{at}: {line.strip()}" for at, line in lines_of(paths) if UNFINISHED.search(line)]


def test_no_file_names_a_path_of_one_machine() -> None:
    expect_none(machine_paths(repository_files()))


def test_no_file_names_a_registry() -> None:
    expect_none(registry_addresses(repository_files()))


def test_nothing_is_left_unfinished() -> None:
    code = {*python_files(), *files_under("ci"), *files_under("fixtures"), *files_under("service")}
    expect_none(unfinished(sorted(code)))


@pytest.mark.parametrize("word", ["/roo" + "t/.cache", "cd /wor" + "k/x", "'/hom" + "e/me/x'"])
def test_a_machine_path_is_found(word: str, tmp_path: Path) -> None:
    assert machine_paths([sample(tmp_path, "a.md", word)])


@pytest.mark.parametrize("word", ["~/root/x", "docs/work/x", "chroot/x", "/rooted", "homework"])
def test_other_paths_are_fine(word: str, tmp_path: Path) -> None:
    expect_none(machine_paths([sample(tmp_path, "a.md", word)]))


@pytest.mark.parametrize("word", ["https://pyp" + "i.org/simple", "FROM docker.i" + "o/x"])
def test_a_registry_is_found(word: str, tmp_path: Path) -> None:
    assert registry_addresses([sample(tmp_path, "a.txt", word)])


def test_the_package_called_docker_io_is_fine(tmp_path: Path) -> None:
    path = sample(tmp_path, "engine.sh", "apt-get install docker.io docker-cli")
    expect_none(registry_addresses([path]))


@pytest.mark.parametrize(
    "word", ["# TO" + "DO: later", "raise NotImplemented" + "Error", "# pragma: no cove" + "r"]
)
def test_unfinished_work_is_found(word: str, tmp_path: Path) -> None:
    assert unfinished([sample(tmp_path, "a.py", word)])


def test_binary_files_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\0 /wor" + b"k/x")
    expect_none(machine_paths([path]))
