"""Scrubbing and repairing a site from a recovery point; a restore that leaves nothing in part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

POINT = "20261122T201530.123Z"
"""The files that the lab puts have an older time, and what a test writes has a newer one."""

USAGE, DAMAGED, FAILED = 2, 5, 1
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100 + b"IEND\xaeB`\x82"
FILES = {
    "output/a.png": PNG,
    "output/sub/b.png": b"b" * 500,
    "output/line\nbreak.png": b"c" * 500,
    "workflows/人物.json": b'{"size": 680}',
    "models/nano.safetensors": bytes(range(256)) * 100,
}
FLIP = """
import os, sys
path = sys.argv[1]
before = os.stat(path)
with open(path, "r+b") as file:
    flipped = file.read(1)[0] ^ 1
    file.seek(0)
    file.write(bytes([flipped]))
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
"""


@pytest.fixture
def site(lab: BackupLab) -> BackupLab:
    """A primary whose files are all in a recovery point."""
    lab.primary.put(FILES)
    lab.snapshot(POINT)
    return lab


def scrubbed(lab: BackupLab) -> dict[str, Any]:
    return dict(json.loads(lab.primary.checked("colordrill-scrub", POINT)))


def repaired(lab: BackupLab, *paths: str) -> dict[str, Any]:
    return dict(json.loads(lab.primary.checked("colordrill-repair", POINT, "--", *paths)))


def damage(lab: BackupLab, name: str) -> None:
    """Change the file's first byte; neither its size nor its time changes."""
    lab.primary.checked("python3", "-c", FLIP, f"/site/{name}")


def write(lab: BackupLab, name: str, text: str) -> None:
    """Write a file as a user does, now."""
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    lab.primary.checked("python3", "-c", program, f"/site/{name}", text)


def test_a_whole_site_has_nothing_to_repair(site: BackupLab) -> None:
    told = scrubbed(site)

    assert told == {"point": POINT, "files": len(FILES), "differs": [], "absent": [], "newer": []}
    assert repaired(site, "output", "models") == {
        "point": POINT,
        "brought": [],
        "overwrites": [],
        "newer": [],
    }


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_flipped_bit_is_found_and_repaired(site: BackupLab, name: str) -> None:
    damage(site, name)
    assert scrubbed(site)["differs"] == [name]

    assert repaired(site, name.split("/", maxsplit=1)[0])["brought"] == [name]

    assert site.primary.site() == FILES
    assert scrubbed(site)["differs"] == []


def test_a_deleted_file_and_folder_are_found_and_repaired(site: BackupLab) -> None:
    site.primary.checked("rm", "-r", "/site/output/a.png", "/site/output/sub")
    assert scrubbed(site)["absent"] == ["output/a.png", "output/sub/b.png"]

    assert repaired(site, "output")["brought"] == ["output/a.png", "output/sub/b.png"]

    assert site.primary.site() == FILES


def test_an_edit_of_a_user_is_newer_and_stays_where_its_folder_is_repaired(
    site: BackupLab,
) -> None:
    write(site, "workflows/人物.json", '{"size": 700}')
    write(site, "output/since.png", "made since")
    damage(site, "output/a.png")
    told = scrubbed(site)
    assert (told["newer"], told["differs"]) == (["workflows/人物.json"], ["output/a.png"])

    summary = repaired(site, "workflows", "output")

    assert summary["brought"] == ["output/a.png"]
    assert summary["newer"] == ["workflows/人物.json"]
    assert summary["overwrites"] == []
    assert site.primary.site() == {
        **FILES,
        "workflows/人物.json": b'{"size": 700}',
        "output/since.png": b"made since",
    }


@pytest.mark.parametrize("text", ["", '{"size": 7'], ids=["empty", "cut-off"])
def test_a_newer_file_that_is_not_whole_is_damage(site: BackupLab, text: str) -> None:
    write(site, "workflows/人物.json", text)
    assert scrubbed(site)["differs"] == ["workflows/人物.json"]

    repaired(site, "workflows")

    assert site.primary.site() == FILES


def test_a_file_that_is_named_is_brought_back_whatever_is_there(site: BackupLab) -> None:
    write(site, "workflows/人物.json", '{"size": 680, "wrong": true}')
    damage(site, "output/a.png")
    before = site.primary.site()
    dry = ["colordrill-repair", "--dry-run", POINT, "--", "workflows/人物.json"]
    would = json.loads(site.primary.checked(*dry))
    assert site.primary.site() == before

    told = repaired(site, "workflows/人物.json")

    assert told == would
    assert told["brought"] == told["overwrites"] == ["workflows/人物.json"]

    assert site.primary.site()["workflows/人物.json"] == FILES["workflows/人物.json"]
    assert site.primary.site()["output/a.png"] != PNG


@pytest.mark.parametrize(
    "path", ["/site/output", "../etc", "output/../../etc/passwd", "etc", "", ".", "output//a.png"]
)
def test_a_path_outside_the_site_is_refused(site: BackupLab, path: str) -> None:
    damage(site, "output/a.png")

    refused = site.primary.run("colordrill-repair", POINT, "--", "output", path)

    assert refused.exit_code == USAGE
    assert "site's folders" in refused.stderr
    assert site.primary.site()["output/a.png"] != PNG


def test_a_path_that_is_not_in_the_point_is_refused(site: BackupLab) -> None:
    refused = site.primary.run("colordrill-repair", POINT, "output/none.png")

    assert refused.exit_code == USAGE
    assert "not in the recovery point" in refused.stderr


def test_a_repair_from_a_rotten_point_replaces_nothing(site: BackupLab) -> None:
    damage(site, "output/a.png")
    damage(site, "output/sub/b.png")
    before = site.primary.site()
    site.server.checked("sh", "-c", f"printf Z > /backup/points/{POINT}/output/a.png")

    refused = site.primary.run("colordrill-repair", POINT, "output")

    assert refused.exit_code == DAMAGED
    assert "not what the manifest says" in refused.stderr
    assert site.primary.site() == before


@pytest.mark.parametrize(
    "rot",
    [
        "printf Z > output/a.png",
        "rm output/a.png",
        "echo broken > MANIFEST.json",
        "sed -i 's/{point}/20991231T235959.999Z/' MANIFEST.json",
        "sed -i 's#output/a.png#../../escape#' MANIFEST.json",
    ],
    ids=["other-bytes", "file-gone", "bad-manifest", "other-point", "escape"],
)
def test_a_point_that_rotted_leaves_the_empty_site_empty(site: BackupLab, rot: str) -> None:
    script = f"cd /backup/points/{POINT} && {rot.replace('{point}', POINT)}"
    site.server.checked("sh", "-c", script)

    failed = site.dr.run("colordrill-restore", POINT)

    assert failed.exit_code == DAMAGED
    assert "the site is empty again" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert site.dr.checked("find", "/site", "-mindepth", "2") == ""


def test_the_point_before_a_rotten_one_can_be_restored_then(site: BackupLab) -> None:
    newer = "20261122T201540.123Z"
    site.primary.put({"output/new.png": b"new"})
    site.snapshot(newer, previous=POINT)
    site.server.checked("sh", "-c", f"printf Z > /backup/points/{newer}/output/new.png")
    assert site.dr.run("colordrill-restore", newer).exit_code == DAMAGED

    site.dr.checked("colordrill-restore", POINT)

    assert site.dr.site() == FILES


def test_a_point_that_cannot_be_reached_is_another_failure(site: BackupLab) -> None:
    for program in (["colordrill-restore"], ["colordrill-scrub"], ["colordrill-repair"]):
        path = ["output"] if program == ["colordrill-repair"] else []
        failed = site.dr.run(*program, "20991231T235959.999Z", *path)

        assert failed.exit_code == FAILED
        assert "rsync from the backup server failed" in failed.stderr


def test_a_restore_over_data_removes_none_of_it_when_it_fails(site: BackupLab) -> None:
    held = {"output/theirs.png": b"somebody's work"}
    site.dr.put(held)
    site.server.checked("sh", "-c", f"printf Z > /backup/points/{POINT}/output/a.png")

    failed = site.dr.run("colordrill-restore", POINT, "--overwrite")

    assert failed.exit_code == DAMAGED
    assert held.items() <= site.dr.site().items()
