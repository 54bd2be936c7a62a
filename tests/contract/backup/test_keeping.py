"""Verifying and removing points on the real server, while agents copy and restore."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

FIRST, SECOND, THIRD = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
DAMAGED = 5
FILES = {"output/a.png": b"a" * 1000, "output/line\nbreak.png": b"b", "workflows/人物.json": b"{}"}
KEEP_ONE = ("colordrill-forget", "--keep-last", "1")


@pytest.fixture
def three(lab: BackupLab) -> BackupLab:
    """Three points that share all of their files."""
    lab.primary.put(FILES)
    previous = None
    for point in (FIRST, SECOND, THIRD):
        lab.snapshot(point, previous)
        previous = point
    return lab


def forgotten(lab: BackupLab, *words: str) -> dict[str, Any]:
    return dict(json.loads(lab.server.checked(*KEEP_ONE, *words)))


def verified(lab: BackupLab) -> dict[str, Any]:
    """What the catalogue says of each point's verification."""
    return {
        each["point"]: each["verified"]
        for each in json.loads(lab.server.checked("colordrill-points"))
    }


def test_what_was_verified_is_restored_after_the_others_were_removed(three: BackupLab) -> None:
    three.server.checked("colordrill-verify", FIRST)

    assert forgotten(three)["removed"] == [SECOND]

    assert three.points() == [FIRST, THIRD]
    for point in (FIRST, THIRD):
        three.server.checked("colordrill-verify", point)
        three.dr.checked("colordrill-restore", point)
        assert three.dr.site() == FILES
        three.dr.clear()


def test_rot_in_a_shared_file_is_found_in_each_point_that_holds_it(three: BackupLab) -> None:
    three.server.checked("sh", "-c", f"printf X > /backup/points/{FIRST}/output/a.png")

    ended = [three.server.run("colordrill-verify", point) for point in (FIRST, SECOND, THIRD)]

    assert [each.exit_code for each in ended] == [DAMAGED] * 3
    assert all(each and each["damaged"] == ["output/a.png"] for each in verified(three).values())
    assert forgotten(three)["removed"] == []


def test_a_point_that_is_being_restored_is_not_removed_until_that_is_over(
    three: BackupLab,
) -> None:
    # bounded: the test waits for the restore's end, also where it fails
    gate = "for _ in $(seq 600); do [ -e /tmp/go ] && break; sleep 0.1; done"
    write = (
        "import pathlib, sys; p = pathlib.Path('/tmp/wrapped/rsync'); "
        "p.parent.mkdir(exist_ok=True); p.write_text(sys.argv[1]); p.chmod(0o755)"
    )
    script = f'#!/bin/sh\ncase "$*" in *MANIFEST*) {gate};; esac\nexec /usr/bin/rsync "$@"\n'
    three.dr.checked("python3", "-c", write, script)
    path = "PATH=/tmp/wrapped:/usr/local/bin:/usr/bin:/bin"
    with three.dr.starting("env", path, "colordrill-restore", FIRST) as restore:
        # the copy of the point has left one too, which is not empty: it was given back
        held = f"find /backup/leases -name '{FIRST}.*' -size 0"
        three.server.await_true(f"{held} | grep .")

        assert forgotten(three)["in_use"] == [FIRST]
        three.dr.checked("touch", "/tmp/go")
        assert restore.ended().exit_code == 0

    three.dr.checked("rm", "-r", "/tmp/go", "/tmp/wrapped")
    assert three.dr.site() == FILES
    assert forgotten(three)["removed"] == [FIRST]


def test_a_restore_gives_its_lease_back(three: BackupLab) -> None:
    three.dr.checked("colordrill-restore", FIRST)

    held = three.server.checked("find", "/backup/leases", "-type", "f", "-size", "0")

    assert held == ""


def test_what_is_no_id_leaves_no_lease_anywhere(three: BackupLab) -> None:
    before = three.server.checked("find", "/backup")

    assert three.dr.run("colordrill-restore", "../points").exit_code != 0

    assert three.server.checked("find", "/backup") == before


def test_an_account_that_may_only_read_restores_without_a_lease(three: BackupLab) -> None:
    right = "sed -i 's/read only = {}/read only = {}/' /tmp/rsyncd.conf"
    three.server.checked("sh", "-c", right.format("no", "yes"))
    try:
        three.dr.checked("colordrill-restore", FIRST)
    finally:
        three.server.checked("sh", "-c", right.format("yes", "no"))

    assert three.dr.site() == FILES


def test_an_agent_cannot_write_the_result_of_a_verification(three: BackupLab) -> None:
    address = "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup"
    push = f"rsync /etc/hostname {address}/verified/{FIRST}.json"

    three.primary.run("sh", "-c", push)

    assert three.server.checked("ls", "/backup/verified") == ""


def test_a_folder_that_was_read_only_at_the_site_goes_with_its_point(lab: BackupLab) -> None:
    lab.primary.put({"output/sub/a.png": b"a"})
    lab.primary.checked("chmod", "555", "/site/output/sub")
    lab.snapshot(FIRST)
    lab.primary.checked("chmod", "755", "/site/output/sub")
    lab.snapshot(SECOND, previous=FIRST)

    assert forgotten(lab)["removed"] == [FIRST]

    lab.server.checked("colordrill-verify", SECOND)
    assert lab.server.checked("ls", "/backup/deleting") == ""


def test_a_copy_that_is_under_way_is_not_swept_and_a_cut_one_is(three: BackupLab) -> None:
    later = ("env", "LD_PRELOAD=/usr/local/lib/libfaketime.so.1", "NO_FAKE_STAT=1", "FAKETIME=+10m")
    three.primary.checked("colordrill-snapshot", "20261122T201540.000Z")
    assert forgotten(three)["swept"] == []

    swept = json.loads(three.server.checked(*later, *KEEP_ONE))["swept"]

    assert swept == ["20261122T201540.000Z"]
    assert three.server.checked("ls", "/backup/incoming") == ""
