"""Hashes of files, one or many."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def points(store: Any) -> Any:
    """The module; *store* lets it be found."""
    return import_module("recovery_point")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_the_digest_of_a_file_is_its_sha256(points: Any, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)

    assert points.digest(tmp_path / "a") == sha256(content)


def link(path: Path) -> None:
    path.with_name("other").write_bytes(b"other")
    path.symlink_to("other")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, link, lambda path: path])
def test_what_is_no_regular_file_has_no_digest_and_nobody_waits_for_it(
    points: Any, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "a")

    assert points.digest(tmp_path / "a") is None


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_has_no_digest(points: Any, name: str) -> None:
    assert points.digest(name) is None


@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_many_digests_come_in_the_order_of_their_names(
    points: Any, tmp_path: Path, count: int
) -> None:
    names = [f"{number}" for number in range(count)]
    for name in names:
        (tmp_path / name).write_text(name)

    found = points.digests(tmp_path, [*names, "absent"])

    assert found == [*(sha256(name.encode()) for name in names), None]


def test_an_error_of_one_item_is_the_callers(points: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        points.in_threads(lambda each: 1 / each, [1, 0, 1])


def test_a_manifest_with_a_name_that_no_file_can_have_is_damaged(points: Any) -> None:
    manifest = '{"point": "P", "files": {"output/a\\u0000/b": {"sha256": ""}}}'

    with pytest.raises(points.DamagedError, match="outside the site"):
        points.parse_manifest(manifest.encode(), "P")
