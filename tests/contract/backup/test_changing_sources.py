"""A snapshot of files that change while they are copied: whole, left out, or refused."""

from __future__ import annotations

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

FIRST = "20261122T201530.123Z"
WRAPPED = "PATH=/tmp/wrapped:/usr/local/bin:/usr/bin:/bin"


def wrap_rsync(lab: BackupLab, script: str) -> None:
    """Put a script before the real rsync on the primary agent's path ``WRAPPED``."""
    write = (
        "import pathlib, sys; p = pathlib.Path('/tmp/wrapped/rsync'); "
        "p.parent.mkdir(exist_ok=True); p.write_text('#!/bin/sh\\n' + sys.argv[1] + '\\n'); "
        "p.chmod(0o755)"
    )
    lab.primary.checked("python3", "-c", write, script)


def test_a_file_that_changes_during_the_copy_ends_whole_or_the_snapshot_fails(
    lab: BackupLab,
) -> None:
    writer = (
        "import os, pathlib, subprocess, sys\n"
        "path = pathlib.Path('/site/output/growing.png')\n"
        "path.write_bytes(b'0')\n"
        f"copy = subprocess.Popen(['colordrill-snapshot', '{FIRST}'],\n"
        "                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "number = 0\n"
        "while copy.poll() is None and number < 3000:\n"
        "    number += 1\n"
        "    path.write_bytes(str(number).encode() * 5000)\n"
        "out, err = copy.communicate()\n"
        "print(copy.returncode, err.decode())\n"
    )

    said = lab.primary.python(writer)

    if said.startswith("0"):
        lab.server.checked("colordrill-publish", FIRST)
        lab.dr.checked("colordrill-restore", FIRST)
        content = lab.dr.site()["output/growing.png"].decode()
        assert len(content) % 5000 == 0 or content == "0"
        assert content == "0" or content == content[: len(content) // 5000] * 5000
    else:
        assert "kept changing" in said
        assert lab.server.run("colordrill-publish", FIRST).exit_code != 0
        assert lab.points() == []


def test_a_file_deleted_during_the_copy_is_left_out_and_the_snapshot_holds_the_rest(
    lab: BackupLab,
) -> None:
    lab.primary.put({"output/a.png": b"a", "output/gone.png": b"gone"})
    wrap_rsync(lab, 'rm -f /site/output/gone.png; exec /usr/bin/rsync "$@"')

    lab.primary.checked("env", WRAPPED, "colordrill-snapshot", FIRST)
    lab.server.checked("colordrill-publish", FIRST)

    lab.dr.checked("colordrill-restore", FIRST)
    assert lab.dr.site() == {"output/a.png": b"a"}


def test_a_file_deleted_after_its_copy_is_not_in_the_point_without_a_manifest_entry(
    lab: BackupLab,
) -> None:
    lab.primary.put({"output/a.png": b"a", "output/gone.png": b"gone"})
    wrap_rsync(lab, '/usr/bin/rsync "$@"; code=$?; rm -f /site/output/gone.png; exit $code')

    lab.primary.checked("env", WRAPPED, "colordrill-snapshot", FIRST)
    lab.server.checked("colordrill-publish", FIRST)

    gone = lab.server.run("test", "-e", f"/backup/points/{FIRST}/output/gone.png")
    assert gone.exit_code != 0
    lab.dr.checked("colordrill-restore", FIRST)
    assert lab.dr.site() == {"output/a.png": b"a"}


def test_a_partial_copy_of_files_that_did_not_change_fails_the_snapshot(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a"})
    wrap_rsync(lab, '/usr/bin/rsync "$@"; exit 23')

    snapshot = lab.primary.run("env", WRAPPED, "colordrill-snapshot", FIRST)

    assert snapshot.exit_code != 0
    assert "none of them changed" in snapshot.stderr
