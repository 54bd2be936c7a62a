"""The agent's repair and its look at versions; a script plays the link and the backup server."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS, Ended, PointsOnDisk

POINT = "20261122T201530.123Z"
FAILED, USAGE = 1, 2
SAFETY_S = 20.0
GOOD = b"good"
OLD_S = 1_700_000_000
RSYNC = """#!/bin/sh
for last; do :; done
case "$*" in
    */leases/*) exit 0 ;;
    *MANIFEST.json*) cp "$POINT_FILES/MANIFEST.json" "$last" ;;
    *--files-from=-*) cat > /dev/null; echo > "$ASKED"; cp -r "$POINT_FILES"/. "$last"; $THEN ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent whose site lacks, or has wrongly, what `POINT` holds."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def lock(self) -> Path:
        return self.folder / "colordrill-restore.lock"

    @property
    def asked(self) -> Path:
        """Is there once files of the point were asked for."""
        return self.folder / "asked"

    def start(self, *words: str, then: str = "exit 0") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-B", str(PROGRAMS / "colordrill-repair"), *words],
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "TMPDIR": str(self.folder),
                "SITE_ROOT": str(self.site),
                "POINT_FILES": str(self.folder / "backup/points" / POINT),
                "BACKUP_ACCOUNT": "agent",
                "BACKUP_SERVER": "backup:8730",
                "ASKED": str(self.asked),
                "THEN": then,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def repair(self, *words: str) -> Ended:
        repairing = self.start(*words)
        stdout, stderr = repairing.communicate(timeout=SAFETY_S)
        return Ended(repairing.returncode, stdout, stderr)

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.site.rglob("*") if path.is_file())
        return {str(path.relative_to(self.site)): path.read_bytes() for path in found}


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    disk = PointsOnDisk(tmp_path / "backup")
    disk.prepare()
    disk.put(POINT, {"output/a.png": GOOD, "workflows/w.json": GOOD})
    (tmp_path / "rsync").write_text(RSYNC)
    (tmp_path / "rsync").chmod(0o755)
    agent = Agent(tmp_path)
    for name in ("output/a.png", "workflows/w.json"):
        (agent.site / name).parent.mkdir(parents=True)
        (agent.site / name).write_bytes(b"bad")
        os.utime(agent.site / name, (OLD_S, OLD_S))
    return agent


def test_a_dry_run_names_what_would_come_and_asks_for_no_file(agent: Agent) -> None:
    # as if a user had written it now
    (agent.site / "workflows/w.json").write_bytes(b"7")
    before = agent.files()

    told = agent.repair("--dry-run", POINT, "--", "output", "workflows/w.json").told

    assert told["brought"] == ["output/a.png", "workflows/w.json"]
    assert told["overwrites"] == ["workflows/w.json"]
    assert agent.files() == before
    assert not agent.asked.exists()


def test_what_came_is_there_whole_and_no_draft_of_it_nor_of_a_killed_repair(agent: Agent) -> None:
    (agent.site / "output" / f".{'0' * 64}.colordrill-draft").write_bytes(b"ha")
    (agent.site / "output" / ".mine.colordrill-draft").write_bytes(b"mine")

    assert agent.repair(POINT, "--", "output").exit_code == 0

    assert agent.files() == {
        "output/a.png": GOOD,
        "output/.mine.colordrill-draft": b"mine",
        "workflows/w.json": b"bad",
    }


def test_a_repair_waits_for_the_one_before_it(agent: Agent) -> None:
    with agent.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        repairing = agent.start(POINT, "--", "output")
        with pytest.raises(subprocess.TimeoutExpired):
            repairing.communicate(timeout=1.0)
        assert agent.files()["output/a.png"] == b"bad"
        fcntl.flock(lock, fcntl.LOCK_UN)

        repairing.communicate(timeout=SAFETY_S)

    assert agent.files()["output/a.png"] == GOOD


def test_a_repair_that_is_told_to_end_leaves_each_file_as_it_was(agent: Agent) -> None:
    before = agent.files()
    repairing = agent.start(POINT, "--", "output", "workflows", then="exec sleep 60")
    until = time.monotonic() + SAFETY_S
    while not agent.asked.exists() and time.monotonic() < until:
        time.sleep(0.01)

    repairing.send_signal(signal.SIGTERM)
    _, said = repairing.communicate(timeout=SAFETY_S)

    assert repairing.returncode == FAILED
    assert "SIGTERM" in said
    assert agent.files() == before


def test_a_file_that_cannot_take_its_place_is_told_with_how_many_came(agent: Agent) -> None:
    (agent.site / "workflows/w.json").unlink()
    (agent.site / "workflows/w.json").mkdir()

    ended = agent.repair(POINT, "--", "output", "workflows")

    assert ended.exit_code == FAILED
    assert "1 of 2 files had been brought back" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert agent.files() == {"output/a.png": GOOD}


def test_nothing_is_written_through_a_link(agent: Agent) -> None:
    (agent.site / "output/a.png").unlink()
    (agent.site / "output").rmdir()
    (agent.site / "output").symlink_to(agent.site / "workflows")

    ended = agent.repair(POINT, "--", "output/a.png")

    assert ended.exit_code == FAILED
    assert "symbolic link" in ended.stderr
    assert agent.files() == {"workflows/w.json": b"bad"}


@pytest.mark.parametrize("path", ["", ".", "..", "/etc/passwd", "output/../../etc", "output//a"])
def test_a_path_outside_the_site_is_refused(agent: Agent, path: str) -> None:
    ended = agent.repair(POINT, "--", "output", path)

    assert ended.exit_code == USAGE
    assert agent.files()["output/a.png"] == b"bad"


def versions(agent: Agent, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(PROGRAMS / "colordrill-versions"), *words],
        env={
            **os.environ,
            "SITE_ROOT": str(agent.site),
            "BACKUP_ROOT": str(agent.folder / "backup"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=SAFETY_S,
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def told(ended: subprocess.CompletedProcess[str]) -> Any:
    assert ended.returncode == 0, ended
    return json.loads(ended.stdout)


def test_the_bytes_that_a_site_has_are_told_and_those_of_no_file_are_none(agent: Agent) -> None:
    (agent.site / "output/link.png").symlink_to("a.png")

    found = told(versions(agent, "site", "--", "output/a.png", "output/none", "output/link.png"))

    assert found == {"output/a.png": sha256(b"bad"), "output/none": None, "output/link.png": None}


def test_a_folder_has_no_bytes_to_tell(agent: Agent) -> None:
    ended = versions(agent, "site", "--", "output")

    assert ended.returncode == USAGE
    assert "is a folder" in ended.stderr


def test_the_bytes_in_each_point_are_told_oldest_first_without_those_of_bad_manifests(
    agent: Agent,
) -> None:
    disk = PointsOnDisk(agent.folder / "backup")
    older, rotten = "20261121T201530.123Z", "20261123T201530.123Z"
    disk.put(older, {"output/b.png": b"b"})
    (disk.put(rotten, {"output/a.png": b"c"}) / "MANIFEST.json").write_text("nonsense")
    (disk.points / "notes.txt").write_text("no point")

    found = told(versions(agent, "points", "--", "output/a.png"))

    assert found == [
        {"point": older, "files": {"output/a.png": None}},
        {"point": POINT, "files": {"output/a.png": sha256(GOOD)}},
    ]


@pytest.mark.parametrize("where", ["site", "points"])
def test_no_bytes_outside_the_site_are_told(agent: Agent, where: str) -> None:
    assert versions(agent, where, "--", "../../etc/passwd").returncode == USAGE


def test_a_server_without_its_disk_is_told_without_a_trace(agent: Agent) -> None:
    (agent.folder / "backup").rename(agent.folder / "gone")

    ended = versions(agent, "points", "--", "output/a.png")

    assert ended.returncode == FAILED
    assert "Traceback" not in ended.stderr
