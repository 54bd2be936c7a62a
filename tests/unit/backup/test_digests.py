"""Hashes of files, one or many."""

from __future__ import annotations

import errno
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


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, link, lambda path: path])
def test_what_is_no_regular_file_is_no_fault_of_its_disk(
    points: Any, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "a")

    assert points.digest_there(tmp_path / "a") is None
    assert points.digest_there(tmp_path / "a" / "b") is None
    assert points.digest_there(tmp_path / ("a" * 300)) is None


def refuse(number: int) -> Callable[..., Any]:
    def refusing(*_: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.mark.parametrize(
    ("call", "number"),
    [("open", errno.EACCES), ("open", errno.EMFILE), ("open", errno.EIO), ("read", errno.EIO)],
)
def test_a_file_that_cannot_be_read_where_it_was_brought_is_not_the_points_damage(
    points: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output/a.png").write_bytes(b"a")
    files = {"output/a.png": {"sha256": sha256(b"a"), "bytes": 1}}
    monkeypatch.setenv("BACKUP_ACCOUNT", "agent")
    monkeypatch.setenv("BACKUP_SERVER", "nowhere")
    monkeypatch.setattr(points, "run_alone", lambda *_: points.Ended(0))
    points.bring("P", files, tmp_path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(points.os, call, refuse(number))
        with pytest.raises(OSError, match=os.strerror(number)):
            points.bring("P", files, tmp_path)
        # who only compares is told that it differs
        assert points.differing(files, tmp_path) == ["output/a.png"]


def test_a_file_that_did_not_come_or_differs_is_the_points_damage(
    points: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output/a.png").write_bytes(b"rotten")
    monkeypatch.setenv("BACKUP_ACCOUNT", "agent")
    monkeypatch.setenv("BACKUP_SERVER", "nowhere")
    monkeypatch.setattr(points, "run_alone", lambda *_: points.Ended(0))

    for name in ("output/a.png", "output/absent.png", "output/a.png/c.png"):
        with pytest.raises(points.DamagedError, match=name):
            points.bring("P", {name: {"sha256": sha256(b"a"), "bytes": 1}}, tmp_path)
