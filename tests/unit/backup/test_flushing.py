"""What a restore has brought is on the disk before it ends well, whoever kept the point."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import program

POINT = "20261122T201530.123Z"
SITE_FAULT = 7
CONTENTS = {"output/a.png": b"a picture", "config/stack.env": b"IMAGE=x\n"}
FILES = {
    name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    for name, content in CONTENTS.items()
}
MODULES = (
    "recovery_point",
    "site_volumes",
    "known_manifests",
    "earlier_restore",
    "restic_command",
    "offsite_repository",
    "offsite_restore",
    "s3_store",
    "s3_points",
    "site_listing",
)


@dataclass
class Site:
    """A site, and the program that restores `FILES` into it.

    Attributes:
        root: of the site.
        words: the program and what it is asked.
        flushed: what lay at the site each time that it was flushed.
        failure: what becomes of a flush.
    """

    root: Path
    words: list[str]
    program: Any = None
    flushed: list[dict[str, bytes]] = field(default_factory=list)
    failure: OSError | None = None

    def put(self, *_: object) -> None:
        for name, content in CONTENTS.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)

    def held(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def flush(self) -> None:
        self.flushed.append(self.held())
        if self.failure is not None:
            raise self.failure

    def restore(self, *options: str) -> int:
        """The exit code."""
        sys.argv = [*self.words, POINT, *options]
        try:
            self.program.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0


@contextmanager
def manifest_there(_: str) -> Iterator[Any]:
    yield object(), lambda: FILES


def patches(site: Site) -> dict[str, Any]:
    """What plays the other end for each of the programs."""
    played: dict[str, dict[str, Any]] = {
        "colordrill-restore": {
            "lease": lambda _point: nullcontext(),
            "manifest_files": lambda _point: FILES,
            "remember": lambda *_: None,
        },
        "colordrill-offsite": {
            "largest_ahead": lambda _point: nullcontext({}),
            "chosen": manifest_there,
            "remember": lambda *_: None,
        },
        "colordrill-s3": {"at_dr": object, "published": lambda *_: FILES},
    }
    return played[site.words[0]]


@pytest.fixture(
    params=[["colordrill-restore"], ["colordrill-offsite", "restore"], ["colordrill-s3", "restore"]]
)
def site(
    request: pytest.FixtureRequest, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """*store* lets the modules be found."""
    site = Site(tmp_path / "site", request.param)
    monkeypatch.setenv("SITE_ROOT", str(site.root))
    monkeypatch.setattr(sys, "argv", [])
    for name in MODULES:
        sys.modules.pop(name, None)
    volumes = import_module("site_volumes")
    # no signal handler stays behind
    monkeypatch.setattr(volumes.signal, "signal", lambda *_: None)
    monkeypatch.setattr(volumes, "LOCK", tmp_path / "lock")
    site.program = program(site.words[0])
    own = {"bring": site.put, "flush": site.flush, **patches(site)}
    for name, acting in own.items():
        monkeypatch.setattr(site.program, name, acting)
    yield site
    for name in MODULES:
        sys.modules.pop(name, None)


def test_a_restore_that_ends_well_has_flushed_all_that_it_brought(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.restore() == 0

    assert site.flushed == [CONTENTS]
    assert POINT in capsys.readouterr().out


def test_a_site_that_cannot_be_flushed_is_at_fault_and_left_empty(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.failure = OSError(errno.EIO, "the site could not be flushed")

    assert site.restore() == SITE_FAULT

    printed, said = capsys.readouterr()
    assert (printed, site.held()) == ("", {})
    assert "the site could not be flushed" in said


def test_what_an_earlier_restore_brought_is_flushed_too_and_stays_where_that_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "colordrill-s3" in site.words:
        return
    site.put()
    for name in ("known_manifests", "earlier_restore"):
        monkeypatch.setattr(import_module(name), "known_files", lambda _point: FILES, raising=False)
    after = ("--after", POINT, "--canaries", "verifycan-")
    assert site.restore(*after) == 0

    site.failure = OSError(errno.EIO, "the site could not be flushed")
    assert site.restore(*after) == SITE_FAULT

    assert site.flushed == [CONTENTS, CONTENTS]
    assert site.held() == CONTENTS


@pytest.fixture
def volumes(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A site's volumes, all on one file system; one of them is not there."""
    monkeypatch.setenv("SITE_ROOT", str(tmp_path))
    for name in ("recovery_point", "site_volumes"):
        sys.modules.pop(name, None)
    for name in ("input", "output", "workflows", "models"):
        (tmp_path / name).mkdir()
    return import_module("site_volumes")


def libc(syncfs: Callable[[int], int]) -> Callable[..., Any]:
    return lambda *_, **__: type("Libc", (), {"syncfs": staticmethod(syncfs)})


def test_each_file_system_of_a_site_is_flushed_once(
    volumes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def syncfs(descriptor: int) -> int:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        return 0

    monkeypatch.setattr(volumes.ctypes, "CDLL", libc(syncfs))
    volumes.flush()
    assert synced == ["input"]

    really, devices = os.fstat, count()

    def each_on_its_own(descriptor: int) -> os.stat_result:
        mode, inode, *rest = really(descriptor)
        return os.stat_result((mode, inode, next(devices), *rest[1:]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(volumes.os, "fstat", each_on_its_own)
        volumes.flush()
    assert synced == ["input", "input", "output", "workflows", "models"]


def test_a_file_system_that_could_not_write_everything_is_an_error_of_the_site(
    volumes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def syncfs(_: int) -> int:
        volumes.ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr(volumes.ctypes, "CDLL", libc(syncfs))

    with pytest.raises(OSError, match="could not be flushed: Input/output error") as raised:
        volumes.flush()

    assert raised.value.errno == errno.EIO


def test_a_merge_flushes_by_the_same_function(volumes: Any) -> None:
    assert program("colordrill-merge").flush is volumes.flush
