"""A drill that could not write its history does not begin."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from colordrill.drill.run import FREE_MB_MIN, refuse_full_disk
from colordrill.errors import RecordProblem


def free(megabytes: float) -> SimpleNamespace:
    return SimpleNamespace(free=megabytes * 1e6)


def test_a_full_disk_is_refused_with_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free(FREE_MB_MIN - 1))

    with pytest.raises(RecordProblem, match=f"{FREE_MB_MIN - 1} MB free") as caught:
        refuse_full_disk(tmp_path / "runs")

    assert "--out" in caught.value.next_step


def test_just_enough_room_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free(FREE_MB_MIN))

    refuse_full_disk(tmp_path / "runs")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RecordProblem, match="cannot be written") as caught:
        refuse_full_disk(tmp_path / "file" / "runs")

    assert "--out" in caught.value.next_step
