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
FAILED, NOT_EMPTY, DAMAGED = 1, 3, 5
UNREACHABLE, PARTIAL = 10, 23
RSYNC = """#!/bin/sh
for last; do :; done
case "$*" in
    *MANIFEST.json*) for each; do case $each in rsync://*) from=$each ;; esac; done
        cp "$POINTS/${from##*/points/}" "$last" || exit 23 ;;
    *--files-from=-*) exit "$COPY_ENDS" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Agent:
    """The DR site's agent; its site holds one of the two files of `POINT`."""

    folder: Path

    @property
    def kept(self) -> Path:
        return self.folder / "site" / "output" / "a.png"

    def restore(self, *after: str, copy_ends: int) -> Ended:
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


def test_a_damaged_point_leaves_the_site_empty_also_over_an_earlier_restore(agent: Agent) -> None:
    ended = agent.restore(POINT, copy_ends=PARTIAL)

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
