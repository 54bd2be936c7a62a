"""A restore from off site into a site on which an earlier one was cut off, or finished and checked.

Wherever the earlier one took its point from, and whether or not the backup server is still there.
"""

from __future__ import annotations

import secrets

import pytest

from colordrill.backup.points import PointDamaged, SiteHoldsData
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.strategy_lab import Kept

pytestmark = [pytest.mark.docker, pytest.mark.nightly]

OLDER, POINT = "20261122T201530.123Z", "20261122T201534.123Z"
CANARIES = "verifycan-"
LOCK = "/tmp/colordrill-restore.lock"
OLD = {"input/照片 1.png": b"photo", "models/nano.safetensors": bytes(range(256)) * 100}
FILES = {**OLD, "output/sub/a.png": b"a" * 1000, "workflows/人物.json": b'{"size": 680}'}
LARGE = "models/large.bin"
LARGE_BYTES = 96_000_000
KILL_RESTORE = """
import os, pathlib, signal, sys
staged = pathlib.Path("/site/models/.colordrill-restore")
if not any(each.stat().st_blocks for each in staged.rglob("*.bin")):
    sys.exit(1)
for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = each.read_bytes().split(b"\\0")
    if words[0] == b"restic" or b"/usr/local/bin/colordrill-offsite" in words:
        os.kill(int(each.parent.name), signal.SIGKILL)
"""
HASHES = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} + | sort")


@pytest.fixture
def lost(offsite: Kept) -> Kept:
    """Two points of the primary, on the backup server and off site; the second one holds more."""
    offsite.lab.primary.put(OLD)
    offsite.take(OLDER)
    offsite.lab.primary.put(FILES)
    offsite.take(POINT)
    offsite.lab.dr.checked("sh", "-c", "rm -rf /tmp/colordrill-manifests")
    return offsite


def again(kept: Kept, point: str, *after: str) -> tuple[int, int]:
    restored = kept.copies.restore_after(Part.DR_AGENT, point, after, CANARIES)
    return restored.files, restored.kept


def write(kept: Kept, name: str) -> None:
    """Write a file as somebody does, now: its time is later than every point's here."""
    script = 'mkdir -p "$(dirname "/site/$1")" && printf theirs > "/site/$1"'
    kept.lab.dr.checked("sh", "-c", script, "sh", name)


def test_an_empty_site_is_restored(lost: Kept) -> None:
    assert again(lost, POINT, OLDER) == (4, 0)

    assert lost.lab.dr.site() == FILES


@pytest.mark.parametrize("down", [False, True])
def test_what_a_broken_off_restore_left_is_completed(down: bool, lost: Kept) -> None:
    again(lost, POINT)
    lost.lab.dr.checked("rm", "-r", "/site/output/sub", "/site/models/nano.safetensors")
    write(lost, "models/.colordrill-restore/nano.safetensors")
    write(lost, "input/.colordrill-probe")
    write(lost, "output/verifycan-1000001_00001_.png")

    if down:
        lost.lab.server.container.stop(timeout=0)
    try:
        assert again(lost, POINT, POINT) == (4, 2)
    finally:
        lost.lab.server.container.start()
        lost.lab.await_up()

    assert lost.lab.dr.site() == FILES


def test_a_restore_from_the_backup_server_that_broke_off_is_gone_on_with_from_off_site(
    lost: Kept,
) -> None:
    """The server is gone by then: what it had brought is known by the manifest that was kept."""
    lost.near.take("20261122T201538.123Z")
    lost.near.restore(Part.DR_AGENT, "20261122T201538.123Z")
    lost.lab.dr.checked("rm", "-r", "/site/output/sub")
    write(lost, "models/.nano.safetensors.Ab3dE9")
    lost.lab.server.container.stop(timeout=0)
    try:
        assert again(lost, OLDER, "20261122T201538.123Z") == (2, 2)
    finally:
        lost.lab.server.container.start()
        lost.lab.await_up()

    assert lost.lab.dr.site() == OLD


def test_a_restore_from_off_site_that_broke_off_is_gone_on_with_from_the_backup_server(
    lost: Kept,
) -> None:
    again(lost, POINT)
    write(lost, "output/.colordrill-restore/sub/a.png")

    restored = lost.near.restore_after(Part.DR_AGENT, OLDER, [POINT], CANARIES)

    assert (restored.files, restored.kept) == (2, 2)
    assert lost.lab.dr.site() == OLD


@pytest.mark.parametrize(
    "name",
    [
        "output/theirs.png",
        "output/.theirs.png.Ab3dE9",
        "workflows/verifycan-1.json",
        # a file of the point that somebody has written anew
        "workflows/人物.json",
    ],
)
def test_a_site_that_somebody_wrote_to_is_refused_and_left_as_it_is(name: str, lost: Kept) -> None:
    again(lost, POINT)
    write(lost, name)
    before = lost.lab.dr.site()

    with pytest.raises(SiteHoldsData, match="1 files that no restore is known to have put"):
        again(lost, OLDER, POINT, OLDER)

    assert lost.lab.dr.site() == before


def test_without_an_earlier_restore_a_site_with_data_is_refused_as_ever(lost: Kept) -> None:
    again(lost, POINT)

    with pytest.raises(SiteHoldsData):
        again(lost, POINT)
    with pytest.raises(SiteHoldsData):
        lost.strategy.restore(Part.DR_AGENT, POINT)

    assert lost.lab.dr.site() == FILES


def test_a_damaged_copy_leaves_the_site_empty_for_the_one_before(lost: Kept) -> None:
    lost.near.restore(Part.DR_AGENT, OLDER)
    lost.damage(POINT, LARGE)

    with pytest.raises(PointDamaged):
        again(lost, POINT, OLDER)

    assert lost.lab.dr.site() == {}


def test_a_store_that_is_gone_leaves_what_an_earlier_restore_brought(lost: Kept) -> None:
    lost.near.restore(Part.DR_AGENT, OLDER)
    with lost.down(), pytest.raises(EnvironmentProblem):
        again(lost, POINT, OLDER)

    assert lost.lab.dr.site() == OLD


def test_a_restore_that_was_killed_is_gone_on_with_and_no_half_file_has_its_name(
    lost: Kept,
) -> None:
    lost.lab.primary.put({LARGE: secrets.token_bytes(LARGE_BYTES)})
    newest = "20261122T201542.123Z"
    lost.take(newest)
    words = ("restore", newest, "--canaries", CANARIES)
    with lost.lab.dr.starting("colordrill-offsite", *words) as restoring:
        lost.lab.dr.await_true(f"python3 -c '{KILL_RESTORE}'")
    assert restoring.ended().exit_code != 0
    found = set(lost.lab.dr.checked("find", "/site", "-name", "*.bin").split())
    assert found == {"/site/models/.colordrill-restore/large.bin"}

    assert again(lost, newest, newest)[0] == 5

    assert lost.lab.dr.checked(*HASHES) == lost.lab.primary.checked(*HASHES)


def test_a_second_restore_waits_for_the_first(lost: Kept) -> None:
    first = "sleep 2; touch /tmp/first-is-over"
    lost.lab.dr.container.exec_run(["flock", LOCK, "sh", "-c", first], detach=True)
    lost.lab.dr.await_true(f"! flock --nonblock {LOCK} true")

    again(lost, POINT)

    lost.lab.dr.checked("rm", "/tmp/first-is-over")
