"""What `colordrill-s3 take` makes of a site; the buckets are in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from unit.backup.s3_agents import FAILED, FIRST, SECOND, SITE, THIRD, Agents


def test_a_point_is_restored_as_it_was_with_its_times_and_rights(agents: Agents) -> None:
    agents.put(SITE)
    path = agents.root / "primary/output/a.png"
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    path.chmod(0o640)

    assert agents.took(FIRST) == {"point": FIRST, "files": 3, "bytes": 15, "sent": 3}

    assert agents.restored(FIRST) == SITE
    status = (agents.root / "dr/output/a.png").stat()
    assert (status.st_mtime_ns, status.st_mode & 0o777) == (1_700_000_000_123_456_789, 0o640)


def test_what_is_unchanged_is_not_sent_again(agents: Agents) -> None:
    agents.put(SITE)
    agents.took(FIRST)
    agents.put({"output/a.png": b"another", "output/b.png": b"new"})

    assert agents.took(SECOND)["sent"] == 2

    assert agents.restored(SECOND) == {**SITE, "output/a.png": b"another", "output/b.png": b"new"}


def test_a_file_that_came_back_as_it_was_in_an_older_point_is_sent_again(agents: Agents) -> None:
    for point, content in ((FIRST, b"one"), (SECOND, b"two"), (THIRD, b"one")):
        agents.put({"output/a.png": content})
        assert agents.took(point)["sent"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "input/new\nline.png",
        "input/\udcff\udcfe.png",
        "input/back\\slash",
        "input/" + "/".join(["d" * 200] * 5),
    ],
)
def test_names_that_are_no_keys_are_kept_under_their_hash(agents: Agents, name: str) -> None:
    agents.put({name: b"odd"})

    agents.took(FIRST)

    (key,) = [key for key in agents.source.puts if key.startswith("files/")]
    assert key.startswith("files/by-hash/")
    assert agents.restored(FIRST) == {name: b"odd"}


def test_a_file_whose_name_a_folder_takes_later_is_kept_in_both_points(agents: Agents) -> None:
    agents.put({"output/a": b"file"})
    agents.took(FIRST)
    (agents.root / "primary/output/a").unlink()
    agents.put({"output/a/b": b"below"})

    agents.took(SECOND)

    assert agents.restored(SECOND) == {"output/a/b": b"below"}


def test_a_version_that_no_listing_shows_is_asked_for_and_not_sent_again(agents: Agents) -> None:
    agents.put(SITE)
    agents.took(FIRST)
    agents.replica.unlisted.add(agents.version(FIRST, "output/a.png"))

    assert agents.took(SECOND)["sent"] == 0


def test_a_version_that_the_dr_site_has_lost_is_sent_again(agents: Agents) -> None:
    agents.put(SITE)
    agents.took(FIRST)
    del agents.replica.objects[agents.version(FIRST, "output/a.png")]

    assert agents.took(SECOND)["sent"] == 1

    assert agents.restored(SECOND) == SITE


def test_a_point_is_not_published_while_the_dr_site_lacks_a_file(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents.points, "ARRIVAL_LIMIT_S", 0.02)
    monkeypatch.setattr(agents.points, "REMIND_EVERY_S", 0.005)
    agents.put(SITE)
    agents.source.replica = None

    code, _, said = agents.run("take", FIRST)

    assert code == FAILED
    assert "did not reach the DR site's bucket" in said
    assert agents.listed() == []
    assert agents.source.reminded
    agents.source.replica = agents.replica
    agents.took(FIRST)
    assert agents.restored(FIRST) == SITE


def test_a_point_is_not_published_where_other_bytes_arrived(agents: Agents) -> None:
    agents.put(SITE)
    put = agents.source.put

    def corrupting(key: str, body: Any, sha256: str, *, once: bool = False) -> str:
        number = put(key, body, sha256, once=once)
        agents.replica.objects[key, number] += b"!"
        return number

    agents.source.put = corrupting  # type: ignore[method-assign]

    code, _, said = agents.run("take", FIRST)

    assert (code, agents.listed()) == (FAILED, [])
    assert "not what was sent" in said


@pytest.mark.parametrize("where", ["source", "replica"])
def test_a_bucket_that_is_out_of_reach_fails_and_publishes_nothing(
    agents: Agents, where: str
) -> None:
    agents.put(SITE)
    getattr(agents, where).down = True

    code, _, said = agents.run("take", FIRST)

    getattr(agents, where).down = False
    assert (code, agents.listed()) == (FAILED, [])
    assert "cannot be reached" in said


def changing(agents: Agents, times: int) -> Callable[[str], None]:
    """Writes a file in place, another time with each of its requests, as SaveImage does."""
    left = iter(range(times))

    def write(key: str) -> None:
        number = next(left, None)
        if key == "files/output/a.png" and number is not None:
            agents.put({"output/a.png": b"x" * (number + 1)})

    return write


def test_a_file_that_changes_while_it_is_sent_is_sent_again_whole(agents: Agents) -> None:
    agents.put({"output/a.png": b"picture"})
    agents.source.before_put = changing(agents, 3)

    agents.took(FIRST)

    assert agents.restored(FIRST) == {"output/a.png": b"xxx"}


def test_a_file_that_never_stands_still_makes_no_point(agents: Agents) -> None:
    agents.put({"output/a.png": b"picture"})
    agents.source.before_put = changing(agents, 99)

    code, _, said = agents.run("take", FIRST)

    assert (code, agents.listed()) == (FAILED, [])
    assert "kept changing" in said


def test_a_file_that_is_deleted_before_it_is_sent_is_left_out(agents: Agents) -> None:
    agents.put(SITE)
    agents.source.before_put = lambda key: (
        (agents.root / "primary/output/a.png").unlink(missing_ok=True)
        if key == "files/input/empty"
        else None
    )

    agents.took(FIRST)

    assert "output/a.png" not in agents.restored(FIRST)


def test_a_point_that_is_published_stays_as_it_is(agents: Agents) -> None:
    agents.put(SITE)
    agents.took(FIRST)
    agents.put({"output/a.png": b"another"})

    code, _, said = agents.run("take", FIRST)

    assert code == FAILED
    assert "published already" in said
    assert agents.restored(FIRST) == SITE


def test_the_first_version_of_a_manifest_counts_whoever_wrote_another_one(agents: Agents) -> None:
    agents.put(SITE)
    agents.took(FIRST)
    agents.replica.objects["points/" + FIRST + ".json", "later"] = b'{"point": "x"}'

    assert agents.listed() == [FIRST]
    assert agents.restored(FIRST) == SITE
