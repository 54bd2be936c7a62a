"""What the agents' programs do where a site or a link is not as it should be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fakes.points_on_disk import PROGRAMS, program

POINT = "20261122T201530.123Z"
SAFETY_S = 20.0
FAILED = 1
HALF = """
{ sleep 0.7; echo late > "$SITE_ROOT/output/late.png"; } &
echo half > "$SITE_ROOT/output/.a.png.x1Y2z3"
wait
"""
RSYNC = f"""#!/bin/sh
for last; do :; done
case "$*" in
*/leases/*) echo "$LEASE_SAYS" >&2; exit "$LEASE_EXIT" ;;
*MANIFEST.json*) cp "$MANIFEST" "$last"; exit 0 ;;
esac
cat > /dev/null
{HALF}"""
RESTIC = """#!/bin/sh
case "$*" in
*snapshots*) cat "$SNAPSHOTS" ;;
*dump*) cat "$MANIFEST" ;;
*restore*) for each; do case $each in --target=*) place=${each#*=} ;; esac; done
    mkdir -p "$place"; echo half > "$place/a.png"; exec sleep 20 ;;
esac
"""


class Agent:
    """A site's agent, whose rsync and restic are scripts."""

    def __init__(self, root: Path, port: int) -> None:
        self.site = root / "site"
        (self.site / "output").mkdir(parents=True)
        (root / "bin").mkdir()
        for name, script in (("rsync", RSYNC), ("restic", RESTIC)):
            (root / "bin" / name).write_text(script)
            (root / "bin" / name).chmod(0o755)
        files = {"output/a.png": {"sha256": "0" * 64, "bytes": 1}}
        manifest = {"point": POINT, "strategy": "rsync", "files": files}
        (root / "manifest").write_text(json.dumps(manifest))
        tags = [f"point={POINT}", "files=1", "bytes=1"]
        snapshot = {"id": "0" * 64, "tags": tags, "summary": {"total_files_processed": 2}}
        (root / "snapshots").write_text(json.dumps([snapshot]))
        self.environment = {
            **os.environ,
            "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
            "SITE_ROOT": str(self.site),
            "TMPDIR": str(root),
            "BACKUP_ROOT": str(root / "no-backup"),
            "MANIFEST": str(root / "manifest"),
            "SNAPSHOTS": str(root / "snapshots"),
            "RESTIC_REPOSITORY": f"s3:http://127.0.0.1:{port}/offsite",
            "BACKUP_ACCOUNT": "agent",
            "BACKUP_SERVER": "nowhere",
            "LEASE_EXIT": "0",
            "LEASE_SAYS": "",
        }

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-B", str(PROGRAMS / program), *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def held(self) -> list[str]:
        return sorted(path.name for path in self.site.rglob("*") if path.is_file())

    @contextmanager
    def half_way(self, program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A restore that has brought something."""
        with self.start(program, *words) as restoring:
            until = time.monotonic() + SAFETY_S
            while not self.held() and restoring.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            yield restoring
            restoring.kill()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with socket.create_server(("127.0.0.1", 0)) as store:
        yield Agent(tmp_path, store.getsockname()[1])


@pytest.mark.parametrize(
    "words", [("colordrill-restore", POINT), ("colordrill-offsite", "restore", POINT)]
)
def test_a_restore_that_is_told_to_end_leaves_the_site_empty_and_nothing_at_work(
    agent: Agent, words: tuple[str, ...]
) -> None:
    with agent.half_way(*words) as restoring:
        restoring.send_signal(signal.SIGTERM)
        _, said = restoring.communicate(timeout=SAFETY_S)

    assert restoring.returncode == FAILED
    assert "SIGTERM" in said
    assert "the site is empty again" in said
    if words[0] == "colordrill-restore":
        # what rsync's other process would still have written
        time.sleep(1.0)
    assert agent.held() == []


def test_a_restore_after_another_one_keeps_what_came_for_the_next(agent: Agent) -> None:
    with agent.half_way("colordrill-restore", POINT, "--after", POINT) as restoring:
        restoring.send_signal(signal.SIGTERM)
        _, said = restoring.communicate(timeout=SAFETY_S)

    assert restoring.returncode == FAILED
    assert "SIGTERM" in said
    assert agent.held() == [".a.png.x1Y2z3"]


@pytest.mark.parametrize(("exit_code", "is_said"), [(1, False), (5, False), (11, True)])
def test_a_lease_that_could_not_be_taken_is_said_unless_the_account_is_refused(
    agent: Agent, exit_code: int, is_said: bool
) -> None:
    agent.environment |= {"LEASE_EXIT": str(exit_code), "LEASE_SAYS": "no space left"}

    with agent.half_way("colordrill-restore", POINT) as restoring:
        restoring.send_signal(signal.SIGTERM)
        _, said = restoring.communicate(timeout=SAFETY_S)

    assert ("no lease on" in said and "no space left" in said) is is_said


@pytest.fixture
def closed(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with a folder that cannot be listed; *store* lets the modules be found."""
    site = tmp_path / "site"
    folder = site / "output" / "closed"
    folder.mkdir(parents=True)
    (site / "output/a.png").write_bytes(b"a")
    monkeypatch.setenv("SITE_ROOT", str(site))
    really = os.scandir

    def scandir(path: Any) -> Any:
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for name in ("recovery_point", "site_volumes", "known_manifests", "earlier_restore"):
        sys.modules.pop(name, None)
    return folder


def test_a_folder_that_cannot_be_listed_is_named_and_not_left_out_of_a_point(closed: Path) -> None:
    with pytest.raises(OSError, match=str(closed)):
        program("colordrill-snapshot").list_files()


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("site_volumes", "everything"),
        ("site_volumes", "occupied"),
        ("earlier_restore", "site_files"),
    ],
)
def test_a_site_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    closed: Path, module: str, function: str
) -> None:
    (closed.parent / "a.png").unlink()

    with pytest.raises(OSError, match="cannot be listed"):
        getattr(import_module(module), function)()


def test_a_folder_that_vanishes_while_it_is_listed_is_passed_over(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_for_good = os.scandir

    def scandir(path: Any) -> Any:
        if str(path) == str(closed):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return closed_for_good(path)

    monkeypatch.setattr(os, "scandir", scandir)

    assert list(program("colordrill-snapshot").list_files()) == ["output/a.png"]
