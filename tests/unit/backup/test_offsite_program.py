"""The off-site program on a real disk, with a restic that keeps its snapshots in a file."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import Ended, PointsOnDisk

FIRST, SECOND = "20261122T201530.123Z", "20261122T201534.123Z"
FAILED, DAMAGED, SITE_FAULT = 1, 5, 7
RESTIC = r"""#!PYTHON -IS
import json, os, sys, time
here = os.environ["FAKE_RESTIC"]
verb = next(each for each in sys.argv[1:] if not each.startswith("-"))
def at(name):
    return os.path.join(here, name)
def read(name):
    with open(at(name)) as file:
        return json.load(file)
def write(name, content):
    with open(at(name), "w") as file:
        json.dump(content, file)
told = os.path.isfile(at(verb + ".answer"))
if verb != "init" and not os.path.isfile(at("config")):
    sys.exit(10)
if told:
    code, said = read(verb + ".answer")
    sys.stderr.write(said)
    sys.stderr.flush()
    if code < 0:
        os.kill(os.getpid(), -code)
    if verb != "backup":
        sys.exit(code)
snapshots = read("snapshots") if os.path.isfile(at("snapshots")) else []
if verb == "init":
    write("config", {"id": os.urandom(32).hex()})
elif verb == "cat":
    print(json.dumps(read("config")))
elif verb == "snapshots":
    print(json.dumps(snapshots))
elif verb == "backup":
    (tags,) = (each[6:].split(",") for each in sys.argv if each.startswith("--tag="))
    seen = sum(len(names) for _, _, names in os.walk(".")) - told
    summary = {"total_files_processed": seen}
    files = {}
    for folder, _, names in os.walk("."):
        for name in names:
            with open(os.path.join(folder, name)) as file:
                files[os.path.relpath(file.name)] = file.read()
    one = {"id": os.urandom(32).hex(), "tags": tags, "summary": summary, "files": files}
    snapshots.append(one)
    write("snapshots", snapshots)
    sys.exit(3 if told else 0)
elif verb == "dump":
    wanted, path = sys.argv[-2:]
    tags = [each[6:] for each in sys.argv if each.startswith("--tag=")]
    held = [
        each["files"]
        for each in snapshots
        if wanted in ("latest", each["id"]) and set(tags) <= set(each["tags"])
    ]
    if not held:
        sys.exit("Fatal: no snapshot found")
    if path[1:] not in held[-1]:
        sys.exit(f"Fatal: cannot dump file: path {path}: not found in snapshot")
    sys.stdout.write(held[-1][path[1:]])
elif verb == "restore":
    folder = next(each for each in sys.argv if ":/" in each).partition(":/")[2]
    place = next(each[9:] for each in sys.argv if each.startswith("--target="))
    files = {name: content for name, content in snapshots[-1]["files"].items()
             if name.startswith(folder + "/")}
    paths = {os.path.join(place, name[len(folder) + 1:]): files[name] for name in files}
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    # folders first, files later, as the real one
    time.sleep(0.3)
    for path, content in paths.items():
        with open(path, "w") as file:
            file.write(content)
"""


@dataclass(frozen=True, slots=True)
class Offsite:
    """A backup server with two points, and the store that it copies to."""

    disk: PointsOnDisk
    store: Path

    def run(self, *words: str) -> Ended:
        return self.disk.run("colordrill-offsite", *words)

    def listed(self) -> list[str]:
        ended = self.run("list")
        assert ended.exit_code == 0, ended
        return [each["point"] for each in ended.told]

    def answer(self, verb: str, exit_code: int, said: str) -> None:
        (self.store / f"{verb}.answer").write_text(json.dumps([exit_code, said]))

    def lose(self) -> None:
        for each in self.store.iterdir():
            each.unlink()


@pytest.fixture
def offsite(
    disk: PointsOnDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Offsite]:
    for point in (FIRST, SECOND):
        disk.put(point, {"output/a.png": b"a", "workflows/person.json": b"{}"})
    folder, store = tmp_path / "bin", tmp_path / "store"
    for each in (folder, store):
        each.mkdir()
    (folder / "restic").write_text(RESTIC.replace("PYTHON", sys.executable, 1))
    (folder / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_RESTIC", str(store))
    monkeypatch.setenv("SITE_ROOT", str(tmp_path / "site"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv("RESTIC_REPOSITORY", f"s3:http://127.0.0.1:{port}/offsite")
        yield Offsite(disk, store)


def note(offsite: Offsite) -> Any:
    return json.loads((offsite.disk.root / "offsite-repository.json").read_bytes())["id"]


def test_the_first_copy_makes_the_repository_and_notes_its_id(offsite: Offsite) -> None:
    assert offsite.listed() == []

    assert offsite.run("copy", FIRST).exit_code == 0

    assert offsite.listed() == [FIRST]
    assert note(offsite) == json.loads((offsite.store / "config").read_text())["id"]


def test_a_repository_that_is_gone_is_said_and_not_made_anew(offsite: Offsite) -> None:
    offsite.run("copy", FIRST)
    offsite.lose()

    for words in (("copy", SECOND), ("list",)):
        ended = offsite.run(*words)
        assert ended.exit_code == FAILED
        assert "is gone" in ended.stderr
        assert "offsite-repository.json" in ended.stderr
    assert not (offsite.store / "config").exists()

    (offsite.disk.root / "offsite-repository.json").unlink()
    assert offsite.run("copy", SECOND).exit_code == 0
    assert offsite.listed() == [SECOND]


def test_another_repository_in_its_place_gets_no_copy(offsite: Offsite) -> None:
    offsite.run("copy", FIRST)
    (offsite.store / "config").write_text(json.dumps({"id": "another"}))

    ended = offsite.run("copy", SECOND)

    assert ended.exit_code == FAILED
    assert "another one" in ended.stderr
    assert offsite.listed() == [FIRST]


def test_a_repository_that_is_there_and_was_never_noted_is_gone_on_with(offsite: Offsite) -> None:
    offsite.run("copy", FIRST)
    (offsite.disk.root / "offsite-repository.json").unlink()

    assert offsite.run("copy", SECOND).exit_code == 0

    assert offsite.listed() == [FIRST, SECOND]
    assert note(offsite)


def test_a_copy_that_restic_could_not_read_all_of_is_no_point_and_is_made_again(
    offsite: Offsite,
) -> None:
    offsite.answer("backup", 3, "Warning: at least one source file could not be read\n")

    assert offsite.run("copy", FIRST).exit_code != 0

    assert json.loads((offsite.store / "snapshots").read_text())
    assert offsite.listed() == []
    (offsite.store / "backup.answer").unlink()
    assert offsite.run("copy", FIRST).told["copied"] is True
    assert offsite.listed() == [FIRST]


def test_a_file_of_a_point_is_read_off_site(offsite: Offsite) -> None:
    offsite.run("copy", FIRST)
    offsite.run("copy", SECOND)

    ended = offsite.run("read", FIRST, "workflows/person.json")

    assert ended.told == {"point": FIRST, "text": "{}"}


def test_a_point_is_restored_whole_from_off_site(offsite: Offsite, tmp_path: Path) -> None:
    offsite.run("copy", FIRST)

    ended = offsite.run("restore", FIRST)

    assert ended.told == {"point": FIRST, "files": 2, "kept": 0}
    site = tmp_path / "site"
    placed = {str(each.relative_to(site)) for each in site.rglob("*") if each.is_file()}
    assert placed == {"output/a.png", "workflows/person.json"}


def test_an_incomplete_copy_that_came_later_takes_nothing_from_the_whole_one(
    offsite: Offsite,
) -> None:
    offsite.run("copy", FIRST)
    kept = json.loads((offsite.store / "snapshots").read_text())
    incomplete = {"id": "0" * 64, "summary": {"total_files_processed": 0}, "files": {}}
    kept.append({**kept[0], **incomplete})
    (offsite.store / "snapshots").write_text(json.dumps(kept))

    ended = offsite.run("read", FIRST, "workflows/person.json")

    assert ended.told == {"point": FIRST, "text": "{}"}


def test_a_point_that_was_never_copied_is_not_off_site(offsite: Offsite) -> None:
    offsite.run("copy", FIRST)

    ended = offsite.run("restore", SECOND)

    assert ended.exit_code == FAILED
    assert f"there is no recovery point {SECOND} off site" in ended.stderr


@pytest.mark.parametrize(
    ("exit_code", "said", "expected"),
    [
        (1, "ignoring error for /a: ciphertext verification failed\nFatal: 1 errors", DAMAGED),
        (1, "Load(<data/0a>) invalid data returned\nFatal: 1 errors", DAMAGED),
        (1, "Fatal: repository contains errors", DAMAGED),
        (1, "Fatal: ReadFull(<data/0a>): The requested range 'a' is not satisfiable", DAMAGED),
        (1, "Fatal: The specified key does not exist.", DAMAGED),
        (1, "ignoring error for /a: write: no space left on device\nFatal: 1 errors", FAILED),
        (1, "ignoring error for /a: open /site/a: permission denied\nFatal: 1 errors", FAILED),
        (1, "Fatal: Access Denied. repository contains errors", FAILED),
        (1, "Fatal: connection reset by peer", FAILED),
        (-9, "", FAILED),
    ],
)
def test_only_what_is_stored_is_called_damaged(
    offsite: Offsite, exit_code: int, said: str, expected: int
) -> None:
    tags = [f"point={FIRST}", "files=1", "bytes=1"]
    snapshot = {"id": "0" * 64, "tags": tags, "summary": {"total_files_processed": 2}}
    (offsite.store / "config").write_text(json.dumps({"id": "0" * 64}))
    (offsite.store / "snapshots").write_text(json.dumps([snapshot]))
    offsite.answer("dump", exit_code, said)

    ended = offsite.run("restore", FIRST)

    assert ended.exit_code == expected
    assert "the site is empty again" in ended.stderr


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ignoring error for /a: write /site/a: no space left on device\n{}", SITE_FAULT),
        ("ignoring error for /a: open /site/a: permission denied\n{}", SITE_FAULT),
        ("ignoring error for /a: mkdir /site/a: read-only file system\n{}", SITE_FAULT),
        ("Load(<data/0a>): Access Denied.\n{}", FAILED),
        ("Load(<data/0a>) invalid data returned\n{}", DAMAGED),
    ],
)
def test_a_site_that_takes_nothing_is_at_fault_and_not_the_copy(
    offsite: Offsite, tmp_path: Path, said: str, expected: int
) -> None:
    offsite.run("copy", FIRST)
    offsite.answer("restore", 1, said.format("Fatal: There were 1 errors"))

    ended = offsite.run("restore", FIRST)

    assert ended.exit_code == expected, ended
    assert said.splitlines()[0] in ended.stderr or expected != SITE_FAULT
    assert not any(each.is_file() for each in (tmp_path / "site").rglob("*"))
