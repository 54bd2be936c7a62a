"""A copy that is cut never becomes a point, whatever cut it, and the next one is whole."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.backup_lab import BackupLab, Running

pytestmark = pytest.mark.docker

FIRST, CUT, NEXT = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
SLOW = ("env", "PATH=/tmp/slow:/usr/local/bin:/usr/bin:/bin")
LARGE_BYTES = 12_000_000
TIMED_OUT = 124
KILL_ALL = """
import os, pathlib, signal
for stat in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = stat.read_bytes()
    pid = int(stat.parent.name)
    if pid not in (1, os.getpid()) and (b"rsync" in words or b"colordrill-snapshot" in words):
        os.kill(pid, signal.SIGKILL)
"""


@pytest.fixture
def copying(lab: BackupLab) -> Iterator[Running]:
    """A large file on its way to the server, slowly, after a first point."""
    lab.primary.put({"output/a.png": b"a"})
    lab.snapshot(FIRST)
    lab.primary.put({"output/large.png": secrets.token_bytes(LARGE_BYTES)})
    slow = (
        "mkdir -p /tmp/slow && printf '#!/bin/sh\\nexec /usr/bin/rsync --bwlimit=1000 \"$@\"\\n' "
        "> /tmp/slow/rsync && chmod 755 /tmp/slow/rsync"
    )
    lab.primary.checked("sh", "-c", slow)
    with lab.primary.starting(*SLOW, "colordrill-snapshot", CUT, "--previous", FIRST) as running:
        # rsync writes into a file of another name until it is complete
        half = f"find /backup/incoming/{CUT}/output -name '.large.png.*' -size +256k"
        lab.server.await_true(f"{half} | grep .")
        yield running


def expect_no_half_point(lab: BackupLab) -> None:
    """The cut copy is no point and cannot be made one; the next copy is whole."""
    assert lab.points() == [FIRST]
    refused = lab.server.run("colordrill-publish", CUT)
    assert refused.exit_code != 0
    assert "Traceback" not in refused.stderr
    lab.snapshot(NEXT, previous=FIRST)
    lab.server.checked("colordrill-verify", NEXT)
    lab.dr.checked("colordrill-restore", NEXT)
    hashes = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} + | sort")
    assert lab.dr.checked(*hashes) == lab.primary.checked(*hashes)
    assert lab.points() == [FIRST, NEXT]


def test_the_agent_is_killed(lab: BackupLab, copying: Running) -> None:
    lab.primary.python(KILL_ALL)

    assert copying.ended().exit_code != 0
    expect_no_half_point(lab)


def test_the_server_is_killed(lab: BackupLab, copying: Running) -> None:
    lab.server.container.kill()
    ended = copying.ended()
    lab.server.container.start()
    lab.server.await_true("rsync-ok 8730")

    assert ended.exit_code != 0
    assert "rsync" in ended.stderr
    expect_no_half_point(lab)


def test_the_link_is_dead(engine: Any, lab: BackupLab, copying: Running) -> None:
    (name,) = lab.primary.container.attrs["NetworkSettings"]["Networks"]
    network = engine.networks.get(name)
    network.disconnect(lab.primary.container)
    ended = copying.ended()
    network.connect(lab.primary.container)

    assert ended.exit_code != 0
    assert "rsync" in ended.stderr
    expect_no_half_point(lab)


def test_a_restore_that_reaches_its_time_limit_leaves_the_site_empty(lab: BackupLab) -> None:
    lab.primary.put({"output/a.png": b"a", "output/large.png": secrets.token_bytes(LARGE_BYTES)})
    lab.snapshot(FIRST)
    slow = (
        "mkdir -p /tmp/slow && printf '#!/bin/sh\nexec /usr/bin/rsync --bwlimit=1000 \"$@\"\n' "
        "> /tmp/slow/rsync && chmod 755 /tmp/slow/rsync"
    )
    lab.dr.checked("sh", "-c", slow)

    ended = lab.dr.run("timeout", "--kill-after=30", "3", *SLOW, "colordrill-restore", FIRST)

    assert ended.exit_code == TIMED_OUT
    assert "the site is empty again" in ended.stderr
    assert lab.dr.checked("find", "/site", "-type", "f") == ""


def test_the_servers_disk_is_full(small: BackupLab) -> None:
    small.primary.put({"output/a.png": b"a"})
    small.snapshot(FIRST)
    small.primary.put({"output/large.png": secrets.token_bytes(LARGE_BYTES)})

    ended = small.primary.run("colordrill-snapshot", CUT, "--previous", FIRST)

    assert ended.exit_code != 0
    assert "rsync to the backup server failed with exit code" in ended.stderr
    assert small.points() == [FIRST]
    assert small.server.run("colordrill-publish", CUT).exit_code != 0
    swept = json.loads(small.server.checked("colordrill-forget", "--failed", CUT))["swept"]
    assert swept == [CUT]
    assert small.server.checked("ls", "/backup/incoming") == ""
    small.primary.checked("rm", "/site/output/large.png")
    small.snapshot(NEXT, previous=FIRST)
    small.server.checked("colordrill-verify", NEXT)
