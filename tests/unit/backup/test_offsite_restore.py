"""How a restore from off site puts its files in place, and whose manifests explain a site."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

POINT = "20261122T201530.123Z"
A, B, C = "output/a.png", "output/sub/b.png", "models/c.bin"
CONTENTS = {A: b"a", B: b"b", C: b"c"}
FILES = {
    name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    for name, content in CONTENTS.items()
}
STAGED = ".colordrill-restore"


class Site:
    """A site, and a restic that brings `CONTENTS` unless a test lets it do more or less."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.contents = dict(CONTENTS)
        self.meanwhile: Callable[[], object] = lambda: None

    def bring_back(self, _snapshot: object, folder: str, place: Path) -> None:
        for name, content in self.contents.items():
            if name.startswith(f"{folder}/"):
                path = place / name.partition("/")[2]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self.meanwhile()

    def put(self, name: str, content: bytes) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(content)

    def placed(self) -> dict[str, bytes]:
        """Everything that has its name."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and STAGED not in path.parts
        }


@pytest.fixture
def site(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """*store* lets the modules be found."""
    assert store
    monkeypatch.setenv("SITE_ROOT", str(tmp_path / "site"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (
        "recovery_point",
        "site_volumes",
        "restic_command",
        "offsite_repository",
        "offsite_restore",
    ):
        sys.modules.pop(name, None)
    site = Site(tmp_path / "site")
    site.root.mkdir()
    monkeypatch.setattr(import_module("offsite_restore"), "bring_back", site.bring_back)
    return site


def bring(ahead: Any = None) -> None:
    import_module("offsite_restore").bring(object(), FILES, ahead or {})


def error(name: str) -> Any:
    return getattr(import_module("recovery_point"), name)


def test_every_file_takes_its_place_once_all_are_verified(site: Site) -> None:
    bring()

    assert site.placed() == CONTENTS


def test_a_file_that_is_not_what_it_was_keeps_all_from_their_places(site: Site) -> None:
    site.contents[B] = b"rotten"

    with pytest.raises(error("DamagedError"), match=B):
        bring()

    assert site.placed() == {}


def test_a_file_that_cannot_be_read_where_it_waits_is_the_sites_fault(site: Site) -> None:
    def unreadable(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.MonkeyPatch.context() as patched:
        site.meanwhile = lambda: patched.setattr(os, "read", unreadable)
        with pytest.raises(OSError, match="Input/output error"):
            bring()

    assert site.placed() == {}


def test_what_somebody_else_puts_there_meanwhile_is_never_overwritten(site: Site) -> None:
    site.meanwhile = lambda: site.put(B, b"a user's")

    with pytest.raises(error("UnreachableError"), match="somebody else"):
        bring()

    assert site.placed() == {B: b"a user's"}


def test_where_one_cannot_be_put_in_place_none_is(site: Site) -> None:
    site.put("output/sub", b"a file where a folder should be")

    with pytest.raises(OSError, match="sub"):
        bring()

    assert site.placed() == {"output/sub": b"a file where a folder should be"}


def test_a_folder_that_somebody_brings_already_is_awaited_and_verified(site: Site) -> None:
    snapshots = []

    def awaited(snapshot: object) -> None:
        snapshots.append(snapshot)
        site.bring_back(snapshot, "output", site.root / "output" / STAGED)
        site.put(f"output/{STAGED}/a.png", b"rotten")

    with pytest.raises(error("DamagedError"), match=A):
        bring({"output": awaited})

    assert len(snapshots) == 1
    assert site.placed() == {}


@pytest.fixture
def manifests(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module that finds them; neither the backup server nor the store has any."""
    assert site
    sys.modules.pop("known_manifests", None)
    module = import_module("known_manifests")

    def cut_off(point: str) -> Any:
        raise error("UnreachableError")(f"no way to {point}")

    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(module, "manifest_files", cut_off)
    monkeypatch.setattr(module, "snapshots", dict)
    return module


def test_a_manifest_that_was_kept_here_needs_nobody_else(manifests: Any) -> None:
    manifests.remember(POINT, FILES)

    assert manifests.known_files(POINT) == FILES


def test_what_was_never_kept_is_asked_of_the_backup_server_and_then_of_the_store(
    manifests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "snapshots", lambda: {POINT: "snapshot"})
    monkeypatch.setattr(manifests, "manifest_of", lambda _snapshot: {A: FILES[A]})
    assert manifests.known_files(POINT) == {A: FILES[A]}

    monkeypatch.setattr(manifests, "manifest_files", lambda _point: {B: FILES[B]})
    assert manifests.known_files(POINT) == {B: FILES[B]}


@pytest.mark.parametrize(
    "spoilt", ["", "{", "[]", json.dumps({"point": "another", "files": {}}), '{"files": 5}']
)
def test_a_kept_manifest_that_is_spoilt_explains_nothing(spoilt: str, manifests: Any) -> None:
    manifests.remember(POINT, FILES)
    (manifests.KEPT / f"{POINT}.json").write_text(spoilt)

    with pytest.raises(error("UnreachableError"), match="no way"):
        manifests.known_files(POINT)


def test_an_agent_that_knows_no_store_says_what_the_backup_server_did(
    manifests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_store() -> Any:
        raise KeyError("RESTIC_REPOSITORY")

    monkeypatch.setattr(manifests, "snapshots", without_store)

    with pytest.raises(error("UnreachableError"), match="no way"):
        manifests.known_files(POINT)


def test_a_name_that_is_no_points_leads_nowhere(manifests: Any) -> None:
    with pytest.raises(error("UnreachableError"), match="no recovery point"):
        manifests.known_files("../../etc/passwd")


def test_a_restore_goes_on_where_its_manifest_cannot_be_kept(
    manifests: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "kept").write_bytes(b"no folder")

    manifests.remember(POINT, FILES)

    assert "cannot be kept here" in capsys.readouterr().err
