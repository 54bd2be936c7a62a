"""What an agent remembers of the files that it copied: only what can be relied on counts."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

POINT, OTHER = "20261122T201530.123Z", "20261122T201534.123Z"
NAME, DIGEST = "output/a.png", "5" * 64
LATER_NS = 10_000_000_000
STATUS = [1, 2, 3, 4, 5]


@pytest.fixture
def seen(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, whose memory is empty; *store* lets it be found."""
    module = import_module("seen_files")
    monkeypatch.setattr(module, "MEMORY", tmp_path / "memory.json")
    return module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.png"
    file.write_bytes(b"old")
    return file


def status(seen: Any, path: Path) -> Any:
    found = seen.status_of(str(path))
    assert found is not None
    return found


def remember(seen: Any, path: Path, now_ns: int | None = None) -> int:
    """Remember the file as copied long after its last change; returns when that was."""
    known = status(seen, path)
    now_ns = known[2] + LATER_NS if now_ns is None else now_ns
    seen.remember(POINT, {NAME: DIGEST}, {NAME: known}, now_ns)
    return now_ns


def remembered(seen: Any, path: Path, now_ns: int, point: str = POINT) -> Any:
    return seen.remembered(point, {NAME: status(seen, path)}, now_ns)


def test_a_file_that_is_as_it_was_is_known_by_its_hash(seen: Any, path: Path) -> None:
    now_ns = remember(seen, path)

    assert remembered(seen, path, now_ns) == {NAME: DIGEST}


def test_what_was_remembered_with_another_point_does_not_count(seen: Any, path: Path) -> None:
    now_ns = remember(seen, path)

    assert remembered(seen, path, now_ns, OTHER) == {}


def test_a_file_that_changed_just_before_it_was_hashed_is_not_remembered(
    seen: Any, path: Path
) -> None:
    changed_ns = status(seen, path)[2]
    remember(seen, path, changed_ns + seen.SETTLED_NS)

    assert remembered(seen, path, changed_ns + LATER_NS) == {}


def test_other_bytes_of_the_same_size_whose_time_was_set_back_are_noticed(
    seen: Any, path: Path
) -> None:
    now_ns = remember(seen, path)
    before = path.stat()
    path.write_bytes(b"new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert remembered(seen, path, now_ns + LATER_NS) == {}


def test_another_file_in_its_place_is_noticed(seen: Any, path: Path) -> None:
    now_ns = remember(seen, path)
    before = path.stat()
    other = path.with_name("b.png")
    other.write_bytes(b"new")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)

    assert remembered(seen, path, now_ns + LATER_NS) == {}


def test_a_change_time_that_a_clock_which_was_set_back_comes_by_again_does_not_count(
    seen: Any, path: Path
) -> None:
    remember(seen, path)

    assert remembered(seen, path, status(seen, path)[2] - LATER_NS) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"files": {}}',
        json.dumps({"point": POINT, "files": [NAME]}).encode(),
        json.dumps({"point": POINT, "files": {NAME: 5}}).encode(),
        json.dumps({"point": POINT, "files": {NAME: {"a": 1}}}).encode(),
    ],
)
def test_a_memory_that_is_nonsense_is_named_and_counts_for_nothing(
    seen: Any, path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.MEMORY.write_bytes(content)

    assert remembered(seen, path, status(seen, path)[2] + LATER_NS) == {}
    assert f"because {seen.MEMORY} cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("digest", ["", "x" * 64, "5" * 64 + "\n", 5, None])
def test_a_hash_that_is_none_makes_all_of_the_memory_count_for_nothing(
    seen: Any, path: Path, digest: object
) -> None:
    known = status(seen, path)
    files = {NAME: [*known, digest], "output/b.png": [*known, DIGEST]}
    seen.MEMORY.write_text(json.dumps({"point": POINT, "files": files}))
    listed = {"output/b.png": known, NAME: known}

    assert seen.remembered(POINT, listed, known[2] + LATER_NS) == {}


def test_without_a_memory_nothing_is_known_and_nothing_is_said(
    seen: Any, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remembered(seen, path, status(seen, path)[2] + LATER_NS) == {}
    assert capsys.readouterr().err == ""


def test_a_memory_that_cannot_be_kept_is_said_and_ends_nothing(
    seen: Any, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.MEMORY.mkdir()

    remember(seen, path)

    assert f"{seen.MEMORY} cannot be kept" in capsys.readouterr().err
    assert sorted(each.name for each in seen.MEMORY.parent.iterdir() if "memory" in each.name) == [
        seen.MEMORY.name
    ]


def test_of_two_copies_at_once_one_is_remembered_whole(seen: Any) -> None:
    names = [f"output/{number}.png" for number in range(500)]
    statuses = {name: tuple(STATUS) for name in names}
    hashes = {POINT: dict.fromkeys(names, "1" * 64), OTHER: dict.fromkeys(names, "2" * 64)}

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            list(pool.map(lambda p: seen.remember(p, hashes[p], statuses, LATER_NS), hashes))

    found = {point: seen.remembered(point, statuses, LATER_NS) for point in hashes}
    assert sorted(map(len, found.values())) == [0, len(names)]
    assert all(each in ({}, hashes[point]) for point, each in found.items())


@pytest.mark.parametrize("kind", ["absent", "link", "folder", "below a file"])
def test_what_is_no_regular_file_has_no_status(seen: Any, path: Path, kind: str) -> None:
    place = path.with_name("other")
    if kind == "link":
        place.symlink_to(path)
    elif kind == "folder":
        place.mkdir()
    elif kind == "below a file":
        place = path / "other"

    assert seen.status_of(str(place)) is None
