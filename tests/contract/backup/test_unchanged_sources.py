"""A point of a site in which little changed: what travels, and that the point is whole."""

from __future__ import annotations

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

FIRST, SECOND = "20261122T201530.123Z", "20261122T201534.123Z"
FILES = {"input/a.png": b"a", "output/sub/b.png": b"b" * 5000, "workflows/照片.json": b"{}"}
SETTLED = "[ $(($(date +%s) - $(stat -c %Z /site/output/sub/b.png))) -gt 3 ]"
DAMAGED = 5


@pytest.fixture
def settled(lab: BackupLab) -> BackupLab:
    """A first point of a site that nobody wrote to for three seconds."""
    lab.primary.put(FILES)
    lab.primary.await_true(SETTLED)
    lab.snapshot(FIRST)
    return lab


def travelled(lab: BackupLab, previous: str | None = FIRST) -> set[str]:
    """The files that come to the server with a second copy."""
    linked = ["--previous", previous] if previous else []
    lab.primary.checked("colordrill-snapshot", SECOND, *linked)
    copy = f"/backup/incoming/{SECOND}"
    found = lab.server.checked("find", copy, "-type", "f", "-printf", r"%P\n").splitlines()
    return set(found) - {"MANIFEST.json"}


def expect_whole(lab: BackupLab, expected: dict[str, bytes]) -> None:
    lab.server.checked("colordrill-verify", SECOND)
    lab.dr.checked("colordrill-restore", SECOND)
    assert lab.dr.site() == expected


def test_of_an_unchanged_site_nothing_travels_and_its_point_is_whole(settled: BackupLab) -> None:
    assert travelled(settled) == set()

    settled.server.checked("colordrill-publish", SECOND)

    expect_whole(settled, FILES)
    kept = f"/backup/points/{FIRST}/output/sub/b.png"
    shared = f"/backup/points/{SECOND}/output/sub/b.png"
    assert settled.server.run("test", kept, "-ef", shared).exit_code == 0


def test_what_changed_travels_alone_and_a_folder_has_the_rights_that_it_has_now(
    settled: BackupLab,
) -> None:
    settled.primary.checked("sh", "-c", "printf n > /site/input/a.png")
    settled.primary.checked("chmod", "0750", "/site/output/sub")

    assert travelled(settled) == {"input/a.png"}

    settled.server.checked("colordrill-publish", SECOND)
    expect_whole(settled, {**FILES, "input/a.png": b"n"})
    folder = f"/backup/points/{SECOND}/output/sub"
    assert settled.server.checked("stat", "--format=%a", folder).strip() == "750"


def test_other_bytes_of_the_same_size_and_time_are_not_taken_for_the_old_ones(
    settled: BackupLab,
) -> None:
    settled.primary.put({"input/a.png": b"n"})
    travelled(settled)

    ended = settled.server.run("colordrill-publish", SECOND)

    # rsync takes the old file for it; its hash at the source is another one
    assert ended.exit_code == DAMAGED
    assert "input/a.png" in ended.stderr
    assert settled.points() == [FIRST]


def test_a_shared_file_that_was_damaged_meanwhile_is_noticed_and_the_next_copy_is_whole(
    settled: BackupLab,
) -> None:
    settled.server.checked("sh", "-c", f"printf Z > /backup/points/{FIRST}/input/a.png")
    assert travelled(settled) == set()

    refused = settled.server.run("colordrill-publish", SECOND)

    assert refused.exit_code == DAMAGED
    assert "input/a.png" in refused.stderr
    assert settled.points() == [FIRST]
    assert travelled(settled, previous=None) == set(FILES)
    settled.server.checked("colordrill-publish", SECOND)
    expect_whole(settled, FILES)


def test_everything_travels_where_the_point_before_was_removed(settled: BackupLab) -> None:
    settled.server.checked("rm", "-r", f"/backup/points/{FIRST}")

    assert travelled(settled) == set(FILES)

    settled.server.checked("colordrill-publish", SECOND)
    expect_whole(settled, FILES)


def test_a_memory_that_is_nonsense_costs_a_whole_copy_and_no_more(settled: BackupLab) -> None:
    settled.primary.checked("sh", "-c", "echo '[' > /tmp/colordrill-snapshot.json")

    # rsync makes hard links of what it finds unchanged
    assert travelled(settled) == set(FILES)

    settled.server.checked("colordrill-publish", SECOND)
    expect_whole(settled, FILES)
