"""What only the off-site copies promise: encryption, least privilege, locks, rotation."""

from __future__ import annotations

import json
import re
import secrets

import pytest

from colordrill.backup.points import PointDamaged
from colordrill.backup.restic import PARTS_OF_DATA
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.command_lines import LOOK_AT_PROCESSES, WATCHED
from fakes.strategy_lab import FLIP, Kept

pytestmark = pytest.mark.docker

FIRST, SECOND, THIRD = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
MARK = b"this text must not be found in the store"
SHARED = "models/shared.bin"
LARGE_BYTES = 64_000_000
AS_WRITER = """
export MC_CONFIG_DIR=/tmp/mc-writer
export MC_HOST_writer="http://$OFFSITE_WRITER_USER:$OFFSITE_WRITER_PASSWORD@127.0.0.1:9000"
"""
OVERWRITE_ALL = f"""{AS_WRITER}
mc --quiet find writer/offsite | grep -v /locks/ | while read -r each; do
  echo spoilt | mc --quiet pipe "$each" > /dev/null
  echo "${{each#writer/offsite/}}"
done
"""
DELETE_ALL = "mc --quiet rm --recursive --versions --force --bypass writer/offsite"
KILL_RESTIC = """
import os, pathlib, signal, sys
for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = each.read_bytes().split(b"\\0")
    if words[0] == b"restic" and b"backup" in words:
        os.kill(int(each.parent.name), signal.SIGKILL)
        sys.exit(0)
sys.exit(1)
"""


@pytest.fixture
def copied(offsite: Kept) -> Kept:
    """A point whose copy is off site."""
    offsite.lab.primary.put({"output/a.png": MARK, SHARED: secrets.token_bytes(600_000)})
    offsite.take(FIRST)
    return offsite


def test_a_bit_that_flips_on_the_backup_server_spoils_all_its_points_and_no_copy(
    copied: Kept,
) -> None:
    copied.lab.primary.put({"output/b.png": b"later"})
    copied.take(SECOND)
    copied.lab.server.checked("python3", "-c", FLIP, f"/backup/points/{SECOND}/{SHARED}")

    for point in (FIRST, SECOND):
        with pytest.raises(PointDamaged):
            copied.near.restore(Part.DR_AGENT, point)
    copied.strategy.restore(Part.DR_AGENT, SECOND)

    assert copied.lab.dr.site() == copied.lab.primary.site()


def test_a_copy_is_restored_without_the_backup_server(copied: Kept) -> None:
    copied.lab.server.container.stop(timeout=0)
    try:
        copied.strategy.restore(Part.DR_AGENT, FIRST)
    finally:
        copied.lab.server.container.start()
        copied.lab.await_up()

    assert copied.lab.dr.site() == copied.lab.primary.site()


def test_a_point_that_is_damaged_on_the_backup_server_is_not_copied(copied: Kept) -> None:
    copied.near.take(SECOND)
    copied.lab.server.checked("python3", "-c", FLIP, f"/backup/points/{SECOND}/{SHARED}")

    with pytest.raises(PointDamaged, match="not what its manifest says"):
        copied.strategy.take(SECOND)

    assert [point.id for point in copied.strategy.listed()] == [FIRST]


def test_a_point_that_was_never_published_is_not_copied(copied: Kept) -> None:
    with pytest.raises(EnvironmentProblem, match="no recovery point"):
        copied.strategy.take(THIRD)


def test_a_second_copy_of_a_point_changes_nothing(copied: Kept) -> None:
    before = copied.lab.storage.checked("colordrill-offsite-storage", "list")

    copied.strategy.take(FIRST)

    assert copied.lab.storage.checked("colordrill-offsite-storage", "list") == before


def test_what_lies_in_the_store_can_be_read_by_nobody_without_the_key(copied: Kept) -> None:
    held = ("grep", "--recursive", "--text", "--files-with-matches")

    for plain in (MARK.decode(), FIRST, "output/a.png"):
        assert copied.lab.storage.run(*held, plain, "/data/offsite").exit_code == 1


def test_looks_in_turn_read_all_of_the_data(copied: Kept) -> None:
    read = [copied.strategy.verify(FIRST) for _ in range(PARTS_OF_DATA + 1)]

    parts = [
        int(found[1]) for found in (re.match(r"part (\d+) of 4", each) for each in read) if found
    ]
    assert parts == [1, 2, 3, 4, 1]
    assert read[PARTS_OF_DATA - 1].endswith("1, 2, 3, 4")


def test_notes_of_looks_that_are_spoilt_have_everything_read_again(copied: Kept) -> None:
    copied.strategy.verify(FIRST)
    for spoilt in ("", "[", '{"of": 4, "parts": {"1": 7}}', '{"of": 4, "parts": []}'):
        copied.lab.server.checked(
            "sh", "-c", 'printf %s "$1" > /backup/offsite-checks.json', "sh", spoilt
        )

        assert copied.strategy.verify(FIRST).startswith("part 1 of 4")


def test_a_repository_that_is_lost_is_not_made_anew_in_silence(copied: Kept) -> None:
    copied.lab.storage.checked("colordrill-offsite-storage", "empty")
    copied.near.take(SECOND)

    with pytest.raises(EnvironmentProblem, match="is gone") as raised:
        copied.strategy.take(SECOND)

    assert not isinstance(raised.value, PointDamaged)
    assert copied.lab.storage.checked("colordrill-offsite-storage", "list") == ""
    copied.lab.server.checked("rm", "/backup/offsite-repository.json")
    copied.strategy.take(SECOND)
    assert [point.id for point in copied.strategy.listed()] == [SECOND]


def test_a_site_without_room_is_not_called_damage(copied: Kept) -> None:
    copied.lab.dr.checked("chmod", "0555", "/site/output")

    with pytest.raises(EnvironmentProblem) as raised:
        copied.strategy.restore(Part.DR_AGENT, FIRST)

    copied.lab.dr.checked("chmod", "0755", "/site/output")
    assert not isinstance(raised.value, PointDamaged)
    assert copied.lab.dr.site() == {}


def test_the_backup_server_cannot_delete_what_is_off_site(copied: Kept) -> None:
    listed = json.loads(copied.lab.server.checked("restic", "--no-cache", "snapshots", "--json"))

    removed = copied.lab.server.run(
        "timeout", "20", "restic", "--no-cache", "forget", "--prune", listed[0]["id"]
    )

    assert removed.exit_code != 0
    assert [point.id for point in copied.strategy.listed()] == [FIRST]
    copied.strategy.restore(Part.DR_AGENT, FIRST)


def test_what_the_backup_server_overwrites_off_site_can_be_undone(copied: Kept) -> None:
    spoilt = copied.lab.storage.checked("sh", "-c", OVERWRITE_ALL).split()
    with pytest.raises(EnvironmentProblem):
        copied.strategy.restore(Part.DR_AGENT, FIRST)

    undone = copied.lab.storage.checked("colordrill-offsite-storage", "undo").split()

    assert "config" in undone
    assert sorted(undone) == sorted(spoilt)
    assert copied.lab.storage.checked("colordrill-offsite-storage", "undo") == ""
    copied.strategy.restore(Part.DR_AGENT, FIRST)
    assert copied.lab.dr.site() == copied.lab.primary.site()


def test_the_writer_cannot_delete_a_version_that_is_locked(copied: Kept) -> None:
    before = versions(copied)

    removed = copied.lab.storage.run("sh", "-c", f"{AS_WRITER} {DELETE_ALL}")

    assert removed.exit_code != 0
    assert before
    assert versions(copied) == before


def versions(copied: Kept) -> list[str]:
    """Every version in the store but those of restic's locks."""
    listed = copied.lab.storage.checked("colordrill-offsite-storage", "list").splitlines()
    return [each for each in listed if " locks/" not in each]


def test_the_dr_site_cannot_write_what_is_off_site(copied: Kept) -> None:
    before = copied.lab.storage.checked("colordrill-offsite-storage", "list")

    written = copied.lab.dr.run("timeout", "20", "restic", "--no-cache", "backup", "/site/config")

    assert written.exit_code != 0
    assert copied.lab.storage.checked("colordrill-offsite-storage", "list") == before


def test_neither_account_reaches_another_bucket(copied: Kept) -> None:
    for box in (copied.lab.server, copied.lab.dr):
        other = box.run(
            "timeout",
            "20",
            "restic",
            "--no-cache",
            "--repo=s3:http://dr-storage:9000/outputs",
            "init",
        )
        assert other.exit_code != 0
        assert "Access Denied" in other.stderr or "denied" in other.stderr.lower()


def test_a_locked_repository_takes_no_copy_and_is_restored_all_the_same(copied: Kept) -> None:
    copied.near.take(SECOND)
    # an exclusive lock of a process that is gone, as a killed `restic prune` on another host leaves
    lock = (
        "restic --no-cache --limit-download 20 check --read-data > /dev/null & "
        "until restic --no-cache --no-lock list locks | grep -q .; do :; done; kill -9 $!; "
        "restic --no-cache --no-lock list locks | grep ."
    )
    copied.lab.server.checked("timeout", "60", "bash", "-c", lock)

    assert re.fullmatch(r"server:\d+ since \S+", copied.copies.lock())
    with pytest.raises(EnvironmentProblem, match="locked") as raised:
        copied.strategy.take(SECOND)

    assert not isinstance(raised.value, PointDamaged)
    assert [point.id for point in copied.strategy.listed()] == [FIRST]
    copied.strategy.restore(Part.DR_AGENT, FIRST)
    copied.lab.server.checked("restic", "--no-cache", "unlock", "--remove-all")
    assert copied.copies.lock() == ""
    copied.strategy.take(SECOND)
    assert [point.id for point in copied.strategy.listed()] == [FIRST, SECOND]


def test_a_copy_that_is_killed_half_way_leaves_no_point(copied: Kept) -> None:
    copied.lab.primary.put({"models/large.bin": secrets.token_bytes(LARGE_BYTES)})
    copied.near.take(SECOND)
    with copied.lab.server.starting("colordrill-offsite", "copy", SECOND) as copying:
        copied.lab.server.await_true(f"python3 -c '{KILL_RESTIC}'")
    ended = copying.ended()

    assert ended.exit_code != 0
    assert "Traceback" not in ended.stderr
    assert [point.id for point in copied.strategy.listed()] == [FIRST]
    copied.strategy.take(SECOND)
    copied.strategy.restore(Part.DR_AGENT, SECOND)
    hashes = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} + | sort")
    assert copied.lab.dr.checked(*hashes) == copied.lab.primary.checked(*hashes)


def test_no_secret_is_on_a_command_line_or_in_a_log(copied: Kept) -> None:
    lab = copied.lab
    copied.near.take(SECOND)
    with (
        lab.server.starting("python3", "-c", WATCHED, "6") as of_server,
        lab.storage.starting("sh", "-c", LOOK_AT_PROCESSES) as of_storage,
        lab.dr.starting("python3", "-c", WATCHED, "6") as of_dr,
    ):
        lab.storage.checked("colordrill-offsite-storage", "make")
        copied.strategy.take(SECOND)
        copied.strategy.verify(SECOND)
        copied.strategy.restore(Part.DR_AGENT, SECOND)
    seen = "".join(each.ended().stdout for each in (of_server, of_storage, of_dr))
    logged = "".join(box.container.logs().decode("utf-8", "replace") for box in lab.boxes())

    assert "restic" in seen
    assert "mc " in seen
    for secret in lab.secrets.all():
        assert secret not in seen
        assert secret not in logged
