"""The server's removal of what cut copies left, and when it removes nothing else."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.kept_points import FILES, POINTS, lease
from fakes.points_on_disk import PointsOnDisk

KEEP_ONE = ("colordrill-forget", "--keep-last", "1")


def test_what_a_cut_copy_left_is_swept_and_a_living_one_is_not(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("20261122T201540.000Z", "20261122T201550.000Z"):
        shutil.copytree(full.points / POINTS[0], full.root / "incoming" / name)
    lease(full, "20261122T201550.000Z")
    monkeypatch.setattr(store, "_held", lambda path: path.stat().st_size == 0)
    assert store.sweep() == []
    monkeypatch.setattr(store, "LEASE_S", -1.0)

    assert store.sweep() == ["20261122T201540.000Z"]

    assert [path.name for path in (full.root / "incoming").iterdir()] == ["20261122T201550.000Z"]


def test_a_copy_that_just_arrived_is_not_swept_before_it_is_published(full: PointsOnDisk) -> None:
    copy = full.points / POINTS[4]
    copy.rename(full.root / "incoming" / POINTS[4])

    assert full.checked("colordrill-forget")["swept"] == []

    full.checked("colordrill-publish", POINTS[4])
    assert full.listed() == POINTS


def test_a_copy_that_has_failed_is_swept_without_waiting(full: PointsOnDisk) -> None:
    for name in ("20261122T201540.000Z", "20261122T201550.000Z"):
        shutil.copytree(full.points / POINTS[0], full.root / "incoming" / name)

    told = full.checked("colordrill-forget", "--failed", "20261122T201540.000Z")

    assert (told["swept"], told["removed"]) == (["20261122T201540.000Z"], [])
    assert [each.name for each in (full.root / "incoming").iterdir()] == ["20261122T201550.000Z"]


def test_a_copy_that_has_failed_is_left_to_the_agent_that_is_still_at_it(
    full: PointsOnDisk,
) -> None:
    shutil.copytree(full.points / POINTS[0], full.root / "incoming" / "20261122T201540.000Z")
    lease(full, "20261122T201540.000Z")

    assert full.checked("colordrill-forget", "--failed", "20261122T201540.000Z")["swept"] == []


def test_what_a_killed_publication_left_is_swept_and_one_under_way_is_not(
    full: PointsOnDisk, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = full.root / "publishing" / "20261122T201540.000Z.word"
    shutil.copytree(full.points / POINTS[0], left)
    store.sweep()
    assert left.is_dir()
    monkeypatch.setattr(store, "LEASE_S", -1.0)
    with store.reading(left):
        store.sweep()
        assert left.is_dir()

    store.sweep()

    assert not left.exists()
    full.checked("colordrill-verify", POINTS[0])


def test_while_the_newest_point_lies_in_the_future_leftovers_go_and_no_point(
    full: PointsOnDisk,
) -> None:
    """By such ids all that was made since the clock was set back is of one hour."""
    full.put("29991231T235959.000Z", FILES)
    shutil.copytree(full.points / POINTS[0], full.root / "incoming" / "20261122T201540.000Z")

    told = full.checked(*KEEP_ONE, "--failed", "20261122T201540.000Z")

    assert "in the future" in told["held_back"]
    assert (told["removed"], told["swept"]) == ([], ["20261122T201540.000Z"])
    assert len(full.listed()) == len(POINTS) + 1


def test_a_clock_that_is_a_little_ahead_holds_nothing_back(full: PointsOnDisk) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=20)
    full.put(f"{soon:%Y%m%dT%H%M%S}.000Z", FILES)

    told = full.checked(*KEEP_ONE)

    assert (told["held_back"], told["removed"]) == ("", POINTS)
