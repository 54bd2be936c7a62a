"""A restore into a site on which an earlier one was broken off, or finished and checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from colordrill.clock import SystemClock, poll
from fakes.backup_lab import BackupLab, Ran

pytestmark = pytest.mark.docker

OLDER, POINT = "20261122T201530.123Z", "20261122T201534.123Z"
ABSENT = "20251122T201534.123Z"
NOT_EMPTY = 3
LOCK = "/tmp/colordrill-restore.lock"
OLD = {"input/照片 1.png": b"photo", "models/nano.safetensors": bytes(range(256)) * 100}
FILES = {**OLD, "output/sub/a.png": b"a" * 1000, "workflows/人物.json": b'{"size": 680}'}


@pytest.fixture
def lost(lab: BackupLab) -> BackupLab:
    """Two points of the primary; the second one holds more."""
    lab.primary.put(OLD)
    lab.snapshot(OLDER)
    lab.primary.put(FILES)
    lab.snapshot(POINT)
    return lab


def restore(lab: BackupLab, point: str, *after: str) -> Ran:
    words = [word for each in after for word in ("--after", each)]
    return lab.dr.run("colordrill-restore", point, "--canaries", "verifycan-", *words)


def restored(lab: BackupLab, point: str, *after: str) -> dict[str, Any]:
    ran = restore(lab, point, *after)
    assert ran.exit_code == 0, ran
    return dict(json.loads(ran.stdout))


def write(lab: BackupLab, name: str, text: str = "theirs") -> None:
    """Write a file as somebody does, now: its time is later than every point's here."""
    lab.dr.checked("sh", "-c", 'printf %s "$2" > "/site/$1"; touch "/site/$1"', "sh", name, text)


def test_what_a_broken_off_restore_left_is_completed_and_its_drafts_go(lost: BackupLab) -> None:
    lost.dr.checked("colordrill-restore", POINT)
    lost.dr.checked("rm", "-r", "/site/output/sub", "/site/models/nano.safetensors")
    write(lost, "models/.nano.safetensors.Ab3dE9", "half")
    write(lost, "input/.colordrill-probe", "probe")

    told = restored(lost, POINT, POINT)

    assert (told["files"], told["kept"]) == (4, 2)
    assert lost.dr.site() == FILES


def test_a_finished_restore_is_kept_and_what_its_check_left_goes(lost: BackupLab) -> None:
    lost.dr.checked("colordrill-restore", POINT)
    write(lost, "input/verifycan-1000001-astronaut.png")
    write(lost, "output/verifycan-1000001_00001_.png")

    told = restored(lost, POINT, POINT)

    assert (told["files"], told["kept"]) == (4, 4)
    assert lost.dr.site() == FILES


def test_another_point_takes_the_place_of_one_that_was_restored(lost: BackupLab) -> None:
    lost.dr.checked("colordrill-restore", POINT)

    assert restored(lost, OLDER, POINT, OLDER)["files"] == len(OLD)

    assert lost.dr.site() == OLD


def test_an_empty_site_needs_no_earlier_restore(lost: BackupLab) -> None:
    assert restored(lost, POINT, ABSENT)["kept"] == 0
    assert lost.dr.site() == FILES


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
def test_a_site_that_somebody_wrote_to_is_refused_and_left_as_it_is(
    name: str, lost: BackupLab
) -> None:
    lost.dr.checked("colordrill-restore", POINT)
    write(lost, name)
    before = lost.dr.site()

    refused = restore(lost, OLDER, POINT, OLDER)

    assert refused.exit_code == NOT_EMPTY
    assert "1 files that no restore is known to have put there" in refused.stderr
    assert lost.dr.site() == before


def test_without_an_earlier_restore_a_site_with_data_is_refused_as_ever(lost: BackupLab) -> None:
    lost.dr.checked("colordrill-restore", POINT)

    assert restore(lost, POINT).exit_code == NOT_EMPTY


def test_where_the_earlier_points_manifest_is_gone_nobody_can_tell(lost: BackupLab) -> None:
    lost.dr.checked("colordrill-restore", POINT)

    refused = restore(lost, POINT, ABSENT)

    assert refused.exit_code == NOT_EMPTY
    assert lost.dr.site() == FILES


def test_a_second_restore_waits_for_the_first(lost: BackupLab) -> None:
    first = "sleep 2; touch /tmp/first-is-over"
    lost.dr.container.exec_run(["flock", LOCK, "sh", "-c", first], detach=True)
    poll(
        SystemClock(),
        lambda: lost.dr.run("flock", "--nonblock", LOCK, "true").exit_code or None,
        awaited="the first restore to hold the lock",
        timeout_s=10.0,
    )

    restored(lost, POINT)

    lost.dr.checked("rm", "/tmp/first-is-over")
