"""What an agent copies of its site, and what it leaves to the point before."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import program

FIRST, SECOND, THIRD = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
FILES = {"input/a.png": b"a", "output/sub/b.png": b"b" * 5000, "workflows/c.json": b"{}"}
LATER_NS = 60_000_000_000


@dataclass
class Copies:
    """The program, with a server that takes everything.

    Attributes:
        site: whose files are copied.
        snapshot: the program.
        published: the points that the server has.
        transferred: what was named to rsync, by transfer.
        manifests: what was sent.
    """

    site: Path
    snapshot: Any
    published: set[str] = field(default_factory=set)
    transferred: list[list[str]] = field(default_factory=list)
    manifests: list[dict[str, Any]] = field(default_factory=list)

    def take(self, point: str, previous: str | None = None) -> dict[str, Any]:
        """Copy and publish; returns the manifest."""
        self.snapshot.copy(point, previous, "nowhere")
        self.published.add(point)
        return self.manifests[-1]

    def transfer(self, names: list[str], _destination: str, _previous: str | None) -> bool:
        self.transferred.append(names)
        return True


@pytest.fixture
def copies(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    """A site whose files were written a minute ago; *store* lets the modules be found."""
    site = tmp_path / "site"
    for name, content in FILES.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
    monkeypatch.setenv("SITE_ROOT", str(site))
    monkeypatch.setenv("BACKUP_ACCOUNT", "agent")
    monkeypatch.setenv("BACKUP_SERVER", "nowhere")
    for name in ("recovery_point", "site_volumes", "lease", "seen_files", "site_listing"):
        sys.modules.pop(name, None)
    copies = Copies(site, program("colordrill-snapshot"))
    monkeypatch.setattr(sys.modules["seen_files"], "MEMORY", tmp_path / "memory.json")
    monkeypatch.setattr(copies.snapshot, "transfer", copies.transfer)
    monkeypatch.setattr(copies.snapshot, "is_published", copies.published.__contains__)
    monkeypatch.setattr(
        copies.snapshot, "send_manifest", lambda sent, _: copies.manifests.append(sent)
    )
    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + LATER_NS)
    return copies


def entry(content: bytes) -> dict[str, object]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_first_copy_takes_every_file(copies: Copies) -> None:
    manifest = copies.take(FIRST)

    assert copies.transferred == [sorted(FILES)]
    assert manifest["files"] == {name: entry(content) for name, content in FILES.items()}
    assert "previous" not in manifest


def test_of_an_unchanged_site_only_the_folders_are_copied(copies: Copies) -> None:
    first = copies.take(FIRST)

    second = copies.take(SECOND, FIRST)

    assert copies.transferred[1:] == [["input", "output/sub", "workflows"]]
    assert second["files"] == first["files"]
    assert second["previous"] == FIRST


def test_what_changed_is_copied_and_read_and_what_was_deleted_is_left_out(copies: Copies) -> None:
    copies.take(FIRST)
    (copies.site / "input/a.png").write_bytes(b"new")
    (copies.site / "workflows/c.json").unlink()

    second = copies.take(SECOND, FIRST)

    assert copies.transferred[1:] == [["input/a.png", "output/sub"]]
    assert second["files"] == {
        "input/a.png": entry(b"new"),
        "output/sub/b.png": entry(FILES["output/sub/b.png"]),
    }


def test_every_file_is_copied_where_the_point_before_is_gone(copies: Copies) -> None:
    copies.take(FIRST)
    copies.published.clear()

    second = copies.take(SECOND, FIRST)

    assert copies.transferred[1:] == [sorted(FILES)]
    assert "previous" not in second


@pytest.mark.parametrize("previous", [None, FIRST])
def test_a_copy_that_shares_nothing_or_with_another_point_than_the_last_reads_every_file(
    copies: Copies, previous: str | None
) -> None:
    copies.take(FIRST)
    copies.take(SECOND, FIRST)

    third = copies.take(THIRD, previous)

    assert copies.transferred[2:] == [sorted(FILES)]
    assert "previous" not in third


def test_a_folder_that_vanishes_during_the_copy_leaves_its_files_to_the_point_before(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies.take(FIRST)

    def transfer(names: list[str], *_: object) -> bool:
        (copies.site / "output/sub/b.png").unlink(missing_ok=True)
        if "output/sub" in names:
            (copies.site / "output/sub").rmdir()
            return False
        return True

    monkeypatch.setattr(copies.snapshot, "transfer", transfer)

    assert copies.take(SECOND, FIRST)["files"] == copies.manifests[0]["files"]


def test_an_unchanged_file_that_cannot_be_read_is_named(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["site_listing"], "digests", lambda _, names: [None for _ in names]
    )

    with pytest.raises(PermissionError, match=r"input/a\.png cannot be read"):
        copies.take(FIRST)


def test_a_file_that_becomes_a_link_during_the_copy_is_left_out(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transfer(*_: object) -> bool:
        path = copies.site / "input/a.png"
        path.unlink(missing_ok=True)
        path.symlink_to(copies.site / "workflows/c.json")
        return True

    monkeypatch.setattr(copies.snapshot, "transfer", transfer)

    assert "input/a.png" not in copies.take(FIRST)["files"]
