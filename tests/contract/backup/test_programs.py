"""The programs of the backup image, against each other, over the network."""

from __future__ import annotations

import json

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

FIRST, SECOND = "20261122T201530.123Z", "20261122T201534.123Z"
ABSENT = "20991231T235959.999Z"
NOT_EMPTY = 3
FILES = {
    "input/照片 1.png": b"photo",
    "output/sub/deep/job_00001_.png": b"coloured" * 1000,
    "output/line\nbreak.png": b"newline in the name",
    "output/ leading and trailing ": b"spaces",
    "output/-dash.png": b"looks like an option",
    "output/" + "n" * 251 + ".png": b"255 bytes of name",
    "output/" + "长" * 80 + ".png": b"244 bytes of name",
    "output/empty.png": b"",
    "output/quo\"te's `$(x)` *.png": b"shell",
    "workflows/DDColor人物黑白修复.json": b"{}",
    "models/ddcolor/nano.safetensors": bytes(range(256)) * 2000,
    "config/stack.env": b"MODEL_SIZE=960\n",
}


def inode(lab: BackupLab, point: str, name: str) -> str:
    return lab.server.checked("stat", "--format=%i", f"/backup/points/{point}/{name}")


def test_what_was_backed_up_comes_back_byte_for_byte(lab: BackupLab) -> None:
    lab.primary.put(FILES)

    summary = lab.snapshot(FIRST)
    restored = json.loads(lab.dr.checked("colordrill-restore", FIRST))

    assert lab.dr.site() == FILES
    assert summary["files"] == restored["files"] == len(FILES)
    assert summary["bytes"] == sum(map(len, FILES.values()))
    assert restored["point"] == FIRST


def test_what_came_back_belongs_to_the_services_user_and_keeps_its_time(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a"})
    lab.snapshot(FIRST)
    lab.dr.checked("colordrill-restore", FIRST)

    told = lab.dr.checked("stat", "--format=%u %Y", "/site/output/a.png").split()

    assert told == ["1000", "1700000000"]


def test_a_point_is_listed_once_it_is_published_and_not_before(lab: BackupLab) -> None:
    lab.primary.put(FILES)
    lab.primary.checked("colordrill-snapshot", FIRST)
    assert lab.points() == []

    lab.server.checked("colordrill-publish", FIRST)

    (listed,) = json.loads(lab.server.checked("colordrill-points"))
    assert listed == {
        "point": FIRST,
        "strategy": "rsync",
        "files": len(FILES),
        "bytes": sum(map(len, FILES.values())),
        "verified": None,
    }


def test_an_empty_site_is_a_point_too(lab: BackupLab) -> None:
    assert lab.snapshot(FIRST)["files"] == 0

    assert json.loads(lab.dr.checked("colordrill-restore", FIRST))["files"] == 0


def test_points_are_listed_oldest_first(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a"})

    lab.snapshot(SECOND)
    lab.snapshot(FIRST)

    assert lab.points() == [FIRST, SECOND]


def test_unchanged_files_are_hard_links_to_the_previous_point_and_changed_ones_are_not(
    lab: BackupLab,
) -> None:
    lab.primary.put({"output/same.png": b"same", "output/changed.png": b"old"})
    lab.snapshot(FIRST)
    lab.primary.checked("sh", "-c", "echo newer > /site/output/changed.png")

    lab.snapshot(SECOND, previous=FIRST)

    assert inode(lab, FIRST, "output/same.png") == inode(lab, SECOND, "output/same.png")
    assert inode(lab, FIRST, "output/changed.png") != inode(lab, SECOND, "output/changed.png")
    kept = lab.server.checked("cat", f"/backup/points/{FIRST}/output/changed.png")
    assert kept == "old"


def test_a_file_deleted_at_the_source_stays_in_the_older_point_alone(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a", "output/b.png": b"b"})
    lab.snapshot(FIRST)
    lab.primary.checked("rm", "/site/output/a.png")

    lab.snapshot(SECOND, previous=FIRST)
    lab.dr.checked("colordrill-restore", SECOND)

    assert set(lab.dr.site()) == {"output/b.png"}
    assert lab.server.run("test", "-e", f"/backup/points/{FIRST}/output/a.png").exit_code == 0


def test_a_changed_file_of_the_same_size_and_time_is_not_taken_for_the_old_one(
    lab: BackupLab,
) -> None:
    """Rsync compares size and time alone unless told otherwise; the manifest holds hashes."""
    lab.primary.put({"output/a.png": b"old"})
    lab.snapshot(FIRST)
    lab.primary.put({"output/a.png": b"new"})

    lab.primary.checked("colordrill-snapshot", SECOND, "--previous", FIRST)
    published = lab.server.run("colordrill-publish", SECOND)

    if published.exit_code == 0:
        lab.dr.checked("colordrill-restore", SECOND)
        assert lab.dr.site() == {"output/a.png": b"new"}
    else:
        # refused: the promise is broken in the open, and nothing wrong can be restored
        assert "not what its manifest says" in published.stderr
        assert lab.points() == [FIRST]


@pytest.mark.parametrize(
    "tamper",
    [
        "printf X >> '{incoming}/output/a.png'",
        "printf Y > '{incoming}/output/a.png'",
        "rm '{incoming}/output/a.png'",
        "rm '{incoming}/MANIFEST.json'",
        "echo broken > '{incoming}/MANIFEST.json'",
        "sed -i 's/2026/2027/' '{incoming}/MANIFEST.json'",
    ],
    ids=["longer", "other-bytes", "file-gone", "no-manifest", "bad-manifest", "other-point"],
)
def test_a_point_that_is_not_what_its_manifest_says_is_never_published(
    lab: BackupLab, tamper: str
) -> None:
    lab.primary.put({"output/a.png": b"X"})
    lab.primary.checked("colordrill-snapshot", FIRST)
    lab.server.checked("sh", "-c", tamper.format(incoming=f"/backup/incoming/{FIRST}"))

    refused = lab.server.run("colordrill-publish", FIRST)

    assert refused.exit_code != 0
    assert refused.stderr.strip()
    assert "Traceback" not in refused.stderr
    assert lab.points() == []


def test_publishing_what_never_came_is_refused(lab: BackupLab) -> None:
    refused = lab.server.run("colordrill-publish", ABSENT)

    assert refused.exit_code != 0
    assert "Traceback" not in refused.stderr


def test_publishing_twice_leaves_the_first_point_as_it_is(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a"})
    lab.snapshot(FIRST)

    again = lab.server.run("colordrill-publish", FIRST)

    assert again.exit_code != 0
    assert lab.points() == [FIRST]


def test_a_site_that_holds_data_is_refused_and_left_as_it_is(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"backed up"})
    lab.snapshot(FIRST)
    held = {"output/a.png": b"somebody's work", "input/b.png": b"more"}
    lab.dr.put(held)

    refused = lab.dr.run("colordrill-restore", FIRST)

    assert refused.exit_code == NOT_EMPTY
    assert "holds data already, in input, output" in refused.stderr
    assert lab.dr.site() == held


def test_a_site_with_data_is_restored_over_when_told_so(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"backed up"})
    lab.snapshot(FIRST)
    lab.dr.put({"output/a.png": b"older, longer"})

    lab.dr.checked("colordrill-restore", FIRST, "--overwrite")

    assert lab.dr.site() == {"output/a.png": b"backed up"}


@pytest.mark.parametrize("point", [ABSENT, "../points", "nonsense", " "])
def test_a_point_that_is_not_there_is_named_and_nothing_is_restored(
    lab: BackupLab, point: str
) -> None:
    lab.primary.put({"output/a.png": b"a"})
    lab.snapshot(FIRST)

    failed = lab.dr.run("colordrill-restore", point)

    assert failed.exit_code not in {0, NOT_EMPTY}
    assert "Traceback" not in failed.stderr
    refusal = "rsync from the backup server failed" if point == ABSENT else "recovery point's id"
    assert refusal in failed.stderr
    assert lab.dr.site() == {}


def test_a_point_that_rotted_on_the_server_is_noticed_at_the_restore(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a", "output/b.png": b"b"})
    lab.snapshot(FIRST)
    lab.server.checked("sh", "-c", f"printf Z > /backup/points/{FIRST}/output/a.png")

    failed = lab.dr.run("colordrill-restore", FIRST)

    assert failed.exit_code != 0
    assert "output/a.png" in failed.stderr
    assert "not what the manifest says" in failed.stderr


@pytest.mark.parametrize("program", ["colordrill-snapshot", "colordrill-restore"])
def test_a_wrong_password_opens_nothing(lab: BackupLab, program: str) -> None:
    refused = lab.stranger.run(program, FIRST)

    assert refused.exit_code != 0
    assert "auth failed" in refused.stderr
    assert lab.points() == []


def test_a_folder_that_cannot_be_listed_is_named_and_there_is_no_point(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a", "output/closed/b.png": b"b"})
    lab.primary.checked("chmod", "000", "/site/output/closed")

    refused = lab.primary.run("colordrill-snapshot", FIRST)

    lab.primary.checked("chmod", "755", "/site/output/closed")
    assert refused.exit_code != 0
    assert "/site/output/closed cannot be listed" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_its_owner_closed_for_writing_is_published_and_restored(lab: BackupLab) -> None:
    lab.primary.put({"output/sub/a.png": b"a", "output/b.png": b"b"})
    lab.primary.checked("sh", "-c", "chmod 0444 /site/output/b.png && chmod 0555 /site/output/sub")

    lab.snapshot(FIRST)
    lab.dr.checked("colordrill-restore", FIRST)

    lab.primary.checked("chmod", "-R", "u+rwX", "/site/output")
    assert lab.dr.site() == lab.primary.site()
    assert lab.server.checked("ls", "/backup/incoming", "/backup/publishing").count("2026") == 0


def test_links_and_pipes_are_not_backed_up_and_do_not_stop_the_copy(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a"})
    lab.primary.checked("ln", "-s", "/etc/passwd", "/site/output/link.png")
    lab.primary.checked("mkfifo", "/site/output/pipe")

    lab.snapshot(FIRST)
    lab.dr.checked("colordrill-restore", FIRST)

    assert lab.dr.site() == {"output/a.png": b"a"}


def test_workflows_and_configuration_are_pushed_and_an_unchanged_state_is_no_commit(
    lab: BackupLab,
) -> None:
    lab.primary.put({"workflows/DDColor人物黑白修复.json": b"{}", "config/stack.env": b"A=1\n"})
    first = lab.primary.checked("colordrill-push-configuration", "at the first point")
    unchanged = lab.primary.checked("colordrill-push-configuration", "nothing new")
    lab.primary.put({"config/stack.env": b"A=2\n"})
    second = lab.primary.checked("colordrill-push-configuration", "changed")

    git = ("git", "-C", "/backup/git/site.git")
    assert first == unchanged != second
    assert lab.server.checked(*git, "rev-parse", "main").strip() == second
    kept = lab.server.checked(*git, "show", f"{first}:config/stack.env")
    assert kept == "A=1\n"
