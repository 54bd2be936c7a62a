"""The agent's restore over an earlier one; a script plays the link and the backup server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.points_on_disk import PROGRAMS, Ended

POINT, ABSENT = "20261122T201534.123Z", "20251122T201534.123Z"
FAILED, NOT_EMPTY, DAMAGED, SITE_FAULT = 1, 3, 5, 7
UNREACHABLE, FILE_IO, CUT, PARTIAL, VANISHED = 10, 11, 12, 23, 24
RSYNC = """#!/bin/sh
for last; do :; done
case "$*" in
    *MANIFEST.json*) for each; do case $each in rsync://*) from=$each ;; esac; done
        cp "$POINTS/${from##*/points/}" "$last" || exit 23 ;;
    *--files-from=-*) cat > /dev/null; printf '%s\n' "$COPY_SAYS" >&2; exit "$COPY_ENDS" ;;
esac
"""

# as rsync 3.5.0 says them
ABSENT_THERE = (
    'rsync: [sender] link_stat "/points/P/output/b.png" (in backup) failed: '
    "No such file or directory (2)\n"
    "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at "
    "main.c(1956) [Receiver=3.5.0]\n"
    "rsync: [Receiver] read error: Connection reset by peer (104)"
)
CLOSED_THERE = (
    'rsync: [sender] send_files failed to open "/points/P/output/b.png" (in backup): '
    "Permission denied (13)"
)
GONE_THERE = 'file has vanished: "/points/P/output/b.png" (in backup)'
CHANGING_THERE = "ERROR: output/b.png failed verification -- update discarded."
NO_INODES = (
    'rsync: [receiver] mkstemp "/site/output/.b.png.4cNyUw" failed: No space left on device (28)'
)
OVER_QUOTA = (
    'rsync: [receiver] mkstemp "/site/output/.b.png.4cNyUw" failed: Disk quota exceeded (122)'
)
NO_ROOM = 'rsync: [receiver] write failed on "/site/output/b.png": No space left on device (28)'
READ_ONLY = (
    'rsync: [generator] recv_generator: mkdir "/site/output/sub" failed: Read-only file system (30)'
    "\n*** Skipping any contents from this failed directory ***"
)
NOT_ALLOWED = (
    'rsync: [generator] failed to set permissions on "/site/output": Operation not permitted (1)'
)
NOT_ENTERED = 'rsync: [Receiver] change_dir#1 "/site/" failed: Permission denied (13)'
IN_THE_WAY = (
    "cannot delete non-empty directory: output/b.png\n"
    "could not make way for new regular file: output/b.png"
)
CUT_OFF = (
    "rsync: connection unexpectedly closed (3212135 bytes received so far) [receiver]\n"
    "rsync: [generator] write error: Broken pipe (32)"
)


@dataclass(frozen=True, slots=True)
class Agent:
    """The DR site's agent; its site holds one of the two files of `POINT`."""

    folder: Path

    @property
    def kept(self) -> Path:
        return self.folder / "site" / "output" / "a.png"

    def restore(self, *after: str, copy_ends: int, says: str = "") -> Ended:
        words = [word for each in after for word in ("--after", each)]
        done = subprocess.run(
            [sys.executable, "-B", str(PROGRAMS / "colordrill-restore"), POINT, *words],
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "TMPDIR": str(self.folder),
                "SITE_ROOT": str(self.folder / "site"),
                "POINTS": str(self.folder / "points"),
                "BACKUP_ACCOUNT": "agent",
                "BACKUP_SERVER": "backup:8730",
                "COPY_ENDS": str(copy_ends),
                "COPY_SAYS": says,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(tmp_path)
    agent.kept.parent.mkdir(parents=True)
    agent.kept.write_bytes(b"a picture")
    (tmp_path / "points" / POINT).mkdir(parents=True)
    hashes = {
        f"output/{name}": {"sha256": hashlib.sha256(content).hexdigest()}
        for name, content in (("a.png", b"a picture"), ("b.png", b"another"))
    }
    told = {"point": POINT, "files": hashes}
    (tmp_path / "points" / POINT / "MANIFEST.json").write_text(json.dumps(told))
    (tmp_path / "rsync").write_text(RSYNC)
    (tmp_path / "rsync").chmod(0o755)
    return agent


def test_a_link_that_breaks_again_leaves_what_an_earlier_restore_brought(agent: Agent) -> None:
    ended = agent.restore(POINT, copy_ends=UNREACHABLE)

    assert ended.exit_code == FAILED, ended
    assert "empty again" not in ended.stderr
    assert agent.kept.read_bytes() == b"a picture"


@pytest.mark.parametrize(
    ("copy_ends", "says"),
    [
        (PARTIAL, ABSENT_THERE),
        (PARTIAL, CLOSED_THERE),
        (PARTIAL, CHANGING_THERE),
        (VANISHED, GONE_THERE),
        (0, ""),
    ],
)
def test_a_damaged_point_leaves_the_site_empty_also_over_an_earlier_restore(
    agent: Agent, copy_ends: int, says: str
) -> None:
    ended = agent.restore(POINT, copy_ends=copy_ends, says=says)

    assert ended.exit_code == DAMAGED, ended
    assert "the site is empty again" in ended.stderr
    assert not agent.kept.exists()


def test_a_link_that_breaks_at_the_first_restore_leaves_the_site_empty(agent: Agent) -> None:
    agent.kept.unlink()

    ended = agent.restore(copy_ends=UNREACHABLE)

    assert ended.exit_code == FAILED, ended
    assert "the site is empty again" in ended.stderr


def test_a_site_of_which_nobody_can_tell_whose_it_is_is_refused_as_one_that_holds_data(
    agent: Agent,
) -> None:
    ended = agent.restore(ABSENT, copy_ends=0)

    assert ended.exit_code == NOT_EMPTY, ended
    assert "exit code 23" in ended.stderr
    assert agent.kept.read_bytes() == b"a picture"


FAULTS_HERE = [
    (PARTIAL, NO_INODES),
    (PARTIAL, OVER_QUOTA),
    (FILE_IO, NO_ROOM),
    (PARTIAL, READ_ONLY),
    (PARTIAL, NOT_ALLOWED),
    (3, NOT_ENTERED),
    (PARTIAL, IN_THE_WAY),
    # another point would fare no better, whatever this one is like
    (PARTIAL, f"{CLOSED_THERE}\n{NO_INODES}"),
]


@pytest.mark.parametrize(("copy_ends", "says"), FAULTS_HERE)
def test_a_fault_of_this_site_is_not_the_points_and_leaves_what_was_verified(
    agent: Agent, copy_ends: int, says: str
) -> None:
    ended = agent.restore(POINT, copy_ends=copy_ends, says=says)

    assert ended.exit_code == SITE_FAULT, ended
    assert "empty again" not in ended.stderr
    assert agent.kept.read_bytes() == b"a picture"


@pytest.mark.parametrize(("copy_ends", "says"), FAULTS_HERE)
def test_a_fault_of_this_site_at_the_first_restore_leaves_it_empty_and_is_told(
    agent: Agent, copy_ends: int, says: str
) -> None:
    agent.kept.unlink()

    ended = agent.restore(copy_ends=copy_ends, says=says)

    assert ended.exit_code == SITE_FAULT, ended
    # as rsync said it, and as the reason
    for line in says.splitlines():
        assert f"{line}\n" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("this site cannot take it: ")
    assert ended.stderr.endswith("; the site is empty again\n")


@pytest.mark.parametrize(("copy_ends", "says"), [(CUT, CUT_OFF), (PARTIAL, CUT_OFF), (PARTIAL, "")])
def test_what_nobody_says_of_the_points_files_is_no_damage(
    agent: Agent, copy_ends: int, says: str
) -> None:
    ended = agent.restore(POINT, copy_ends=copy_ends, says=says)

    assert ended.exit_code == FAILED, ended
    assert agent.kept.read_bytes() == b"a picture"


def test_a_copy_that_complains_of_very_many_files_ends_all_the_same(agent: Agent) -> None:
    says = "\n".join([CLOSED_THERE] * 700)

    ended = agent.restore(POINT, copy_ends=PARTIAL, says=says)

    assert ended.exit_code == DAMAGED
    assert ended.stderr.count(f"{CLOSED_THERE}\n") == 700
