"""What `colordrill-s3` makes of points that are damaged, hostile or absent: nothing stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from unit.backup.s3_agents import DAMAGED, FAILED, FIRST, NOT_EMPTY, SECOND, SITE, Agents

LIMIT_S = 30.0
SHA = "0" * 64
ENTRY = {"sha256": SHA, "bytes": 1, "version": "v0", "mode": 0o644, "mtime_ns": 1}


@pytest.fixture
def taken(agents: Agents) -> Agents:
    """A site with one point."""
    agents.put(SITE)
    agents.took(FIRST)
    return agents


def expect_damage_and_an_empty_site(agents: Agents, point: str = FIRST) -> str:
    code, _, said = agents.run("restore", point, site="dr")
    assert code == DAMAGED, said
    assert agents.held("dr") == {}
    return said


@pytest.mark.parametrize("spoilt", [b"pictures", b"pictur", b"", b"Picture"])
def test_bytes_that_are_not_the_manifests_are_damage(taken: Agents, spoilt: bytes) -> None:
    taken.replica.objects[taken.version(FIRST, "output/a.png")] = spoilt

    assert "not what the manifest says" in expect_damage_and_an_empty_site(taken)
    assert taken.run("verify", FIRST)[0] == DAMAGED


def test_a_version_that_is_gone_is_damage(taken: Agents) -> None:
    del taken.replica.objects[taken.version(FIRST, "output/a.png")]

    assert "cannot be read" in expect_damage_and_an_empty_site(taken)


def test_a_version_that_breaks_off_again_and_again_is_damage(taken: Agents) -> None:
    taken.replica.unreadable.add(taken.version(FIRST, "output/a.png"))

    assert "it broke off" in expect_damage_and_an_empty_site(taken)


def test_a_version_that_breaks_off_once_is_read_again(taken: Agents) -> None:
    version = taken.version(FIRST, "output/a.png")
    taken.replica.unreadable.add(version)
    taken.replica.when_asked = lambda: taken.replica.unreadable.discard(version)

    assert taken.restored(FIRST) == SITE


def test_a_link_that_is_cut_while_a_version_is_read_is_no_damage(taken: Agents) -> None:
    taken.replica.unreadable.add(taken.version(FIRST, "output/a.png"))

    def cut() -> None:
        if any((taken.root / "dr").rglob("*.png")):
            taken.replica.down = True

    taken.replica.when_asked = cut

    code, _, said = taken.run("restore", FIRST, site="dr")

    assert code == FAILED
    assert "cannot be reached; the site is empty again" in said
    assert taken.held("dr") == {}


def manifest(**different: Any) -> bytes:
    entry = {**ENTRY, **different}
    told = {name: each for name, each in entry.items() if each is not None}
    return json.dumps({"point": FIRST, "strategy": "s3", "files": {"output/a": told}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"point": "20261122T201534.123Z", "files": {}}',
        json.dumps({"point": FIRST, "files": {"../etc/passwd": ENTRY}}).encode(),
        json.dumps({"point": FIRST, "files": {"/etc/passwd": ENTRY}}).encode(),
        json.dumps({"point": FIRST, "files": {"elsewhere/a": ENTRY}}).encode(),
        manifest(version=None),
        manifest(version=7),
        manifest(bytes="1"),
        manifest(bytes=True),
        manifest(mode=None),
        manifest(mtime_ns=1 << 70),
        manifest(mtime_ns=1.5),
    ],
)
def test_a_manifest_that_is_none_is_damage_and_is_listed_as_a_problem(
    agents: Agents, content: bytes
) -> None:
    agents.replica.objects[f"points/{FIRST}.json", "v"] = content

    expect_damage_and_an_empty_site(agents)

    (listed,) = agents.run("list")[1]
    assert (listed["point"], set(listed)) == (FIRST, {"point", "problem"})


def test_what_lies_beside_the_manifests_is_no_point(taken: Agents) -> None:
    for key in ("points/", "points/x.json", "points/../x.json", f"points/{SECOND}", "points/a/b"):
        taken.replica.objects[key, "v"] = b"{}"

    assert taken.listed() == [FIRST]


def test_the_next_point_is_taken_whole_where_the_newest_manifest_is_damaged(
    taken: Agents,
) -> None:
    taken.replica.objects[f"points/{FIRST}.json", "v0"] = b"{"
    found = taken.points.manifests(taken.replica)[FIRST]
    taken.replica.objects[found] = b"{"

    assert taken.took(SECOND)["sent"] == len(SITE)

    assert taken.restored(SECOND) == SITE


def test_a_site_that_holds_data_is_left_as_it_is(taken: Agents) -> None:
    taken.put({"output/theirs.png": b"theirs"}, "dr")

    code, _, said = taken.run("restore", FIRST, site="dr")

    assert code == NOT_EMPTY
    assert "holds data already" in said
    assert taken.held("dr") == {"output/theirs.png": b"theirs"}


@pytest.mark.parametrize("point", [SECOND, "", "../points", "x" * 5000, "20261322T201530.123Z"])
def test_a_point_that_is_not_there_is_an_error_and_no_damage(taken: Agents, point: str) -> None:
    for words in (
        ("restore", point),
        ("verify", point),
        ("read", point, "config/stack.env"),
    ):
        code, _, said = taken.run(*words, site="dr")
        assert code == FAILED
        assert "no recovery point" in said
        assert len(said) < 200
    assert taken.held("dr") == {}


@pytest.mark.parametrize("point", ["", "../points", "x" * 5000, "20261322T201530.123Z"])
def test_what_is_no_id_is_never_taken(agents: Agents, point: str) -> None:
    code, _, said = agents.run("take", point)

    assert code == FAILED
    assert "is no recovery point's id" in said
    assert agents.source.puts == []


def test_one_file_is_told_as_text_once_its_hash_is_right(taken: Agents) -> None:
    assert taken.run("read", FIRST, "config/stack.env")[1]["text"] == "IMAGE=x\n"

    taken.replica.objects[taken.version(FIRST, "config/stack.env")] = b"IMAGE=y\n"

    assert taken.run("read", FIRST, "config/stack.env")[0] == DAMAGED
    assert taken.run("read", FIRST, "config/none")[0] == FAILED


def test_who_is_told_to_end_leaves_the_site_empty(taken: Agents) -> None:
    ended = taken.program.EndedError
    taken.replica.unreadable.add(taken.version(FIRST, "output/a.png"))

    def end() -> None:
        if any((taken.root / "dr").rglob("*.png")):
            raise ended("this was told to end (SIGTERM)")

    taken.replica.when_asked = end

    code, _, said = taken.run("restore", FIRST, site="dr")

    assert code == FAILED
    assert "the site is empty again" in said
    assert taken.held("dr") == {}


def test_a_thread_that_still_waits_puts_nothing_into_a_site_that_was_emptied(
    taken: Agents,
) -> None:
    late, damaged = (taken.version(FIRST, name) for name in ("output/a.png", "config/stack.env"))
    waiting, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    read, bring = taken.replica.read, taken.program.bring

    def read_late(version: Any) -> Iterator[bytes]:
        if version == late:
            waiting.set()
            assert go_on.wait(LIMIT_S)
            # it is tried again, and so begun once more
            raise taken.replica.errors.BrokenReadError("it broke off")
        if version == damaged:
            assert waiting.wait(LIMIT_S)
            yield b"damaged"
        yield from read(version)

    def bring_late(store: Any, name: str, *rest: Any) -> None:
        try:
            bring(store, name, *rest)
        finally:
            if name == "output/a.png":
                ended.set()

    taken.replica.read = read_late  # type: ignore[method-assign]
    taken.program.bring = bring_late

    assert "not what the manifest says" in expect_damage_and_an_empty_site(taken)

    go_on.set()
    assert ended.wait(LIMIT_S)
    assert taken.held("dr") == {}


def test_a_container_that_is_no_end_of_a_bucket_says_which_variable_it_lacks(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without() -> None:
        raise KeyError("POINTS_DR_ENDPOINT")

    monkeypatch.setattr(agents.program, "at_dr", without)

    code, _, said = agents.run("list")

    assert code == FAILED
    assert "no 'POINTS_DR_ENDPOINT'" in said
